//! The files that a report is written to.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueHint};

/// Where to write reports.
#[derive(Args, Clone, Debug, Default)]
pub struct ReportFiles {
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Write a page to this file, to open in a browser: who called whom, the start of each service, all logs.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

impl ReportFiles {
    /// Checks that all can be written, before anything is started. Leaves nothing behind.
    pub fn check(&self) -> Result<()> {
        can_write("JUnit report", self.junit.as_deref())?;
        can_write("page", self.html.as_deref())
    }
}

/// Checks that a file can be written, if one is asked for.
pub fn can_write(what: &str, path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let can_write = || match File::create_new(path) {
        Ok(_) => std::fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => File::options().append(true).open(path).map(drop),
        Err(error) => Err(error),
    };
    can_write().with_context(|| format!("cannot write the {what} {}", path.display()))
}
