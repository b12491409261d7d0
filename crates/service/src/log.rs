//! Structured logs on standard error.

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt,
    layer::{Identity, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// The format of logs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Why logging was not set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `RUST_LOG` does not follow the syntax of `tracing_subscriber::EnvFilter`.
    #[error("RUST_LOG is not a filter such as `info` or `mgm_backend=debug,warn`")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else in this process has already set up logging.
    #[error("logging is already set up")]
    AlreadySet,
}

/// Sets up logging for this process: what `RUST_LOG` selects, or else everything from `info` up.
pub fn init(format: LogFormat) -> Result<(), LogError> {
    init_with(format, None::<Identity>)
}

/// The same, and passes events and the spans they occur in to `listener`.
pub fn init_with(format: LogFormat, listener: Option<impl Layer<Registry> + Send + Sync>) -> Result<(), LogError> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(directives)?,
        _ => EnvFilter::new("info"),
    };
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let subscriber = tracing_subscriber::registry().with(listener).with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    match format {
        LogFormat::Text => subscriber.with(lines).try_init(),
        LogFormat::Json => subscriber.with(lines.json().flatten_event(true)).try_init(),
    }
    .map_err(|_| LogError::AlreadySet)
}
