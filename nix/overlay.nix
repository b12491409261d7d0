# The programs, built with another flake's nixpkgs.
crane: final: _: {
  inherit (import ./packages.nix (import ./workspace.nix final crane)) mgm mgm-backend mgm-mocks;
}
