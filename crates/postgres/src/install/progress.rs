//! Progress display for slow operations: a moving line on a terminal, a plain one elsewhere.

use std::io::{IsTerminal as _, Read};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress line, shown for as long as it is held.
pub(super) struct Busy(ProgressBar);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows that `what` is in progress, for as long as the result is held.
pub(super) fn busy(what: String) -> Busy {
    if !std::io::stderr().is_terminal() {
        eprintln!("{what}");
        return Busy(ProgressBar::hidden());
    }
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("the template is well-formed"));
    bar.enable_steady_tick(Duration::from_millis(100));
    Busy(bar)
}

/// Reads `archive`, showing the progress.
pub(super) fn unpacking(archive: &[u8]) -> impl Read {
    let length = archive.len().try_into().unwrap_or(u64::MAX);
    let style =
        ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}").expect("the template is well-formed");
    // It only draws on a terminal.
    ProgressBar::new(length).with_style(style).with_message("unpacking PostgreSQL").wrap_read(archive)
}
