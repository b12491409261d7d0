//! What the program says: results to standard output, everything else to standard error.

mod junit;
mod run;

use serde_json::json;

pub use run::{Report, Run};

use anstyle::{AnsiColor, Style};

pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const DIM: Style = Style::new().dimmed();

/// Wrong usage or environment.
pub fn error(error: &anyhow::Error, json: bool) {
    anstream::eprintln!("{BAD}error:{BAD:#} {error:#}");
    if json {
        println!("{}", json!({ "verdict": "error", "message": format!("{error:#}") }));
    }
}
