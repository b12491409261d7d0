//! Announcements that are due: retries, and what a process that is gone has left behind.
//!
//! The worker looks when the next one is due, when the database tells that one has changed, and now and then in any case.

use std::{future::Future, sync::Arc, time::Duration};

use mgm_store::{AnnouncementListener, StoreError};
use time::OffsetDateTime;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{context::WorkerContext, worker::Worker};

/// The shortest pause, where another process has locked what is due.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The pause before listening anew.
const LISTEN_PAUSE: Duration = Duration::from_millis(500);
/// How long one listens before that counts as a good round, whether anything was told or not.
const LISTEN_TIME: Duration = Duration::from_secs(60);

/// Sends what is due.
pub(super) struct Announcements {
    context: WorkerContext,
    woken: Arc<Notify>,
    shutdown: CancellationToken,
    /// When the next one is due, where that is known.
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

/// Sends what is due, and takes attempts whose process is gone for unknown; answers when to look again.
pub async fn round(
    context: &WorkerContext,
    shutdown: &CancellationToken,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let expired = context.announcer.expire_leases().await?;
    // What is claimed is seen through; nothing more is claimed once the process is to end.
    while !shutdown.is_cancelled() && context.announcer.announce_due().await? {}
    // What had to be passed over is a failure, but keeps nothing else from chat.
    expired.complete()?;
    context.store.next_announcement_due().await
}

/// Wakes [`Announcements`] when an announcement changes, in whatever process.
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

    /// Connects, or waits for what is told.
    async fn listen(&mut self) -> Result<(), StoreError> {
        let Some(mut listener) = self.listener.take() else {
            self.listener = Some(self.context.store.listen().await?);
            // Something may have changed before anybody listened.
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
