//! The messages that wait to be delivered.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use mgm_api_types::mocks::WaitingMessage;
use time::OffsetDateTime;

use super::message::Message;

/// How many messages can wait.
const CAPACITY: usize = 1000;

/// How many bytes they can have together.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many messages are delivered at once.
const AT_ONCE: usize = 64;

/// When a message is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    /// At this time of the world.
    At(OffsetDateTime),
    /// When the next message of the subscription was delivered.
    AfterAnother,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) message: Arc<Message>,
    /// How many attempts were made.
    pub(super) retry: u32,
    pub(super) due: Due,
    /// Whether it is tried again, and counts as lost when that does not help.
    pub(super) is_retried: bool,
}

/// Too many messages wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct QueueFull;

/// The messages that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// The subscriptions to which something is being delivered.
    busy: HashSet<String>,
    /// Whether somebody takes the messages.
    pub(super) is_served: bool,
}

impl Job {
    fn subscription(&self) -> &str {
        &self.message.subscription.id
    }
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Adds all messages, or none if there is no room for all.
    pub(super) fn push(&mut self, jobs: Vec<Job>) -> Result<(), QueueFull> {
        let bytes: usize = jobs.iter().map(|job| job.message.payload.len()).sum();
        if self.jobs.len() + jobs.len() > CAPACITY || self.bytes + bytes > MAX_BYTES {
            return Err(QueueFull);
        }
        self.bytes += bytes;
        self.jobs.extend(jobs);
        Ok(())
    }

    /// Takes the messages that are due, of each subscription the oldest.
    pub(super) fn take(&mut self, now: OffsetDateTime) -> Vec<Job> {
        let mut taken = Vec::new();
        let mut at = 0;
        while self.busy.len() < AT_ONCE
            && let Some(job) = self.jobs.get(at)
        {
            let is_due = matches!(job.due, Due::At(due) if due <= now);
            if is_due && self.busy.insert(job.subscription().to_owned()) {
                taken.extend(self.jobs.remove(at).inspect(|job| self.bytes -= job.message.payload.len()));
            } else {
                at += 1;
            }
        }
        taken
    }

    /// The next time, after `now`, at which a message is due.
    pub(super) fn next_after(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let due = |job: &Job| match job.due {
            Due::At(due) => Some(due).filter(|due| *due > now),
            Due::AfterAnother => None,
        };
        self.jobs.iter().filter_map(due).min()
    }

    /// A delivery has ended: the subscription's next message is due, and those that waited for this one.
    pub(super) fn delivered(&mut self, subscription: &str, now: OffsetDateTime) {
        self.busy.remove(subscription);
        for job in &mut self.jobs {
            if job.due == Due::AfterAnother && job.subscription() == subscription {
                job.due = Due::At(now);
            }
        }
    }

    /// Forgets the messages of a subscription.
    pub(super) fn forget(&mut self, subscription: &str) {
        self.jobs.retain(|job| job.subscription() != subscription);
        self.bytes = self.jobs.iter().map(|job| job.message.payload.len()).sum();
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        *self = Self { is_served: self.is_served, ..Self::default() };
    }

    pub(super) fn show(&self) -> Vec<WaitingMessage> {
        let show = |job: &Job| WaitingMessage {
            message_id: job.message.id.clone(),
            subscription_id: job.subscription().to_owned(),
            retry: job.retry,
            due: match job.due {
                Due::At(due) => Some(due),
                Due::AfterAnother => None,
            },
        };
        self.jobs.iter().map(show).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::Duration;

    use super::*;
    use crate::world::Subscription;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn job(id: &str, subscription: &str, due: Due) -> Job {
        let subscription: Subscription = serde_json::from_value(json!({
            "id": subscription, "client_id": "c", "type": "t", "version": "1", "condition": {},
            "callback": "http://127.0.0.1:1", "secret": "0123456789",
        }))
        .unwrap();
        let message = Message::notification(id.to_owned(), subscription, &json!({}), None);
        Job { message: Arc::new(message), retry: 0, due, is_retried: true }
    }

    fn ids(jobs: &[Job]) -> Vec<&str> {
        jobs.iter().map(|job| job.message.id.as_str()).collect()
    }

    fn second(number: i64) -> OffsetDateTime {
        START + Duration::seconds(number)
    }

    #[test]
    fn each_subscription_has_one_delivery_at_a_time_and_its_order() {
        let mut queue = Queue::default();
        let due = Due::At(START);
        queue.push(vec![job("1", "a", due), job("2", "a", due), job("3", "b", due)]).unwrap();
        assert_eq!(ids(&queue.take(START)), ["1", "3"]);
        assert!(queue.take(START).is_empty());
        queue.delivered("a", START);
        assert_eq!(ids(&queue.take(START)), ["2"]);
        assert!(queue.is_empty() && queue.bytes == 0);
    }

    #[test]
    fn what_is_not_due_holds_up_nothing() {
        let mut queue = Queue::default();
        queue.push(vec![job("1", "a", Due::At(second(5))), job("2", "a", Due::At(START))]).unwrap();
        assert_eq!(ids(&queue.take(START)), ["2"]);
        queue.delivered("a", START);
        assert_eq!(queue.next_after(START), Some(second(5)));
        assert!(queue.take(second(4)).is_empty());
        assert_eq!(ids(&queue.take(second(5))), ["1"]);
    }

    #[test]
    fn a_held_message_comes_after_the_next_of_its_subscription() {
        let mut queue = Queue::default();
        let due = Due::At(START);
        queue.push(vec![job("1", "a", Due::AfterAnother), job("2", "b", due), job("3", "a", due)]).unwrap();
        assert_eq!(ids(&queue.take(START)), ["2", "3"]);
        queue.delivered("b", START);
        assert!(queue.take(START).is_empty());
        queue.delivered("a", START);
        assert_eq!(ids(&queue.take(START)), ["1"]);
    }

    #[test]
    fn there_is_room_for_all_or_for_none() {
        let mut queue = Queue::default();
        let jobs = |count: usize| (0..count).map(|_| job("1", "a", Due::At(START))).collect::<Vec<_>>();
        queue.push(jobs(CAPACITY - 1)).unwrap();
        assert_eq!(queue.push(jobs(2)), Err(QueueFull));
        assert_eq!(queue.show().len(), CAPACITY - 1);
        queue.push(jobs(1)).unwrap();
        queue.forget("a");
        assert!(queue.is_empty() && queue.bytes == 0);
    }
}
