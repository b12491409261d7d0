//! Delivers what is queued when it is due.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mgm_api_types::mocks::{DeliveryOutcome, WaitingMessage};
use mgm_twitch::eventsub::Hostile;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use super::ledger::{Generation, Ledger};
use super::message::Message;
use super::post::{Answered, Manner, Records, post};
use super::queue::{Due, Job, Queue, QueueFull};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::world::World;
use crate::world::subscription::ENABLED;

/// Delivers messages to callbacks; all clones share one queue.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    world: Arc<World>,
    records: Records,
    queue: Mutex<Queue>,
    /// Something is to be done before the time that the queue's server waits for.
    changed: Notify,
}

impl Sender {
    pub(crate) fn new(world: Arc<World>, ledger: Ledger, journal: Journal, faults: Faults) -> Self {
        let (queue, changed) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { world, records: Records { ledger, journal, faults }, queue, changed }))
    }

    /// Delivers a message once, now.
    pub(crate) async fn deliver(&self, message: &Message) -> (DeliveryOutcome, Answered) {
        self.0.post(message, 0).await
    }

    /// Queues notifications: all, or none if there is no room for all.
    pub(crate) fn queue(&self, messages: Vec<Message>) -> Result<(), QueueFull> {
        let now = self.0.world.enter().now;
        let jobs = messages.into_iter().flat_map(|message| jobs(message, now)).collect();
        let mut queue = self.0.queue();
        queue.push(jobs)?;
        self.0.go_on(queue);
        Ok(())
    }

    /// The world's time has moved.
    pub(crate) fn time_moved(&self) {
        self.0.changed.notify_one();
    }

    /// The messages that wait.
    pub(crate) fn waiting(&self) -> Vec<WaitingMessage> {
        self.0.queue().show()
    }

    /// Forgets the messages that wait.
    pub(crate) fn reset(&self) {
        self.0.queue().reset();
        self.0.changed.notify_one();
    }
}

/// What is to be done for a notification. A hostile one that receivers have to refuse is sent once.
fn jobs(message: Message, now: OffsetDateTime) -> Vec<Job> {
    let hostile = message.hostile;
    let due = if hostile == Some(Hostile::Reordered) { Due::AfterAnother } else { Due::At(now) };
    let is_retried = matches!(hostile, None | Some(Hostile::Duplicate | Hostile::Reordered));
    let job = Job { message: Arc::new(message), retry: 0, due, is_retried };
    if hostile == Some(Hostile::Duplicate) {
        let again = Job { is_retried: false, ..job.clone() };
        vec![job, again]
    } else {
        vec![job]
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No panic can leave a change incomplete.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that the queue is served, now that it has changed.
    fn go_on(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        if queue.is_served {
            self.changed.notify_one();
        } else if !queue.is_empty() {
            queue.is_served = true;
            tokio::spawn(Arc::clone(self).serve());
        }
    }

    /// Delivers what is due, until nothing waits.
    async fn serve(self: Arc<Self>) {
        loop {
            let now = self.world.enter().now;
            let generation = self.records.ledger.generation();
            let next = {
                let mut queue = self.queue();
                for job in queue.take(now) {
                    tokio::spawn(Arc::clone(&self).attempt(job, generation));
                }
                if queue.is_empty() {
                    queue.is_served = false;
                    return;
                }
                queue.next_after(now)
            };
            let pause = next.map(|next| std::time::Duration::try_from(next - now).unwrap_or_default());
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    /// Makes one attempt, and sees to what follows.
    async fn attempt(self: Arc<Self>, job: Job, generation: Generation) {
        let is_enabled =
            self.world.enter().eventsub(&job.message.subscription.id).is_some_and(|one| one.status == ENABLED);
        let outcome = if is_enabled { Some(self.post(&job.message, job.retry).await.0) } else { None };

        if let Some(revocation) = self.settle(job, outcome, generation) {
            self.post(&revocation, 0).await;
        }
    }

    /// Takes note of an attempt, and queues the next one; returns the revocation that follows instead.
    fn settle(self: &Arc<Self>, job: Job, outcome: Option<DeliveryOutcome>, generation: Generation) -> Option<Message> {
        // Nothing from before a reset is followed up.
        if self.records.ledger.generation() != generation {
            return None;
        }
        let id = job.message.subscription.id.clone();
        let (again, revocation) = self.follow(job, outcome);
        let now = self.world.enter().now;
        let mut queue = self.queue();
        queue.delivered(&id, now);
        if revocation.is_some() {
            queue.forget(&id);
        }
        if let Some(again) = again
            && queue.push(vec![again]).is_err()
        {
            tracing::warn!(subscription = id, "a notification is not tried again: too many messages wait");
        }
        self.go_on(queue);
        revocation
    }

    /// What follows an attempt: another one, or a revocation.
    fn follow(&self, job: Job, outcome: Option<DeliveryOutcome>) -> (Option<Job>, Option<Message>) {
        let Some(outcome) = outcome.filter(|_| job.is_retried) else { return (None, None) };
        let mut state = self.world.enter();
        let id = &job.message.subscription.id;
        if outcome == DeliveryOutcome::Accepted {
            state.notified(id);
            return (None, None);
        }
        let pauses = &state.records.delivery.retry_after_seconds;
        let pause = usize::try_from(job.retry).ok().and_then(|place| pauses.get(place)).copied();
        if let Some(pause) = pause {
            let due = Due::At(state.now + Duration::seconds(pause.into()));
            return (Some(Job { retry: job.retry + 1, due, ..job }), None);
        }
        let revoked = state.lost(id);
        (None, revoked.map(|revoked| Message::revocation(state.random.uuid().to_string(), revoked)))
    }

    async fn post(&self, message: &Message, retry: u32) -> (DeliveryOutcome, Answered) {
        let manner = {
            let records = &self.world.enter().records;
            Manner {
                callbacks: records.callbacks.clone(),
                rules: records.delivery.clone(),
                now: self.world.clock().now(),
            }
        };
        post(message, retry, &manner, &self.records).await
    }
}
