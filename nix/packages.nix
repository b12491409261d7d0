# The programs. Each is built alone: Cargo unifies the features of everything it builds together, and features that the
# stand-ins or the tests enable must never reach the backend.
workspace:
let
  inherit (workspace) pkgs craneLib;
  inherit (pkgs) lib;

  programs = {
    mgm = {
      directory = "crates/orchestrator";
      mainProgram = "mgm";
    };
    mgm-backend = {
      directory = "crates/backend";
      mainProgram = "mgm-backend";
    };
    mgm-mocks = {
      directory = "crates/mocks";
      mainProgram = null;
    };
  };

  cargoArtifacts = workspace.dependencies {
    buildPhaseCargoCommand = lib.concatMapStringsSep "\n" (
      name: "cargoWithProfile build --locked --package ${name}"
    ) (lib.attrNames programs);
  };

  build =
    name:
    { directory, mainProgram }:
    craneLib.buildPackage (
      workspace.common
      // {
        pname = name;
        src = workspace.source (workspace.programFiles directory);
        inherit cargoArtifacts;
        cargoExtraArgs = "--locked --package ${name}";
        # Cargo reads the manifests of all crates and requires a target in each.
        postPatch = ''
          for crate in crates/*; do
            [ -d "$crate/src" ] || { mkdir "$crate/src" && touch "$crate/src/lib.rs"; }
          done
        '';
        # The tests are a separate check, on the whole workspace.
        doCheck = false;
        nativeBuildInputs = [ pkgs.installShellFiles ];
        postInstall = lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
          for program in "$out"/bin/*; do
            name=$(basename "$program")
            installShellCompletion --cmd "$name" \
              --bash <("$program" completions bash) \
              --fish <("$program" completions fish) \
              --zsh <("$program" completions zsh)
            "$program" manual "$PWD/manual"
          done
          installManPage manual/*
        '';
        meta = {
          inherit ((lib.importTOML (../. + "/${directory}/Cargo.toml")).package)
            description
            ;
          license = lib.licenses.mit;
          platforms = lib.platforms.unix;
        }
        // lib.optionalAttrs (mainProgram != null) { inherit mainProgram; };
      }
    );
in
lib.mapAttrs build programs
