//! Logs within a test's own process, to find the reason of a failure.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

/// Shows what `RUST_LOG` selects, and nothing if it is not set. A test's logs go where its own output goes: they are
/// shown if the test fails, or with `--nocapture`.
pub(crate) fn show() {
    if let Some(filter) = std::env::var("RUST_LOG").ok().filter(|directives| !directives.is_empty()) {
        let filter = EnvFilter::try_new(filter).expect("RUST_LOG is a filter");
        let is_terminal = std::io::stderr().is_terminal();
        // Another test of this process has installed it.
        let _ = fmt().with_env_filter(filter).with_ansi(is_terminal).with_test_writer().try_init();
    }
}
