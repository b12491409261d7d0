//! Child processes that do not outlive this one, however it ends.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;

use crate::account::Account;

/// How a child learns that this process is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentDeath {
    /// The kernel signals the child (Linux, `PR_SET_PDEATHSIG`).
    #[cfg(target_os = "linux")]
    Signal,
    /// A watcher beside the child reads a pipe that ends with this process, then signals the child. Works everywhere.
    Pipe,
}

impl Default for ParentDeath {
    fn default() -> Self {
        #[cfg(target_os = "linux")]
        return Self::Signal;
        #[cfg(not(target_os = "linux"))]
        return Self::Pipe;
    }
}

/// Becomes the child, leaving behind a watcher, which is nobody's child. `$0` is the signal. Descriptor 1 arrives as the
/// pipe; standard output then goes where errors go. A line says that all is well, the end of the pipe that the parent is gone.
const WATCHED: &str = r#"exec 3<&1 1>&2; ({ read -r _ <&3 || kill -s "$0" $$; } &); exec 3<&-; exec "$@""#;

/// A running child, owned by a thread of its own.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    keeper: Option<JoinHandle<()>>,
}

/// What to start.
#[derive(Debug)]
pub(crate) struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
    pub account: Account,
    pub input: Stdio,
    /// Where all it prints goes.
    pub log: File,
    /// What it gets when this process ends.
    pub last_signal: Signal,
    pub parent_death: ParentDeath,
}

impl Process {
    /// Starts `program` in a process group of its own: `Ctrl-C` is for this process to handle.
    ///
    /// A parent-death signal follows the thread that spawned the child, so a thread that lives as long as the child
    /// spawns it and waits for it.
    pub fn spawn(program: Program) -> io::Result<Self> {
        let (started, starting) = mpsc::sync_channel(1);
        let (exited, exit) = watch::channel(None);
        let keeper = std::thread::Builder::new().name("mgm-postgres-keeper".to_owned()).spawn(move || {
            let (mut child, lifeline) = match spawn_here(program) {
                Ok(spawned) => spawned,
                Err(error) => return drop(started.send(Err(error))),
            };
            drop(started.send(Ok(child.id())));
            if let Ok(status) = child.wait() {
                exited.send_replace(Some(status));
            }
            if let Some(mut lifeline) = lifeline {
                // The watcher may be gone already.
                drop(lifeline.write_all(b"\n"));
            }
        })?;
        let pid = starting.recv().map_err(|_| io::Error::other("the thread that keeps the child has ended"))??;
        Ok(Self { pid: Pid::from_raw(pid.cast_signed()), exit, keeper: Some(keeper) })
    }

    pub fn pid(&self) -> u32 {
        self.pid.as_raw().cast_unsigned()
    }

    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Resolves when the child has ended.
    pub fn exited(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut exit = self.exit.clone();
        // An error means that the keeper is gone, and it goes only after the child.
        async move { drop(exit.wait_for(Option::is_some).await) }
    }

    pub fn signal(&self, signal: Signal) {
        if self.exit_status().is_none() {
            // It may have ended just now.
            let _ = kill(self.pid, signal);
        }
    }

    /// Blocks until the child has ended.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        if let Some(keeper) = self.keeper.take() {
            drop(keeper.join());
        }
        self.exit_status()
    }
}

fn spawn_here(program: Program) -> io::Result<(Child, Option<PipeWriter>)> {
    let Program { path, arguments, account, input, log, last_signal, parent_death } = program;
    let (mut command, lifeline) = match parent_death {
        #[cfg(target_os = "linux")]
        ParentDeath::Signal => {
            let mut command = account.command(path);
            crate::sys::signal_on_parent_death(&mut command, last_signal);
            command.stdout(log.try_clone()?);
            (command, None)
        }
        ParentDeath::Pipe => {
            let (reader, writer) = io::pipe()?;
            let mut command = account.command("/bin/sh");
            command.args(["-c", WATCHED, last_signal.as_str().trim_start_matches("SIG")]).arg(path).stdout(reader);
            (command, Some(writer))
        }
    };
    let child = command.args(arguments).stdin(input).stderr(log).process_group(0).spawn()?;
    Ok((child, lifeline))
}
