//! Sends announcements that are due: retries, and those left behind by processes that are gone.
//!
//! The worker runs when the next one is due, when the database notifies of a change, and every few seconds in any case.

use std::{future::Future, sync::Arc, time::Duration};

use mgm_store::{AnnouncementListener, StoreError};
use time::OffsetDateTime;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{context::WorkerContext, worker::Worker};

/// The shortest pause, for when another process has locked what is due.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The pause before listening again.
const LISTEN_PAUSE: Duration = Duration::from_millis(500);
/// How long to listen for a notification before the round counts as a success.
const LISTEN_TIME: Duration = Duration::from_secs(60);

/// Sends announcements that are due.
pub(super) struct Announcements {
    context: WorkerContext,
    woken: Arc<Notify>,
    shutdown: CancellationToken,
    /// When the next one is due, by our clock, if that is known.
    due: Option<OffsetDateTime>,
}

impl Announcements {
    pub(super) fn new(context: WorkerContext, woken: Arc<Notify>, shutdown: CancellationToken) -> Self {
        Self { context, woken, shutdown, due: None }
    }
}

impl Worker for Announcements {
    const NAME: &'static str = "announcements";

    async fn round(&mut self) -> Result<(), StoreError> {
        self.due = None;
        self.due = round(&self.context, &self.shutdown).await?;
        Ok(())
    }

    fn pause(&self) -> Duration {
        let until_due = self.due.map(|due| Duration::try_from(due - self.context.clock.now()).unwrap_or_default());
        let poll = self.context.config.settings.announcements.poll;
        until_due.map_or(poll, |until_due| until_due.clamp(SHORTEST_PAUSE, poll.max(SHORTEST_PAUSE)))
    }

    fn woken(&self) -> impl Future<Output = ()> + Send {
        self.woken.notified()
    }
}

/// Sends what is due, and records attempts whose lease has expired as unknown; returns when to look again.
pub async fn round(
    context: &WorkerContext,
    shutdown: &CancellationToken,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let expired = context.announcer.expire_leases().await?;
    // A claimed announcement is completed; at shutdown no more are claimed.
    while !shutdown.is_cancelled() && context.announcer.announce_due().await? {}
    // A skipped announcement fails the round, but only after the others were sent.
    expired.complete()?;
    context.store.next_announcement_due().await
}

/// Wakes [`Announcements`] when an announcement changes, in any process.
pub(super) struct Listening {
    context: WorkerContext,
    wake: Arc<Notify>,
    shutdown: CancellationToken,
    listener: Option<AnnouncementListener>,
}

impl Listening {
    pub(super) fn new(context: WorkerContext, wake: Arc<Notify>, shutdown: CancellationToken) -> Self {
        Self { context, wake, shutdown, listener: None }
    }

    /// Connects, or waits for a notification.
    async fn listen(&mut self) -> Result<(), StoreError> {
        let Some(mut listener) = self.listener.take() else {
            self.listener = Some(self.context.store.listen().await?);
            // Something may have changed before the connection listened.
            self.wake.notify_one();
            return Ok(());
        };
        match timeout(LISTEN_TIME, listener.changed()).await {
            Ok(Ok(())) => self.wake.notify_one(),
            Ok(Err(lost)) => return Err(lost),
            Err(_) => {}
        }
        self.listener = Some(listener);
        Ok(())
    }
}

impl Worker for Listening {
    const NAME: &'static str = "announcements-listener";

    async fn round(&mut self) -> Result<(), StoreError> {
        let shutdown = self.shutdown.clone();
        shutdown.run_until_cancelled(self.listen()).await.unwrap_or(Ok(()))
    }

    fn pause(&self) -> Duration {
        if self.listener.is_some() { Duration::ZERO } else { LISTEN_PAUSE }
    }
}
