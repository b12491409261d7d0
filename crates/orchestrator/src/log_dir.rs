//! The directory of the log files, used by one program at a time.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use mgm_service::services::SERVICES;

use crate::state::StateDir;

/// How many programs of one user can run at once without choosing a log directory.
const MOST: usize = 100;

/// A directory for log files. Other programs do not use it as long as this value lives.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
    _lock: File,
}

impl LogDir {
    /// The requested directory, or else `logs` in the state directory, or `logs-2` and so on while others use it.
    pub fn open(asked: Option<&Path>, state: &StateDir) -> Result<Self> {
        if let Some(path) = asked {
            let path = std::path::absolute(path).with_context(|| format!("the log directory {}", path.display()))?;
            let display = path.display().to_string();
            let Some(directory) = Self::lock(path)? else {
                bail!("another mgm writes its logs to {display}; name another directory with --log-dir");
            };
            return Ok(directory);
        }
        for number in 1..=MOST {
            if let Some(directory) = Self::lock(state.logs(number))? {
                return Ok(directory);
            }
        }
        bail!("{MOST} other programs write their logs to the state directory; name a directory with --log-dir")
    }

    /// `None` if another program uses it.
    fn lock(path: PathBuf) -> Result<Option<Self>> {
        let open = || {
            std::fs::create_dir_all(&path)?;
            File::create(path.join(".lock"))
        };
        let lock = open().with_context(|| format!("cannot write to the log directory {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {
                can_write_logs(&path)?;
                Ok(Some(Self { path, _lock: lock }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock the log directory {}", path.display()))
            }
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Checks that existing log files can be written, before anything is started.
fn can_write_logs(directory: &Path) -> Result<()> {
    for service in SERVICES {
        let path = directory.join(service.log_file);
        match File::options().append(true).open(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot write the log file {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_programs_do_not_write_to_one_directory() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::choose(Some(directory.path().to_owned())).unwrap();
        let first = LogDir::open(None, &state).unwrap();
        let second = LogDir::open(None, &state).unwrap();
        assert_eq!(first.path(), directory.path().join("logs"));
        assert_eq!(second.path(), directory.path().join("logs-2"));
        let refused = LogDir::open(Some(first.path()), &state).unwrap_err();
        assert!(refused.to_string().contains("--log-dir"), "{refused}");
        drop(first);
        assert_eq!(LogDir::open(None, &state).unwrap().path(), directory.path().join("logs"));
    }

    #[test]
    fn a_log_file_that_cannot_be_written_is_found_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::choose(Some(directory.path().to_owned())).unwrap();
        let logs = directory.path().join("mine");
        std::fs::create_dir_all(logs.join(SERVICES[0].log_file)).unwrap();
        let refused = LogDir::open(Some(&logs), &state).unwrap_err().to_string();
        assert!(refused.contains(SERVICES[0].log_file), "{refused}");
    }
}
