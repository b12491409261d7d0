# NixOS: `services.mgm` runs the backend, with its secrets from files and, if wanted, its database.
self:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.mgm;
  inherit (lib) mkIf mkOption types;

  # The owner role can change the schema; the serving role can only change rows.
  owner = "mgm-migrate";
  user = "mgm";
  port = toString config.services.postgresql.settings.port;
  local = role: "Host=/run/postgresql;Port=${port};Database=${cfg.database.name};Username=${role}";

  migrates = cfg.database.createLocally || cfg.database.migrationConnectionString != null;

  # In systemd units a percent sign begins a specifier.
  toText =
    value:
    lib.replaceStrings [ "%" ] [ "%%" ] (
      if lib.isBool value then lib.boolToString value else toString value
    );

  # For each secret, `LoadCredential` and the variable that names the file.
  withCredentials = credentials: {
    serviceConfig.LoadCredential = lib.mapAttrsToList (name: file: "${name}:${file}") credentials;
    environment = lib.mapAttrs' (name: _: lib.nameValuePair "${name}__File" "%d/${name}") credentials;
  };

  service = lib.mkMerge [
    {
      serviceConfig = {
        User = lib.mkDefault user;
        Group = user;
        UMask = "0077";
        CapabilityBoundingSet = "";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        PrivateUsers = true;
        ProcSubset = "pid";
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RemoveIPC = true;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallErrorNumber = "EPERM";
        SystemCallFilter = [
          "@system-service"
          "~@privileged @resources"
        ];
      };
    }
  ];
in
{
  options.services.mgm = {
    enable = lib.mkEnableOption "the backend of Mimiron's Gold-o-Matic";

    package = mkOption {
      type = types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.mgm-backend;
      defaultText = lib.literalExpression "mimirons-gold-o-matic.packages.\${system}.mgm-backend";
      description = "The package of `mgm-backend`.";
    };

    settings = mkOption {
      type = types.attrsOf (
        types.oneOf [
          types.bool
          types.int
          types.str
        ]
      );
      default = { };
      example = {
        Twitch__BroadcasterUserId = "12345678";
        Mgm__Urls = "http://127.0.0.1:8080";
      };
      description = ''
        Settings, by the names of their environment variables; `mgm-backend config` lists them. No secrets: every user of
        the machine can read these.
      '';
    };

    credentials = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        Mgm__ApiKey = "/run/secrets/mgm-api-key";
        Twitch__EventSubSecret = "/run/secrets/mgm-eventsub";
        Twitch__ExtensionSecret = "/run/secrets/mgm-extension";
      };
      description = ''
        The files that hold secret settings, by the names of the settings' environment variables. systemd reads
        them as root and shows them to the service alone.
      '';
    };

    database = {
      createLocally = mkOption {
        type = types.bool;
        default = true;
        description = ''
          Whether to set up PostgreSQL on this machine: a database, a role that owns and migrates its schema, and a role that
          serves and can only change rows. Otherwise set `credentials.ConnectionStrings__PostgreSQL`.
        '';
      };

      name = mkOption {
        type = types.strMatching "[a-z_][a-z0-9_]*";
        default = "mgm";
        description = "The database on this machine.";
      };

      migrationConnectionString = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "/run/secrets/mgm-migration-database";
        description = ''
          The file with the connection string of the role that migrates a database elsewhere. Null: the backend applies the
          migrations itself, with the role that it serves with.
        '';
      };
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.database.createLocally || cfg.credentials ? ConnectionStrings__PostgreSQL;
        message = "services.mgm: without database.createLocally, credentials.ConnectionStrings__PostgreSQL has to say where the database is";
      }
      {
        assertion = !(cfg.database.createLocally && cfg.database.migrationConnectionString != null);
        message = "services.mgm: database.migrationConnectionString is for a database elsewhere; leave it out or turn database.createLocally off";
      }
    ];

    users = {
      users = {
        ${user} = {
          isSystemUser = true;
          group = user;
        };
        ${owner} = {
          isSystemUser = true;
          group = user;
        };
      };
      groups.${user} = { };
    };

    services.postgresql = mkIf cfg.database.createLocally {
      enable = true;
      # Takes precedence over the default of NixOS, but not over the machine's own configuration.
      package = lib.mkOverride 900 pkgs.postgresql_16;
      ensureUsers = [
        { name = owner; }
        { name = user; }
      ];
    };

    systemd.services = {
      mgm-database = mkIf cfg.database.createLocally {
        description = "Database of Mimiron's Gold-o-Matic";
        after = [ "postgresql.target" ];
        requires = [ "postgresql.target" ];
        path = [ config.services.postgresql.package ];
        environment.PGPORT = port;
        # The serving role may read and change the rows of whatever the owner creates from here on.
        script = ''
          psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 postgres <<'SQL'
          SELECT 'CREATE DATABASE "${cfg.database.name}" OWNER "${owner}"'
           WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${cfg.database.name}') \gexec
          \connect "${cfg.database.name}"
          REVOKE ALL ON SCHEMA public FROM PUBLIC;
          GRANT ALL ON SCHEMA public TO "${owner}";
          GRANT USAGE ON SCHEMA public TO "${user}";
          ALTER DEFAULT PRIVILEGES FOR ROLE "${owner}" IN SCHEMA public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "${user}";
          ALTER DEFAULT PRIVILEGES FOR ROLE "${owner}" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO "${user}";
          SQL
        '';
        serviceConfig = {
          Type = "oneshot";
          User = "postgres";
        };
      };

      mgm-migrate = mkIf migrates (
        lib.mkMerge [
          service
          {
            description = "Migrations of Mimiron's Gold-o-Matic";
            after = [
              "network-online.target"
            ]
            ++ lib.optional cfg.database.createLocally "mgm-database.service";
            wants = [ "network-online.target" ];
            requires = lib.optional cfg.database.createLocally "mgm-database.service";
            environment = lib.mapAttrs (_: toText) cfg.settings;
            serviceConfig = {
              Type = "oneshot";
              User = owner;
              ExecStart = "${lib.getExe cfg.package} migrate";
            };
          }
          (
            if cfg.database.createLocally then
              { environment.ConnectionStrings__PostgreSQL = local owner; }
            else
              withCredentials { ConnectionStrings__PostgreSQL = cfg.database.migrationConnectionString; }
          )
        ]
      );

      mgm-backend = lib.mkMerge [
        service
        {
          description = "Backend of Mimiron's Gold-o-Matic";
          wantedBy = [ "multi-user.target" ];
          after = [ "network-online.target" ] ++ lib.optional migrates "mgm-migrate.service";
          wants = [ "network-online.target" ];
          requires = lib.optional migrates "mgm-migrate.service";
          environment = lib.mapAttrs (_: toText) cfg.settings;
          serviceConfig = {
            ExecStart = lib.getExe cfg.package;
            Restart = "on-failure";
            RestartSec = 2;
            # Restarting does not fix wrong settings.
            RestartPreventExitStatus = 2;
            # Longer than requests and announcements under way may take.
            TimeoutStopSec = 45;
          };
        }
        (withCredentials cfg.credentials)
        (mkIf cfg.database.createLocally { environment.ConnectionStrings__PostgreSQL = local user; })
      ];
    };
  };
}
