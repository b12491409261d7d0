# What CI checks, each separately: `nix build .#checks.<system>.<name>`.
{
  inputs,
  workspace,
  packages,
  stack,
}:
let
  inherit (workspace) pkgs craneLib common;
  inherit (pkgs) lib;
  inherit (lib) fileset;
  system = pkgs.stdenv.hostPlatform.system;

  # Artifacts of all dependencies, for the lints and the tests.
  cargoArtifacts = workspace.dependencies {
    CARGO_PROFILE = "dev";
    doCheck = true;
  };
  cargo = common // {
    inherit (workspace) src;
    inherit cargoArtifacts;
    CARGO_PROFILE = "dev";
    MGM_POSTGRES_BIN = "${stack.postgresql}/bin";
  };

  files =
    filter:
    workspace.source (fileset.intersection (fileset.gitTracked ../.) (fileset.fileFilter filter ../.));
  nixFiles = files (file: file.hasExt "nix");

  # Ours, and the example for other repositories.
  workflows = workspace.source (
    fileset.unions [
      ../.github
      ../ops/compose/workflow.yml
    ]
  );

  # A check that runs `script` in its own directory.
  run =
    name: inputs: script:
    pkgs.runCommand "mgm-${name}" {
      nativeBuildInputs = inputs;
      __darwinAllowLocalNetworking = true;
    } "${script}\ntouch $out";
in
{
  rustfmt = craneLib.cargoFmt (common // { inherit (workspace) src; });

  nixfmt = run "nixfmt" [ pkgs.nixfmt ] "find ${nixFiles} -name '*.nix' -exec nixfmt --check {} +";

  taplo = craneLib.taploFmt (common // { src = files (file: file.hasExt "toml"); });

  deadnix = run "deadnix" [ pkgs.deadnix ] "deadnix --fail ${nixFiles}";

  clippy = craneLib.cargoClippy (
    cargo // { cargoClippyExtraArgs = "--workspace --all-targets -- --deny warnings"; }
  );

  doc = craneLib.cargoDoc (
    cargo
    // {
      cargoDocExtraArgs = "--workspace --no-deps";
      env = common.env // {
        RUSTDOCFLAGS = "--deny warnings";
      };
    }
  );

  # A sandbox cannot reach the advisory database: the workflow queries it.
  deny = craneLib.cargoDeny (
    common
    // {
      inherit (workspace) src;
      cargoDenyChecks = "bans licenses sources";
    }
  );

  # .sqlx holds exactly the queries of the code, checked against the schema that the migrations make.
  queries = craneLib.mkCargoDerivation (
    cargo
    // {
      pnameSuffix = "-queries";
      buildPhaseCargoCommand = ''
        cargo build --locked --package mgm-test-support --example with-database
        mkdir recorded
        touch crates/store/src/lib.rs
        SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PWD/recorded" target/debug/examples/with-database \
          cargo check --locked --package mgm-store --all-targets
        diff --recursive --brief recorded crates/store/.sqlx
      '';
      doInstallCargoArtifacts = false;
      installPhaseCommand = "mkdir $out";
    }
  );

  nextest = craneLib.cargoNextest (cargo // { cargoNextestExtraArgs = "--workspace"; });

  doctest = craneLib.cargoDocTest (cargo // { cargoTestExtraArgs = "--workspace"; });

  tier-b = run "tier-b" [ ] ''
    export HOME=$PWD
    ${stack.program}/bin/mgm --log-dir logs process-compose tier-b --auto-ports
  '';

  process-compose = run "process-compose" [ pkgs.process-compose ] ''
    export HOME=$PWD
    for what in tier-a tier-b up; do
      ${stack.program}/bin/mgm --log-dir logs process-compose "$what" --print --auto-ports > "$what.json"
      process-compose --dry-run --config "$what.json"
    done
  '';

  actionlint = run "actionlint" [
    pkgs.actionlint
    pkgs.shellcheck
  ] "cd ${workflows} && actionlint -color .github/workflows/*.yml ops/compose/workflow.yml";

  # Without the network: what only GitHub knows is not checked.
  zizmor = run "zizmor" [
    pkgs.zizmor
  ] "cd ${workflows} && zizmor --offline --quiet --no-progress .github ops/compose/workflow.yml";

  alerts = run "alerts" [ pkgs.prometheus.cli ] ''
    cd ${../ops/monitoring}
    promtool check rules alerts.yml
    promtool test rules alerts-test.yml
  '';

  flake-lock = run "flake-lock" [ pkgs.jq ] ''
    bash ${
      workspace.source (
        fileset.unions [
          ../.ci/flake-lock
          ../flake.lock
          ../flake.nix
        ]
      )
    }/.ci/flake-lock
  '';

  # The three can be installed side by side; each has its programs, completions and manual pages, and no path of where it
  # was built.
  packages =
    run "packages"
      [
        (pkgs.buildEnv {
          name = "mgm-packages";
          paths = lib.attrValues packages;
        })
      ]
      ''
        for package in ${lib.concatStringsSep " " (lib.attrValues packages)}; do
          for program in "$package"/bin/*; do
            name=$(basename "$program")
            "$name" --version
            for file in \
              share/man/man1/"$name".1.gz \
              share/bash-completion/completions/"$name".bash \
              share/fish/vendor_completions.d/"$name".fish \
              share/zsh/site-functions/_"$name"; do
              [ -s "$package/$file" ] || { echo "$file is missing in $package"; exit 1; }
            done
            if grep --text --only-matching "$NIX_BUILD_TOP/[[:print:]]*" "$program"; then
              echo "$name says where it was built"
              exit 1
            fi
          done
        done
      '';

  # A program brings its libraries, but no compiler and no source. Limits in MiB for everything that has to be copied.
  closure-sizes =
    let
      most = {
        mgm = 120;
        mgm-backend = 120;
        mgm-mocks = 120;
      };
      check = name: mebibytes: ''
        size=$(cat ${pkgs.closureInfo { rootPaths = [ packages.${name} ]; }}/total-nar-size)
        echo "${name}: $((size / 1024 / 1024)) MiB of at most ${toString mebibytes} MiB"
        [ "$size" -le $((${toString mebibytes} * 1024 * 1024)) ]
      '';
    in
    run "closure-sizes" [ ] (lib.concatStrings (lib.mapAttrsToList check most));
}
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
  module = import ./module-check.nix { inherit inputs pkgs system; };
}
