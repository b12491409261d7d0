//! The server's log.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use mgm_system::last_lines;

use crate::error::ServerError;

/// How many lines of the log an error quotes.
const QUOTED_LINES: usize = 20;

/// A file that PostgreSQL's programs append to, and the position at which this start begins.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    begin: u64,
}

impl Log {
    pub fn open(path: PathBuf) -> Result<Self, ServerError> {
        let mut log = Self { path, begin: 0 };
        let length = log.file()?.metadata().map(|metadata| metadata.len());
        log.begin = length.map_err(ServerError::io("look at", &log.path))?;
        Ok(log)
    }

    /// The file, open for appending.
    pub fn file(&self) -> Result<File, ServerError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.open(&self.path).map_err(ServerError::io("open", &self.path))
    }

    /// The last lines since this start.
    pub fn tail(&self) -> String {
        match last_lines(&self.path, self.begin, QUOTED_LINES) {
            Ok(lines) => lines.join("\n"),
            Err(error) => format!("cannot read {}: {error}", self.path.display()),
        }
    }
}
