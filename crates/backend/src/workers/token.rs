//! The broadcaster's token, validated as Twitch wants it: at start, and every hour
//! (<https://dev.twitch.tv/docs/authentication/validate-tokens/>). So one that is void is noticed before an announcement is due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::state::AppState;

/// How often.
const PERIOD: Duration = Duration::from_secs(3_600);

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    loop {
        if let Err(trouble) = state.helix.validate().await {
            tracing::warn!(%trouble, "the broadcaster's token is not known to be good");
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_none() {
            return;
        }
    }
}
