//! The directory of a server: its locking and its lifetime.
//!
//! It holds `data` (PostgreSQL's own), `password`, `socket`, `postgres.log` and `lock`. An advisory lock on `lock` is held by
//! the process that started the server *and* by the server itself, which gets the open file as its standard input. So the
//! lock is free if and only if both have ended, for whatever reason.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use mgm_system::RandomSource;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, Uid};
use secrecy::{ExposeSecret as _, SecretString};

use crate::account::Account;
use crate::error::ServerError;
use crate::sys::{Segment, remove_unused_segment};
use crate::wait::until;

/// How long a server whose parent has ended may take to finish.
const LAST_WISHES: Duration = Duration::from_secs(30);

/// A directory whose lock this process holds.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    lock: File,
    throw_away: bool,
}

impl Directory {
    /// A new temporary directory. Directories left by earlier servers are removed.
    pub fn throw_away(account: &Account) -> Result<Self, ServerError> {
        let temporary = absolute(std::env::temp_dir())
            .ok()
            .filter(|path| account.barred_from(path).is_none())
            .unwrap_or_else(|| PathBuf::from("/tmp"));
        let common = temporary.join(format!("mgm-postgres-{}", Uid::effective()));
        create(&common, account)?;
        // A link or somebody else's directory, if another user created it first, is not a place for a database.
        let metadata = fs::symlink_metadata(&common).map_err(ServerError::io("look at", &common))?;
        if !metadata.is_dir() || metadata.uid() != Uid::effective().as_raw() {
            let source = io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else");
            return Err(ServerError::Io { what: "use", path: common, source });
        }
        // Between creating and locking a directory, nobody may take it for a remnant.
        let gate = open_lock(&common)?;
        gate.lock().map_err(ServerError::io("lock", &common))?;
        sweep(&common);
        let path = common.join(RandomSource::from_system().hex::<6>());
        create(&path, account)?;
        let lock = open_lock(&path)?;
        lock.lock().map_err(ServerError::io("lock", &path))?;
        Ok(Self { path, lock, throw_away: true })
    }

    /// The directory `path`, created if it is missing.
    pub fn persistent(path: &Path, account: &Account) -> Result<Self, ServerError> {
        let path = absolute(path).map_err(ServerError::io("find", path))?;
        create(&path, account)?;
        let mut lock = open_lock(&path)?;
        // A server whose parent has just ended may need a moment.
        let locked = until(LAST_WISHES, || match lock.try_lock() {
            Ok(()) => Some(Ok(true)),
            Err(TryLockError::WouldBlock) if holder(&mut lock).is_none_or(is_alive) => Some(Ok(false)),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(error)) => Some(Err(error)),
        });
        if !locked.unwrap_or(Ok(false)).map_err(ServerError::io("lock", &path))? {
            return Err(ServerError::InUse { directory: path, pid: holder(&mut lock) });
        }
        note_holder(&mut lock).map_err(ServerError::io("write to the lock file of", &path))?;
        let directory = Self { path, lock, throw_away: false };
        directory.clear_stale_pid();
        Ok(directory)
    }

    /// PostgreSQL's data directory.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The directory in which `initdb` works; it becomes [`Self::data`] when it is complete.
    pub fn unfinished_data(&self) -> PathBuf {
        self.path.join("data.unfinished")
    }

    pub fn socket(&self) -> PathBuf {
        self.path.join("socket")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    pub fn password_file(&self) -> PathBuf {
        self.path.join("password")
    }

    /// The open lock file, for the server to hold.
    pub fn lock(&self) -> Result<File, ServerError> {
        self.lock.try_clone().map_err(ServerError::io("duplicate the lock of", &self.path))
    }

    /// The password of the data, or a new one if there is no data yet.
    pub fn password(&self, account: &Account) -> Result<SecretString, ServerError> {
        let path = self.password_file();
        if self.data().exists() {
            return match fs::read_to_string(&path) {
                Ok(password) => Ok(password.trim_end().to_owned().into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.foreign("password")),
                Err(error) => Err(ServerError::io("read", &path)(error)),
            };
        }
        let password = SecretString::from(RandomSource::from_system().hex::<24>());
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            writeln!(file, "{}", password.expose_secret())?;
            if !self.throw_away {
                file.sync_all()?;
            }
            // For `initdb` to read.
            account.give(&path)
        };
        write().map_err(ServerError::io("write", &path))?;
        Ok(password)
    }

    /// The major version of the data; `None` if there is no data.
    pub fn version(&self) -> Result<Option<String>, ServerError> {
        let data = self.data();
        if !data.exists() {
            return Ok(None);
        }
        match fs::read_to_string(data.join("PG_VERSION")) {
            Ok(version) => Ok(Some(version.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.foreign("data/PG_VERSION")),
            Err(error) => Err(ServerError::io("read the version of", &data)(error)),
        }
    }

    /// Renames the complete [`Self::unfinished_data`].
    pub fn finish_data(&self) -> Result<(), ServerError> {
        let unfinished = self.unfinished_data();
        fs::rename(&unfinished, self.data()).map_err(ServerError::io("rename", &unfinished))?;
        if self.throw_away {
            return Ok(());
        }
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(ServerError::io("write", &self.path))
    }

    /// Removes the data and everything that belongs to it except the log; the lock ensures that no server uses it.
    pub fn erase(&self) -> Result<(), ServerError> {
        self.version()?;
        for path in [self.data(), self.unfinished_data(), self.socket()] {
            gone(fs::remove_dir_all(&path)).map_err(ServerError::io("remove", &path))?;
        }
        let password = self.password_file();
        gone(fs::remove_file(&password)).map_err(ServerError::io("remove", &password))
    }

    fn foreign(&self, missing: &'static str) -> ServerError {
        ServerError::Foreign { directory: self.path.clone(), missing }
    }

    /// Removes a throw-away directory; the server has stopped.
    pub fn discard(&self) {
        if self.throw_away {
            remove(&self.path);
        }
    }

    /// PostgreSQL refuses to start if `postmaster.pid` names a living process of the same user. After a crash of the machine
    /// that may be any process; since this process holds the lock, it is not a server that this crate started.
    fn clear_stale_pid(&self) {
        let path = self.data().join("postmaster.pid");
        let Some(pid) = postmaster_pid(&self.data()) else { return };
        let is_postgres = match fs::read_to_string(format!("/proc/{pid}/comm")) {
            Ok(name) => name.trim_end() == "postgres",
            // The process has ended, or the system does not tell: PostgreSQL decides.
            Err(_) => true,
        };
        if !is_postgres {
            drop(fs::remove_file(path));
        }
    }
}

impl Drop for Directory {
    /// Closing the file would not be enough: a child that another thread forks at this moment has it open too, until it calls
    /// exec.
    fn drop(&mut self) {
        drop(self.lock.unlock());
    }
}

/// The process that `postmaster.pid` in the data directory `data` names.
pub(crate) fn postmaster_pid(data: &Path) -> Option<u32> {
    postmaster_line(data, 1)?.parse().ok()
}

/// Line `number` (from 1) of `postmaster.pid`: 1 is the process, 7 the key and the id of its shared memory, 8 its state
/// (PostgreSQL's `src/include/utils/pidfile.h`).
pub(crate) fn postmaster_line(data: &Path, number: usize) -> Option<String> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    text.lines().nth(number - 1).map(|line| line.trim().to_owned())
}

/// Removes the shared memory that a server has left, once its last process has detached from it.
pub(crate) fn remove_shared_memory(data: &Path) {
    until(LAST_WISHES, || (remove_unused_shared_memory(data) == Segment::Gone).then_some(()));
}

/// PostgreSQL keeps one small segment to detect other servers (`src/backend/port/sysv_shmem.c`); it outlives a killed server.
fn remove_unused_shared_memory(data: &Path) -> Segment {
    let noted = postmaster_line(data, 7).and_then(|line| {
        let (key, id) = line.split_once(' ')?;
        // The key is printed as an unsigned number.
        Some((key.parse::<u32>().ok()?.cast_signed(), id.trim().parse().ok()?))
    });
    noted.map_or(Segment::Gone, |(key, id)| remove_unused_segment(key, id))
}

/// Ignores that something to be removed does not exist.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Removes the directories below `common` whose lock is free.
fn sweep(common: &Path) {
    for entry in fs::read_dir(common).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && open_lock(&path).is_ok_and(|lock| lock.try_lock().is_ok()) {
            remove(&path);
        }
    }
}

fn remove(path: &Path) {
    remove_unused_shared_memory(&path.join("data"));
    if let Err(error) = fs::remove_dir_all(path) {
        tracing::warn!(path = %path.display(), %error, "a directory of a former server stays behind");
    }
}

/// Creates a directory that the server's user can reach.
fn create(path: &Path, account: &Account) -> Result<(), ServerError> {
    account.create_directory(path).map_err(ServerError::io("create", path))?;
    match account.barred_from(path) {
        Some(barrier) => Err(ServerError::Barred { path: path.to_owned(), barrier }),
        None => Ok(()),
    }
}

fn open_lock(directory: &Path) -> Result<File, ServerError> {
    let path = directory.join("lock");
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(ServerError::io("open", &path))
}

fn note_holder(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{}", std::process::id())
}

fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn is_alive(pid: u32) -> bool {
    kill(Pid::from_raw(pid.cast_signed()), None) != Err(Errno::ESRCH)
}
