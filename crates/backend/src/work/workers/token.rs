//! The broadcaster's token, validated as Twitch wants it: at start, and every hour
//! (<https://dev.twitch.tv/docs/authentication/validate-tokens/>). So one that is void, or lacks a scope, is noticed before an
//! announcement is due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::routes::state::AppState;

/// How often.
const PERIOD: Duration = Duration::from_secs(3_600);

/// How soon when Twitch could not be asked.
const AGAIN: Duration = Duration::from_secs(60);

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    loop {
        let pause = match state.helix.validate().await {
            Ok(findings) => {
                for warning in findings.warnings {
                    tracing::warn!("{warning}");
                }
                PERIOD
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "the broadcaster's token is not known to be good");
                AGAIN
            }
        };
        if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}
