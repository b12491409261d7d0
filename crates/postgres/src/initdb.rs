//! Creates a data directory.

use std::ffi::OsString;
use std::fs;
use std::process::Stdio;

use mgm_system::Program;
use nix::sys::signal::Signal;

use crate::account::Account;
use crate::directory::Directory;
use crate::error::ServerError;
use crate::install::Installation;
use crate::log::Log;
use crate::options::{Data, ServerOptions};

/// The role that owns the cluster; nobody works with it.
pub(crate) const SUPERUSER: &str = "postgres";

/// Creates the data directory. Only a complete one gets its final name, so that an interrupted start is repeated.
pub(crate) fn initdb(
    installation: &Installation,
    options: &ServerOptions,
    directory: &Directory,
    account: &Account,
    log: &Log,
) -> Result<(), ServerError> {
    let unfinished = directory.unfinished_data();
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(ServerError::io("remove", &unfinished))?;
    }
    fs::create_dir(&unfinished).map_err(ServerError::io("create", &unfinished))?;
    account.give(&unfinished).map_err(ServerError::io("hand over", &unfinished))?;

    let mut arguments: Vec<OsString> = Vec::new();
    arguments.extend(["-D".into(), unfinished.clone().into()]);
    arguments.extend(["--username".into(), SUPERUSER.into()]);
    arguments.extend(["--pwfile".into(), directory.password_file().into()]);
    // Sorting by bytes is the only order that all systems share.
    arguments
        .extend(["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-instructions"].map(OsString::from));
    if options.data == Data::ThrowAway {
        arguments.push("--no-sync".into());
    }
    if installation.major() >= 16 {
        // Iterations make a guessable password more expensive to guess; this one is 24 random bytes. Without them either
        // side saves thousands of hashes per connection.
        arguments.push("--set=scram_iterations=1".into());
    }
    let path = installation.program("initdb");
    // An incomplete data directory is discarded anyway.
    let mut program = Program::new(&path, options.parent_death, Signal::SIGKILL);
    account.prepare(program.command().args(arguments).stdin(Stdio::null()));
    let mut child = program.spawn(log.file()?).map_err(ServerError::io("start", &path))?;
    match child.wait() {
        Some(status) if status.success() => {}
        _ => return Err(ServerError::Initdb(log.tail())),
    }
    directory.finish_data()
}
