# The NixOS module, evaluated: what the units say is what the options asked for.
{
  inputs,
  pkgs,
  system,
}:
let
  inherit (pkgs) lib;

  units =
    configuration:
    (inputs.nixpkgs.lib.nixosSystem {
      modules = [
        inputs.self.nixosModules.default
        {
          nixpkgs.hostPlatform = system;
          system.stateVersion = "26.05";
          services.mgm = {
            enable = true;
            settings = {
              Twitch__BroadcasterUserId = "12345678";
              Version__ReleaseNotesUrl = "https://example.org/what%20is%20new";
            };
            credentials.Mgm__ApiKey = "/run/secrets/key";
          }
          // configuration;
        }
      ];
    }).config.systemd.services;

  here = units { };
  elsewhere = units {
    credentials.ConnectionStrings__PostgreSQL = "/run/secrets/database";
    database.createLocally = false;
  };

  backend = here.mgm-backend;
  claims = {
    "the backend waits for the migrations" = lib.elem "mgm-migrate.service" backend.requires;
    "the migrations wait for the database" = lib.elem "mgm-database.service" here.mgm-migrate.requires;
    "the schema belongs to a role of its own" =
      backend.serviceConfig.User != here.mgm-migrate.serviceConfig.User;
    "secrets come out of files" =
      backend.serviceConfig.LoadCredential == [ "Mgm__ApiKey:/run/secrets/key" ]
      && backend.environment.Mgm__ApiKey__File == "%d/Mgm__ApiKey";
    "settings are variables" = backend.environment.Twitch__BroadcasterUserId == "12345678";
    "a percent sign is no specifier" =
      backend.environment.Version__ReleaseNotesUrl == "https://example.org/what%%20is%%20new";
    "a database elsewhere needs no PostgreSQL here" =
      !(elsewhere ? mgm-database) && !(elsewhere ? mgm-migrate) && elsewhere.mgm-backend.requires == [ ];
    "no capability is left" = backend.serviceConfig.CapabilityBoundingSet == "";
  };
  broken = lib.attrNames (lib.filterAttrs (_: holds: !holds) claims);
in
pkgs.runCommand "mgm-module" { } (
  if broken == [ ] then
    "echo ${lib.escapeShellArg (lib.concatLines (lib.attrNames claims))} > $out"
  else
    throw "the NixOS module: not true that ${lib.concatStringsSep "; " broken}"
)
