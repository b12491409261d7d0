# Container images, streamed: `nix build .#image-backend && ./result | docker load`. A program and its libraries, no
# shell, no root; each program checks its own health.
pkgs: packages:
let
  inherit (pkgs) lib;

  environment = [ "SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt" ];

  image =
    name: settings:
    pkgs.dockerTools.streamLayeredImage {
      inherit name;
      tag = packages.${name}.version;
      contents = [
        packages.${name}
        # CA certificates, for calls to Twitch.
        pkgs.dockerTools.caCertificates
      ];
      config = {
        User = "65532:65532";
        WorkingDir = "/";
        Env = environment;
      }
      // settings;
    };

  health = command: {
    Test = [ "CMD" ] ++ command;
    # In nanoseconds.
    Interval = 10 * 1000 * 1000 * 1000;
    Timeout = 5 * 1000 * 1000 * 1000;
    StartPeriod = 30 * 1000 * 1000 * 1000;
    Retries = 3;
  };
in
# Images are for Linux, wherever they are built.
lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
  image-backend = image "mgm-backend" {
    Entrypoint = [ "/bin/mgm-backend" ];
    ExposedPorts."8080/tcp" = { };
    Env = environment ++ [ "Mgm__Urls=http://+:8080" ];
    Healthcheck = health [
      "/bin/mgm-backend"
      "health"
    ];
  };
  image-mocks = image "mgm-mocks" {
    # One stand-in per container: `docker run mgm-mocks mgm-mock-jwt`.
    Cmd = [ "/bin/mgm-mock-helix" ];
    Healthcheck = health [
      "/bin/mgm-mock-helix"
      "health"
      "--any"
    ];
    ExposedPorts = lib.genAttrs' [ 9051 9052 9053 9054 ] (
      port: lib.nameValuePair "${toString port}/tcp" { }
    );
  };
}
