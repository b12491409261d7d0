//! Child processes that do not outlive this one, however it ends. `process-wrap` and `tokio` kill a child that is dropped,
//! but a process that is killed drops nothing.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, PipeWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;

use crate::ParentDeath;

/// What to start, and the signal for it when this process ends.
#[derive(Debug)]
pub struct Program {
    command: Command,
    parent_death: ParentDeath,
}

impl Program {
    /// The program at `path`, which gets `last_signal` when this process has ended.
    pub fn new(path: impl AsRef<OsStr>, parent_death: ParentDeath, last_signal: Signal) -> Self {
        Self { command: parent_death.command(path.as_ref(), last_signal), parent_death }
    }

    /// The command, for setting its arguments, environment, user and standard input.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Starts it, with all its output going to `log`.
    ///
    /// It gets its own process group, so that a Ctrl-C at the terminal reaches only this process. A parent-death signal
    /// follows the thread that spawned the child, so a thread that lives as long as the child spawns it and waits for it.
    pub fn spawn(self, log: File) -> io::Result<Child> {
        let (started, starting) = mpsc::sync_channel(1);
        let (exited, exit) = watch::channel(None);
        let keeper = std::thread::Builder::new().name("child-keeper".to_owned()).spawn(move || {
            let (mut child, lifeline) = match self.spawn_here(log) {
                Ok(spawned) => spawned,
                Err(error) => return drop(started.send(Err(error))),
            };
            drop(started.send(Ok(child.id())));
            if let Ok(status) = child.wait() {
                exited.send_replace(Some(status));
            }
            if let Some(mut lifeline) = lifeline {
                // The watcher may already have ended.
                drop(lifeline.write_all(b"\n"));
            }
        })?;
        let pid = starting.recv().map_err(|_| io::Error::other("the thread that keeps the child has ended"))??;
        Ok(Child { pid: Pid::from_raw(pid.cast_signed()), exit, keeper: Some(keeper) })
    }

    fn spawn_here(mut self, log: File) -> io::Result<(std::process::Child, Option<PipeWriter>)> {
        self.command.stdout(log.try_clone()?).stderr(log).process_group(0);
        let lifeline = self.parent_death.pipe(&mut self.command)?;
        Ok((self.command.spawn()?, lifeline))
    }
}

/// A running child, owned by a separate thread. Dropping it kills the child.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    keeper: Option<JoinHandle<()>>,
}

impl Child {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().cast_unsigned()
    }

    /// Its exit status, if it has ended.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Resolves when it has ended, with its status if the system tells.
    pub fn ended(&self) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let mut exit = self.exit.clone();
        // An error means that the keeper thread has ended, which happens only after the child has.
        async move { exit.wait_for(Option::is_some).await.ok().and_then(|status| *status) }
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        if self.exit_status().is_none() {
            // It may have just ended.
            let _ = kill(self.pid, signal);
        }
    }

    /// Blocks until it has ended.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        if let Some(keeper) = self.keeper.take() {
            drop(keeper.join());
        }
        self.exit_status()
    }

    /// Kills it and waits until it has ended.
    pub async fn kill(self) {
        let ended = self.ended();
        drop(self);
        ended.await;
    }

    /// Asks it to stop and waits until it has; kills it after `patience`.
    pub async fn stop(self, patience: Duration) {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(patience, self.ended()).await.is_err() {
            self.kill().await;
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::PathBuf;

    use super::*;
    use crate::last_lines;

    const PATIENCE: Duration = Duration::from_secs(15);

    struct Shell {
        child: Child,
        log: PathBuf,
        _directory: tempfile::TempDir,
    }

    impl Shell {
        fn last_lines(&self, count: usize) -> Vec<String> {
            last_lines(&self.log, 0, count).unwrap()
        }
    }

    fn shell(script: &str) -> Shell {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mut program = Program::new("sh", ParentDeath::default(), Signal::SIGKILL);
        program.command().args(["-c", script]);
        let child = program.spawn(File::create(&log).unwrap()).unwrap();
        Shell { child, log, _directory: directory }
    }

    /// Waits until the script has written `ready` to its log.
    async fn ready(shell: &Shell) {
        while !shell.last_lines(1).iter().any(|line| line == "ready") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_told_with_its_status_and_last_lines() {
        let shell = shell("echo one; echo two >&2; echo three; exit 7");
        assert_eq!(shell.child.ended().await.unwrap().code(), Some(7));
        assert_eq!(shell.last_lines(2), ["two", "three"]);
    }

    #[tokio::test]
    async fn a_process_that_is_asked_to_end_can_do_so_in_good_order() {
        let shell = shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
        ready(&shell).await;
        let pid = shell.child.pid;
        shell.child.stop(PATIENCE).await;
        assert_eq!(last_lines(&shell.log, 0, 1).unwrap(), ["bye"]);
        assert!(kill(pid, None).is_err());
    }

    #[tokio::test]
    async fn a_dropped_process_is_killed() {
        let shell = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
        ready(&shell).await;
        let ended = shell.child.ended();
        drop(shell.child);
        assert_eq!(ended.await.unwrap().signal(), Some(9));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let missing = Program::new("/nowhere/program", ParentDeath::default(), Signal::SIGKILL);
        assert!(missing.spawn(tempfile::tempfile().unwrap()).is_err());
    }
}
