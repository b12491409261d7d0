//! Announcements that are due: retries, and what a process that is gone has left behind.

use std::time::Duration;

use mgm_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::Rounds;
use crate::state::AppState;

/// How often the outbox is looked at.
const POLL: Duration = Duration::from_secs(1);

pub(super) async fn run(state: AppState, shutdown: CancellationToken) {
    let mut rounds = Rounds::new("announcements", shutdown.clone());
    loop {
        let round = round(&state, &shutdown).await;
        if !rounds.next(round, POLL).await {
            return;
        }
    }
}

/// Sends what is due, and takes attempts whose process is gone for unknown.
pub async fn round(state: &AppState, shutdown: &CancellationToken) -> Result<(), StoreError> {
    state.announcer.expire_leases().await?;
    // What is claimed is seen through; nothing more is claimed once the process is to end.
    while !shutdown.is_cancelled() && state.announcer.announce_due().await? {}
    Ok(())
}
