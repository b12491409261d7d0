//! The server's log.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use crate::error::ServerError;

/// How much of the log an error quotes.
const QUOTED_LINES: usize = 20;

/// A file that PostgreSQL's programs append to, and where in it this start begins.
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
        let read = || {
            let mut text = Vec::new();
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.begin))?;
            file.read_to_end(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        let text =
            read().unwrap_or_else(|error: std::io::Error| format!("cannot read {}: {error}", self.path.display()));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
    }
}
