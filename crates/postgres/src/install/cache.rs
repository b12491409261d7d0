//! The user's cache of binaries.
//!
//! An entry is a directory that appears complete or not at all: it is filled under another name, written to disk, marked,
//! and only then renamed. Of several processes that want the same entry at once, one fills it and the others wait.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::account::Account;

/// The file in a complete entry; it holds what the entry was verified by.
const MARKER: &str = "complete";
/// Where an entry is filled.
const UNFINISHED: &str = "unfinished";

/// A directory of entries.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    path: PathBuf,
    account: Account,
}

impl Cache {
    /// The cache directory of this user, where that can be reached by the user who runs PostgreSQL; else (root, whose home
    /// is closed) the system's.
    pub fn of_this_user(account: &Account) -> Option<Self> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let in_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        let candidates = [
            variable("XDG_CACHE_HOME"),
            variable("HOME").map(|home| home.join(in_home)),
            account.is_other().then(|| PathBuf::from("/var/cache")),
        ];
        let base = candidates.into_iter().flatten().find(|path| account.barred_from(path).is_none())?;
        Some(Self::new(base.join("mgm/postgres"), account))
    }

    pub fn new(path: PathBuf, account: &Account) -> Self {
        Self { path, account: account.clone() }
    }

    /// The entry `name`, if it is there and known to be good by `mark`.
    pub fn get(&self, name: &str, mark: &str) -> Option<PathBuf> {
        let entry = self.path.join(name);
        fs::read_to_string(entry.join(MARKER)).is_ok_and(|found| found == mark).then_some(entry)
    }

    /// The same; a missing or spoilt one is made by `fill`, which gets a
    /// directory to put it in and another one, below, for what it needs meanwhile.
    pub fn get_or_fill(
        &self,
        name: &str,
        mark: &str,
        fill: impl FnOnce(&Path, &Path) -> Result<(), String>,
    ) -> Result<PathBuf, String> {
        let failed = |error: io::Error| format!("cannot write to the cache {}: {error}", self.path.display());
        self.account.create_directory(&self.path).map_err(failed)?;
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).open(self.path.join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        // Another process may have been faster.
        if let Some(entry) = self.get(name, mark) {
            return Ok(entry);
        }
        let entry = self.path.join(name);
        let unfinished = self.path.join(UNFINISHED);
        let (content, scratch) = (unfinished.join("content"), unfinished.join("scratch"));
        for remnant in [&entry, &unfinished] {
            remove(remnant).map_err(failed)?;
        }
        self.account.create_directory(&content).map_err(failed)?;
        self.account.create_directory(&scratch).map_err(failed)?;
        let filled = fill(&content, &scratch).and_then(|()| self.finish(&content, &entry, mark).map_err(failed));
        let removed = remove(&unfinished).map_err(failed);
        filled?;
        removed?;
        Ok(entry)
    }

    fn finish(&self, content: &Path, entry: &Path, mark: &str) -> io::Result<()> {
        write_through(content)?;
        let marker = content.join(MARKER);
        fs::write(&marker, mark)?;
        File::open(&marker)?.sync_all()?;
        File::open(content)?.sync_all()?;
        fs::rename(content, entry)?;
        File::open(&self.path)?.sync_all()
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Has all below `directory` written to disk, and opens the directories to everybody: they hold nothing secret, and the
/// user who runs PostgreSQL has to read them.
fn write_through(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            write_through(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    File::open(directory)?.sync_all()
}
