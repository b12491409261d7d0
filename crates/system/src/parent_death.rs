//! How a child learns that its parent has ended: the only place in this crate with `unsafe`.

use std::ffi::OsStr;
use std::io::{self, PipeWriter};
use std::process::Command;

use nix::sys::signal::Signal;

/// How a child learns that this process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentDeath {
    /// The kernel signals the child (Linux, `PR_SET_PDEATHSIG`).
    #[cfg(target_os = "linux")]
    Signal,
    /// A watcher process reads a pipe that closes when this process ends, then signals the child. Works everywhere.
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

/// Becomes the child, after starting a watcher, which has no parent here. `$0` is the signal. Descriptor 1 is initially the
/// pipe; standard output then goes to standard error. A line means that all is well, the end of the pipe that the parent has
/// ended.
const WATCHED: &str = r#"exec 3<&1 1>&2; ({ read -r _ <&3 || kill -s "$0" $$; } &); exec 3<&-; exec "$@""#;

impl ParentDeath {
    /// A command that becomes `program`, which gets `signal` when this process ends.
    pub(crate) fn command(self, program: &OsStr, signal: Signal) -> Command {
        match self {
            #[cfg(target_os = "linux")]
            Self::Signal => {
                let mut command = Command::new(program);
                signal_on_parent_death(&mut command, signal);
                command
            }
            Self::Pipe => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", WATCHED, signal.as_str().trim_start_matches("SIG")]).arg(program);
                command
            }
        }
    }

    /// Uses the reading end of the pipe, if there is one, as standard output; returns the writing end.
    pub(crate) fn pipe(self, command: &mut Command) -> io::Result<Option<PipeWriter>> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Signal => Ok(None),
            Self::Pipe => {
                let (reader, writer) = io::pipe()?;
                command.stdout(reader);
                Ok(Some(writer))
            }
        }
    }
}

/// Has the kernel send `signal` to the process that `command` starts when the *thread* that spawns it ends.
///
/// `std` changes the user before it runs the hook; that matters, since a change of credentials clears the setting
/// (prctl(2), `PR_SET_PDEATHSIG`).
#[cfg(target_os = "linux")]
fn signal_on_parent_death(command: &mut Command, signal: Signal) {
    use std::os::unix::process::CommandExt as _;

    use nix::unistd::{getpid, getppid};

    let parent = getpid();
    let hook = move || {
        nix::sys::prctl::set_pdeathsig(signal)?;
        // A parent that ended before the call above sends nothing.
        if getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
    };
    #[expect(unsafe_code, reason = "the hook makes two async-signal-safe system calls and allocates nothing")]
    unsafe {
        command.pre_exec(hook);
    }
}
