# The NixOS module, evaluated in whole systems: the units match the options.
{
  inputs,
  pkgs,
  system,
}:
let
  inherit (pkgs) lib;

  machine =
    configuration:
    (inputs.nixpkgs.lib.nixosSystem {
      modules = [
        inputs.self.nixosModules.default
        {
          nixpkgs.hostPlatform = system;
          system.stateVersion = "26.05";
          # A system without a disk or a boot loader.
          boot.isContainer = true;
          services.mgm = {
            enable = true;
            settings = {
              Twitch__BroadcasterUserId = "12345678";
              Version__ReleaseNotesUrl = "https://example.org/what%20is%20new";
            };
            credentials.Mgm__ApiKey = "/run/secrets/key";
          };
        }
        configuration
      ];
    }).config;

  # One machine that does not configure PostgreSQL, and one that does.
  plain = machine { };
  with17 = machine (
    { pkgs, ... }:
    {
      services.postgresql = {
        package = pkgs.postgresql_17;
        settings.port = 5433;
      };
    }
  );
  elsewhere = machine {
    services.mgm = {
      credentials.ConnectionStrings__PostgreSQL = "/run/secrets/database";
      database.createLocally = false;
    };
  };
  nowhere = machine { services.mgm.database.createLocally = false; };

  inherit (plain.systemd.services) mgm-backend mgm-migrate mgm-database;
  refusals = config: map (a: a.message) (lib.filter (a: !a.assertion) config.assertions);

  claims = {
    "the backend waits for the migrations" = lib.elem "mgm-migrate.service" mgm-backend.requires;
    "the migrations wait for the database" = lib.elem "mgm-database.service" mgm-migrate.requires;
    "the schema belongs to its own role" =
      mgm-backend.serviceConfig.User == "mgm" && mgm-migrate.serviceConfig.User == "mgm-migrate";
    "secrets come from files" =
      mgm-backend.serviceConfig.LoadCredential == [ "Mgm__ApiKey:/run/secrets/key" ]
      && mgm-backend.environment.Mgm__ApiKey__File == "%d/Mgm__ApiKey";
    "settings are variables" = mgm-backend.environment.Twitch__BroadcasterUserId == "12345678";
    "a percent sign is not a specifier" =
      mgm-backend.environment.Version__ReleaseNotesUrl == "https://example.org/what%%20is%%20new";
    "no capability is left" = mgm-backend.serviceConfig.CapabilityBoundingSet == "";
    "PostgreSQL is 16 unless the machine says otherwise" =
      lib.versions.major plain.services.postgresql.package.version == "16"
      && lib.versions.major with17.services.postgresql.package.version == "17";
    "the database is reached where PostgreSQL listens" =
      mgm-database.environment.PGPORT == "5432"
      && with17.systemd.services.mgm-database.environment.PGPORT == "5433"
      && lib.hasInfix "Port=5433;" with17.systemd.services.mgm-backend.environment.ConnectionStrings__PostgreSQL;
    "a database elsewhere needs no PostgreSQL here" =
      !elsewhere.services.postgresql.enable
      && !(elsewhere.systemd.services ? mgm-database)
      && !(elsewhere.systemd.services ? mgm-migrate)
      && elsewhere.systemd.services.mgm-backend.requires == [ ];
    "a database elsewhere has to be named" =
      refusals elsewhere == [ ] && lib.length (refusals nowhere) == 1;
  };
  broken = lib.attrNames (lib.filterAttrs (_: holds: !holds) claims);

  # No assertion of the whole system fails.
  systems = map (config: builtins.unsafeDiscardStringContext config.system.build.toplevel.drvPath) [
    plain
    with17
    elsewhere
  ];
in
pkgs.runCommand "mgm-module" { } (
  if broken == [ ] then
    "echo ${lib.escapeShellArg (lib.concatLines (lib.attrNames claims ++ systems))} > $out"
  else
    throw "the NixOS module: not true that ${lib.concatStringsSep "; " broken}"
)
