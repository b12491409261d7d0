//! Waiting for what comes about by itself.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long is waited for anything: longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
///
/// # Panics
///
/// When it does not within a minute.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
