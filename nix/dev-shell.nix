# The contributors' shell. `cargo run` and `cargo test` use its PostgreSQL.
{ pkgs, craneLib, ... }:
craneLib.devShell {
  packages = [
    pkgs.rust-analyzer
    pkgs.postgresql_16
    pkgs.process-compose
    pkgs.sqlx-cli
    pkgs.cargo-nextest
    pkgs.cargo-deny
    pkgs.actionlint
    pkgs.prometheus.cli
    pkgs.nixfmt
    pkgs.deadnix
    pkgs.taplo
    pkgs.jq
    # Stages of .ci/run install what they need with these.
    pkgs.nodejs
    pkgs.python3
  ];

  MGM_POSTGRES_BIN = "${pkgs.postgresql_16}/bin";
  RUST_SRC_PATH = "${pkgs.rustPlatform.rustLibSrc}";

  shellHook = ''
    echo "Mimiron's Gold-o-Matic: Rust ${pkgs.rustc.version}, PostgreSQL ${pkgs.postgresql_16.version}"
    echo "  cargo run -- tier-b   the stack from end to end    cargo nextest run   all tests"
    echo "  nix flake check       most of what CI checks       .ci/run             the same without Nix"
  '';
}
