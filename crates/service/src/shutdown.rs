//! Shutdown of a service: the first SIGINT or SIGTERM requests it, the second forces it.

use tokio_util::sync::CancellationToken;

/// The exit status after a second signal, as a shell reports a process that SIGINT killed.
const FORCED: i32 = 130;

/// A token that the first SIGINT or SIGTERM cancels. A second signal ends the process at once.
///
/// The handlers are in place when this returns.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut signals = Signals::new()?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        cancelled.cancel();
        signals.next().await;
        std::process::exit(FORCED);
    });
    Ok(token)
}

/// The signals that ask a process to stop, for programs that handle them themselves.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Installs the handlers.
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
