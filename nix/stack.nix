# The stack: `mgm` with PostgreSQL and process-compose, which it starts, and the apps that start it.
pkgs: mgm:
let
  inherit (pkgs) lib;
  postgresql = pkgs.postgresql_16;

  program = pkgs.symlinkJoin {
    name = "mgm-stack";
    paths = [ mgm ];
    nativeBuildInputs = [ pkgs.makeBinaryWrapper ];
    postBuild = ''
      wrapProgram "$out/bin/mgm" \
        --set-default MGM_POSTGRES_BIN ${postgresql}/bin \
        --prefix PATH : ${
          lib.makeBinPath [
            pkgs.process-compose
            pkgs.bash
          ]
        }
    '';
    inherit (mgm) meta;
  };

  # Arguments after `--` on the command line of `nix run` go to `to`.
  app = description: what: to: {
    type = "app";
    meta = { inherit description; };
    program = toString (
      pkgs.writeShellScript "mgm-${what}" ''exec ${program}/bin/mgm process-compose ${what} ${to} "$@"''
    );
  };
in
{
  inherit postgresql program;
  apps = {
    default = {
      type = "app";
      program = "${program}/bin/mgm";
      meta.description = "The program mgm, with PostgreSQL and process-compose at hand";
    };
    tier-b = app "Run Tier B on a stack of its own" "tier-b" "--";
    tier-a = app "Run Tier A on a stack of its own" "tier-a" "--";
    up = app "Keep the stack running" "up" "";
    mocks = {
      type = "app";
      program = toString (
        pkgs.writeShellScript "mgm-mocks" ''exec ${program}/bin/mgm mocks --tier-b "$@"''
      );
      meta.description = "Keep the four stand-ins running, for a backend of your own";
    };
  };
}
