//! The user's cache of binaries.
//!
//! An entry is a directory that appears complete or not at all: it is filled under another name, written to disk, marked,
//! and only then renamed. If several processes need the same entry at once, one fills it and the others wait.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::account::Account;

/// The file that marks a complete entry; it holds what the entry was verified by, and its size.
const MARKER: &str = "complete";
/// The directory in which an entry is filled.
const UNFINISHED: &str = "unfinished";

/// The note about the last failed fetch.
const FAILURE: &str = "could-not-fetch";
/// How long such a note saves a machine without network another attempt.
const FAILURE_COUNTS: Duration = Duration::from_secs(24 * 3600);

/// A directory of entries.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    path: PathBuf,
    account: Account,
}

impl Cache {
    /// The user's cache directory, if the user who runs PostgreSQL can reach it; or else (for root, whose home is closed) the
    /// system's.
    pub fn of_this_user(account: &Account) -> Option<Self> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let in_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        let candidates = [
            variable("XDG_CACHE_HOME"),
            variable("HOME").map(|home| home.join(in_home)),
            account.is_other().then(|| PathBuf::from("/var/cache")),
        ];
        let base = candidates.into_iter().flatten().find(|path| account.barred_from(path).is_none())?;
        Some(Self::new(base.join("mgm/postgresql"), account))
    }

    pub fn new(path: PathBuf, account: &Account) -> Self {
        Self { path, account: account.clone() }
    }

    /// The entry `name`, if it was verified by `mark` and is still complete: cache cleaners may have deleted parts. An entry
    /// that cannot be examined, for example for lack of file descriptors, counts as neither complete nor damaged, since
    /// somebody may be using it.
    pub fn get(&self, name: &str, mark: &str) -> Result<Option<PathBuf>, String> {
        let entry = self.path.join(name);
        let is_whole = || Ok(fs::read_to_string(entry.join(MARKER))? == marker(mark, walk(&entry, &|_| Ok(()))?));
        match is_whole() {
            Ok(is_whole) => Ok(is_whole.then_some(entry)),
            Err(error) if is_of_a_spoilt_entry(&error) => Ok(None),
            Err(error) => Err(format!("cannot look at {} in the cache: {error}", entry.display())),
        }
    }

    /// Records that nothing could be fetched, and why, for [`Self::failure`]. If that fails, the only effect is that the next
    /// attempt is made sooner.
    pub fn note_failure(&self, about: &str, why: &str) {
        let note = self.path.join(FAILURE);
        drop(self.account.create_directory(&self.path).and_then(|()| fs::write(note, format!("{about}\n{why}"))));
    }

    /// Why nothing could be fetched, if that was recorded recently for the same `about`.
    pub fn failure(&self, about: &str) -> Option<String> {
        let note = self.path.join(FAILURE);
        let age = fs::metadata(&note).and_then(|note| note.modified()).ok()?.elapsed().ok()?;
        let text = fs::read_to_string(&note).ok().filter(|_| age < FAILURE_COUNTS)?;
        text.strip_prefix(about)?.strip_prefix('\n').map(str::to_owned)
    }

    /// The note of the last failure.
    pub fn failure_note(&self) -> PathBuf {
        self.path.join(FAILURE)
    }

    /// The same; a missing or damaged one is created by `fill`, which gets a
    /// directory for the content and another one, below it, for temporary files.
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
        if let Some(entry) = self.get(name, mark)? {
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
        // The directories are readable by everybody: they hold nothing secret, and the user who runs PostgreSQL must read them.
        let size = walk(content, &|path| {
            if path.is_dir() {
                fs::set_permissions(path, Permissions::from_mode(0o755))?;
            }
            File::open(path)?.sync_all()
        })?;
        let path = content.join(MARKER);
        fs::write(&path, marker(mark, size))?;
        File::open(&path)?.sync_all()?;
        File::open(content)?.sync_all()?;
        fs::rename(content, entry)?;
        File::open(&self.path)?.sync_all()
    }
}

/// Something is missing or has changed.
fn is_of_a_spoilt_entry(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), InvalidData | IsADirectory | NotADirectory | NotFound)
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The size of an entry.
#[derive(Debug, Default)]
struct Size {
    files: u64,
    bytes: u64,
}

fn marker(mark: &str, Size { files, bytes }: Size) -> String {
    format!("{mark}\n{files} files, {bytes} bytes\n")
}

/// Calls `visit` with each file and directory in `directory`, itself last, and adds up all files except the marker.
fn walk(directory: &Path, visit: &impl Fn(&Path) -> io::Result<()>) -> io::Result<Size> {
    let mut size = Size::default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let below = walk(&entry.path(), visit)?;
            size.files += below.files;
            size.bytes += below.bytes;
        } else if kind.is_file() && entry.file_name() != MARKER {
            size.files += 1;
            size.bytes += entry.metadata()?.len();
            visit(&entry.path())?;
        }
    }
    visit(directory)?;
    Ok(size)
}
