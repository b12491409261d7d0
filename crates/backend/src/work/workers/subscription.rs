//! Our subscription to chat: looked after where the settings want it, shown in any case.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Rounds;
use crate::routes::state::AppState;

/// How often to see whether a look at the subscription is due.
const POLL: Duration = Duration::from_secs(1);
/// How often to show how a subscription stands that somebody else looks after.
const SHOW: Duration = Duration::from_secs(15);

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("subscription", shutdown);
    let pause = if state.subscription.is_managed() { POLL } else { SHOW };
    loop {
        let round = state.subscription.round().await;
        if !rounds.next(round, pause).await {
            return;
        }
    }
}
