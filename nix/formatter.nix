# `nix fmt`: every formatter.
pkgs:
pkgs.writeShellApplication {
  name = "format";
  runtimeInputs = [
    pkgs.cargo
    pkgs.rustfmt
    pkgs.nixfmt
    pkgs.taplo
    pkgs.git
  ];
  text = ''
    cargo fmt --all
    git ls-files -z '*.nix' | xargs -0 nixfmt
    git ls-files -z '*.toml' | xargs -0 taplo fmt
  '';
}
