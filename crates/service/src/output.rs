//! Standard output, whose loss is noticed.
//!
//! A result that could not be written must not look like a good one: the first failure is said on standard error, and the
//! program ends with status 2. Whoever has stopped reading, as `head` does, misses the rest, and nothing else happens.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wrong usage or environment.
const WRONG: u8 = 2;

static IS_LOST: AtomicBool = AtomicBool::new(false);

/// Standard output. Writing never fails; [`finish`] tells.
#[derive(Debug, Default)]
pub struct Output(());

/// Standard output, for results.
#[must_use]
pub fn output() -> Output {
    Output(())
}

/// Whether standard output is a terminal.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "nothing is written")]
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[expect(clippy::disallowed_methods, reason = "this is where failures are noticed")]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        note(stdout.write_all(bytes).and_then(|()| stdout.flush()));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes how writing to standard output went by other means.
pub fn note(written: io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() != io::ErrorKind::BrokenPipe && !IS_LOST.swap(true, Ordering::Relaxed) {
        // Nobody is left to hear of a failure here.
        let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
    }
}

/// The status to end with: `code`, unless something that belongs on standard output is lost.
#[must_use]
pub fn finish(code: ExitCode) -> ExitCode {
    if IS_LOST.load(Ordering::Relaxed) { ExitCode::from(WRONG) } else { code }
}

/// Says what the command-line parser says instead of a command, which may be the help, and gives the status to end with.
#[must_use]
pub fn instead_of_a_command(said: &clap::Error) -> ExitCode {
    let printed = said.print();
    if !said.use_stderr() {
        note(printed);
        // The end of it may wait for a line's end.
        output().write_all(&[]).unwrap_or_default();
    }
    finish(ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(WRONG)))
}
