//! A service as a process of its own, which does not outlive this one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer than a service takes to finish what it has accepted.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// A running process. Dropping it kills the process.
///
/// The process holds the reading end of a pipe as its standard input, whose end tells it that this process is gone,
/// however that came: `mgm serve … --parent-pipe` then ends at once.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    kill: DropGuard,
}

impl Child {
    /// Starts the command, all its output going to that file.
    ///
    /// It gets a process group of its own, so that a Ctrl-C at the terminal reaches this process alone.
    pub fn spawn(mut command: Command, output: File) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process has ended before it began"))?;
        let (exited, exit) = watch::channel(None);
        let kill = CancellationToken::new();
        let killed = kill.clone();
        tokio::spawn(async move {
            // Waiting would close the pipe otherwise.
            let _lifeline = child.stdin.take();
            let status = tokio::select! {
                status = child.wait() => status,
                () = killed.cancelled() => {
                    // It may have ended just now.
                    drop(child.start_kill());
                    child.wait().await
                }
            };
            exited.send_replace(status.ok());
        });
        Ok(Self { pid: Pid::from_raw(pid.cast_signed()), exit, kill: kill.drop_guard() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().cast_unsigned()
    }

    /// Resolves when the process has ended, with its status where the system tells.
    pub fn ended(&self) -> impl Future<Output = Option<ExitStatus>> + use<> {
        let mut exit = self.exit.clone();
        // An error means that the task that waits for the process is gone, and it goes only after the process.
        async move { exit.wait_for(Option::is_some).await.ok().and_then(|status| *status) }
    }

    /// How the process has ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Kills the process and waits until it is gone.
    pub async fn kill(self) {
        let ended = self.ended();
        drop(self.kill);
        ended.await;
    }

    /// Asks the process to end, waits until it has, and insists after a while.
    pub async fn stop(self) {
        if self.exit.borrow().is_none() {
            // It may have ended just now.
            let _ = kill(self.pid, Signal::SIGTERM);
        }
        let ended = self.ended();
        if tokio::time::timeout(STOPPED_WITHIN, ended).await.is_err() {
            self.kill().await;
        }
    }
}

/// The end of a log file, as far as it can be read.
pub fn last_lines(file: &Path, count: usize) -> Vec<String> {
    const ENOUGH: u64 = 64 * 1024;
    let read = || -> io::Result<String> {
        let mut file = File::open(file)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    struct Shell {
        child: Child,
        directory: tempfile::TempDir,
    }

    impl Shell {
        fn last_lines(&self, count: usize) -> Vec<String> {
            last_lines(&self.directory.path().join("log"), count)
        }
    }

    fn shell(script: &str) -> Shell {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let child = Child::spawn(command, File::create(directory.path().join("log")).unwrap()).unwrap();
        Shell { child, directory }
    }

    /// Waits until the script has written `ready` to its log.
    async fn ready(shell: &Shell) {
        while !shell.last_lines(1).iter().any(|line| line == "ready") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn is_alive(pid: Pid) -> bool {
        kill(pid, None).is_ok()
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
        shell.child.stop().await;
        assert_eq!(last_lines(&shell.directory.path().join("log"), 1), ["bye"]);
        assert!(!is_alive(pid));
    }

    #[tokio::test]
    async fn a_dropped_process_is_killed() {
        let shell = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
        ready(&shell).await;
        let ended = shell.child.ended();
        drop(shell.child);
        assert_eq!(ended.await.unwrap().signal(), Some(9));
    }
}
