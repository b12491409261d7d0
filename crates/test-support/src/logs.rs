//! What is logged in a test's own process, for whoever looks for the reason of a failure.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

/// Shows what `RUST_LOG` asks for, and nothing where it is not set. What a test logs goes where its own output goes: it is
/// shown where the test fails, or with `--nocapture`.
pub(crate) fn show() {
    if let Some(filter) = std::env::var("RUST_LOG").ok().filter(|directives| !directives.is_empty()) {
        let filter = EnvFilter::try_new(filter).expect("RUST_LOG is a filter");
        let is_terminal = std::io::stderr().is_terminal();
        // Another test of this process was first.
        let _ = fmt().with_env_filter(filter).with_ansi(is_terminal).with_test_writer().try_init();
    }
}
