//! The program's output: results to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use mgm_service::{descriptors, output};
use serde_json::json;

pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const DIM: Style = Style::new().dimmed();

/// Prints a line to standard output. A reader that has stopped reading, such as `head`, misses it without further effect;
/// any other failure is reported and determines the exit status.
pub fn say(line: impl Display) {
    let mut stdout = anstream::stdout();
    output::note(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
}

/// Prints a line to standard error and ignores failures.
pub fn note(line: impl Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Reports wrong usage or environment.
pub fn error(error: &anyhow::Error, json: bool) {
    let message = message(error);
    note(format_args!("{BAD}error:{BAD:#} {message}"));
    if json {
        say(json!({ "verdict": "error", "message": message }));
    }
}

/// The error and its causes, without those that the error already includes.
fn message(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    descriptors::explained(message)
}
