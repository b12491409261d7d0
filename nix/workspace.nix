# How the Cargo workspace is built: which files belong to a crate, and what all builds share.
pkgs: crane:
let
  inherit (pkgs) lib;
  inherit (lib) fileset;
  root = ../.;
  craneLib = crane.mkLib pkgs;
  manifest = lib.importTOML ../Cargo.toml;

  # The directory of each of our crates that others depend on.
  directories = lib.mapAttrs (_: dependency: dependency.path) (
    lib.filterAttrs (_: dependency: dependency ? path) manifest.workspace.dependencies
  );

  # The directories of a crate and of all our crates that it is built from.
  closure =
    directory:
    map (node: node.key) (
      lib.genericClosure {
        startSet = [ { key = directory; } ];
        operator =
          { key }:
          map (dependency: { key = dependency; }) (
            lib.attrValues (
              lib.intersectAttrs ((lib.importTOML (root + "/${key}/Cargo.toml")).dependencies or { }) directories
            )
          );
      }
    );

  manifests = fileset.unions [
    ../Cargo.toml
    ../Cargo.lock
    (fileset.fileFilter (file: file.name == "Cargo.toml") ../crates)
  ];

  # The files of a program and nothing else: a change to any other file does not change its derivation.
  programFiles =
    directory:
    let
      crates = closure directory;
      sources =
        crate: fileset.difference (root + "/${crate}") (fileset.maybeMissing (root + "/${crate}/tests"));
    in
    fileset.unions (
      [ manifests ]
      ++ map sources crates
      # The store embeds the schema.
      ++ lib.optional (lib.elem directories.mgm-store crates) ../migrations
    );

  # crane's own filter would leave out SQL, recorded queries and snapshots.
  allFiles = fileset.unions [
    manifests
    ../crates
    ../migrations
    ../clippy.toml
    ../deny.toml
    ../rustfmt.toml
    # Tests compare these with the code.
    ../README.md
    ../docs/configuration.md
    ../docs/metrics.md
    ../docs/troubleshooting.md
    ./images.nix
  ];

  source =
    files:
    fileset.toSource {
      inherit root;
      fileset = files;
    };

  common = {
    pname = "mgm";
    inherit (manifest.workspace.package) version;
    strictDeps = true;
    cargoVendorDir = craneLib.vendorCargoDeps { cargoLock = ../Cargo.lock; };
    env.SQLX_OFFLINE = "true";
    # Tests and services talk to each other over loopback.
    __darwinAllowLocalNetworking = true;
  };

  # Only the dependencies, built once for everything that uses them.
  dependencies =
    args:
    craneLib.buildDepsOnly (
      common
      // {
        src = source allFiles;
        doCheck = false;
      }
      // args
    );
in
{
  inherit
    pkgs
    craneLib
    manifest
    common
    dependencies
    programFiles
    source
    ;
  src = source allFiles;
}
