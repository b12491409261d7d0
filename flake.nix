{
  description = "Mimiron's Gold-o-Matic: a Twitch give-away backend, and the stack that drives it from end to end";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    crane.url = "github:ipetkov/crane";
    flake-parts = {
      url = "github:hercules-ci/flake-parts";
      inputs.nixpkgs-lib.follows = "nixpkgs";
    };
  };

  outputs =
    inputs@{ self, nixpkgs, ... }:
    inputs.flake-parts.lib.mkFlake { inherit inputs; } {
      # The systems among these that nixpkgs still supports; `--all-systems` checks them all.
      systems = nixpkgs.lib.intersectLists nixpkgs.lib.systems.flakeExposed [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
        "x86_64-darwin"
      ];

      flake = {
        overlays.default = import ./nix/overlay.nix inputs.crane;
        nixosModules.default = import ./nix/module.nix self;
      };

      perSystem =
        { pkgs, ... }:
        let
          workspace = import ./nix/workspace.nix pkgs inputs.crane;
          packages = import ./nix/packages.nix workspace;
          stack = import ./nix/stack.nix pkgs packages.mgm;
        in
        {
          packages =
            packages
            // import ./nix/images.nix pkgs packages
            // {
              default = packages.mgm;
              mgm-stack = stack.program;
            };
          inherit (stack) apps;
          checks = import ./nix/checks.nix {
            inherit
              inputs
              workspace
              packages
              stack
              ;
          };
          devShells.default = import ./nix/dev-shell.nix workspace;
          formatter = import ./nix/formatter.nix pkgs;
        };
    };
}
