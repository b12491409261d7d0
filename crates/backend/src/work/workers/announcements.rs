//! Announcements that are due: retries, and what a process that is gone has left behind.
//!
//! The worker looks when the next one is due, when the database tells that one has changed, and now and then in any case.

use std::{sync::Arc, time::Duration};

use mgm_store::StoreError;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Rounds;
use crate::routes::state::AppState;

/// The shortest pause, where another process has locked what is due.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The pause before listening anew.
const LISTEN_PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn run(state: AppState, woken: Arc<Notify>, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("announcements", shutdown.clone());
    loop {
        let (round, due) = match round(&state, &shutdown).await {
            Ok(due) => (Ok(()), due),
            Err(error) => (Err(error), None),
        };
        let until_due = due.map(|due| Duration::try_from(due - state.clock.now()).unwrap_or_default());
        let poll = state.config.settings.announcements.poll;
        let pause = until_due.map_or(poll, |until_due| until_due.clamp(SHORTEST_PAUSE, poll.max(SHORTEST_PAUSE)));
        if !rounds.next_or_woken(round, pause, &woken).await {
            return;
        }
    }
}

/// Sends what is due, and takes attempts whose process is gone for unknown; answers when to look again.
pub async fn round(state: &AppState, shutdown: &CancellationToken) -> Result<Option<OffsetDateTime>, StoreError> {
    let expired = state.announcer.expire_leases().await?;
    // What is claimed is seen through; nothing more is claimed once the process is to end.
    while !shutdown.is_cancelled() && state.announcer.announce_due().await? {}
    // What had to be passed over is a failure, but keeps nothing else from chat.
    expired.complete()?;
    state.store.next_announcement_due().await
}

/// Wakes the worker when an announcement changes, in whatever process.
pub(super) async fn listen(state: AppState, wake: Arc<Notify>, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("announcements-listener", shutdown.clone());
    loop {
        let Some(lost) = shutdown.run_until_cancelled(hear(&state, &wake, &mut rounds)).await else {
            return;
        };
        if !rounds.next(Err(lost), LISTEN_PAUSE).await {
            return;
        }
    }
}

/// Returns when the connection is lost, or does not come about.
async fn hear(state: &AppState, wake: &Notify, rounds: &mut Rounds) -> StoreError {
    let mut listener = match state.store.listen().await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    rounds.failures = 0;
    loop {
        // At once too: something may have changed before anybody listened.
        wake.notify_one();
        if let Err(error) = listener.changed().await {
            return error;
        }
    }
}
