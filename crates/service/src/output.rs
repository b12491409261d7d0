//! Standard output whose loss is noticed.
//!
//! A result that could not be written must not look like a success: the first failure is reported on standard error, and
//! the program exits with status 2. A reader that has stopped reading, such as `head`, misses the rest without further effect.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wrong usage or environment.
const WRONG: u8 = 2;

static IS_LOST: AtomicBool = AtomicBool::new(false);

/// Standard output. Writing never fails; [`finish`] reports failures.
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

/// Records the result of a write to standard output by other means.
pub fn note(written: io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() != io::ErrorKind::BrokenPipe && !IS_LOST.swap(true, Ordering::Relaxed) {
        // A failure here can no longer be reported.
        let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
    }
}

/// The exit status: `code`, unless output to standard output was lost.
#[must_use]
pub fn finish(code: ExitCode) -> ExitCode {
    if IS_LOST.load(Ordering::Relaxed) { ExitCode::from(WRONG) } else { code }
}

/// Prints what the command-line parser has to say, which may be the help, and returns the exit status.
#[must_use]
pub fn instead_of_a_command(said: &clap::Error) -> ExitCode {
    let printed = said.print();
    if !said.use_stderr() {
        note(printed);
        // The last part may be buffered until a line ends.
        output().write_all(&[]).unwrap_or_default();
    }
    finish(ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(WRONG)))
}
