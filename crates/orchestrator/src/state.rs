//! Where data and logs are kept between runs.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use secrecy::{ExposeSecret as _, SecretString};

/// The state directory and its contents.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// The requested one, or else `$XDG_STATE_HOME/mgm`, or else `~/.local/state/mgm`; for root `/var/lib/mgm`, since
    /// PostgreSQL runs as an unprivileged user, who cannot enter root's home.
    pub fn choose(asked: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = asked {
            let path = std::path::absolute(&path).with_context(|| format!("the state directory {}", path.display()))?;
            return Ok(Self(path));
        }
        let directory = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = directory("XDG_STATE_HOME")
            .or_else(|| nix::unistd::Uid::effective().is_root().then(|| PathBuf::from("/var/lib")))
            .or_else(|| directory("HOME").map(|home| home.join(".local/state")))
            .context("neither XDG_STATE_HOME nor HOME is set; name a directory with --state-dir")?;
        Ok(Self(base.join("mgm")))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The data of the stack's own PostgreSQL.
    pub fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// The local authority that signs the certificates of Twitch's names.
    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// A directory for log files; the first is the usual one.
    pub fn logs(&self, number: usize) -> PathBuf {
        self.0.join(if number == 1 { "logs".to_owned() } else { format!("logs-{number}") })
    }

    /// The file with the connection string of the stack's own PostgreSQL while it runs.
    pub fn connection_string(&self) -> PathBuf {
        self.0.join("connection-string")
    }

    /// Removes that file, in case an earlier run could not.
    pub fn unpublish(&self) {
        drop(std::fs::remove_file(self.connection_string()));
    }

    /// Writes the connection string of the stack's own PostgreSQL, readable by this user only, for as long as the value lives.
    pub fn publish(&self, connection_string: &SecretString) -> Result<Published> {
        let path = self.connection_string();
        let write = || {
            std::fs::create_dir_all(&self.0)?;
            let mut file =
                std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            writeln!(file, "{}", connection_string.expose_secret())
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Published(path))
    }
}

/// A file with a connection string.
#[derive(Debug)]
pub struct Published(PathBuf);

impl Published {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // Somebody may have removed it; its password is no longer valid.
        drop(std::fs::remove_file(&self.0));
    }
}
