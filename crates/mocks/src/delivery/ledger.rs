//! What was delivered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mgm_api_types::mocks::{Delivery, DeliveryOutcome};
use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::message::Message;

/// How many deliveries are kept.
const CAPACITY: usize = 1000;

/// How many bytes their bodies and answers have together.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The longest body that is kept, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The longest answer that is kept, in characters.
const MAX_ANSWER: usize = 500;

/// The longest wait, in seconds.
const MAX_WAIT: u32 = 60;

/// A bounded record of deliveries, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    record: Mutex<Record>,
    grown: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Record {
    /// Distinguishes deliveries from before a reset that end after it.
    generation: u64,
    total: u64,
    bytes: usize,
    entries: VecDeque<Entry>,
}

/// A delivery whose body is kept as bytes, since parsed JSON may take many times the memory.
#[derive(Clone, Debug)]
struct Entry {
    delivery: Delivery,
    body: Bytes,
}

/// What a delivery that has begun belongs to: the time since the start or the last reset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Generation(u64);

/// Which deliveries are asked for, and how many of them are waited for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    message_type: Option<String>,
    #[serde(default)]
    subscription_id: Option<String>,
    #[serde(default)]
    subscription_type: Option<String>,
    /// How many deliveries are waited for.
    #[serde(default)]
    count: usize,
    /// For how long, in seconds.
    #[serde(default)]
    wait_seconds: u32,
}

impl Default for Shared {
    fn default() -> Self {
        Self { record: Mutex::default(), grown: watch::Sender::new(()) }
    }
}

impl Question {
    fn is_about(&self, delivery: &Delivery) -> bool {
        let is_same = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        is_same(&self.message_id, &delivery.message_id)
            && is_same(&self.message_type, &delivery.message_type)
            && is_same(&self.subscription_id, &delivery.subscription_id)
            && is_same(&self.subscription_type, &delivery.subscription_type)
    }
}

/// Deliveries to show. Each body is parsed when it is serialized, so that they are not all in memory at once.
#[derive(Debug)]
pub(crate) struct Shown(Vec<Entry>);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Entry::show))
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.body.len() + self.delivery.answer.as_ref().map_or(0, String::len)
    }

    fn show(&self) -> Delivery {
        Delivery { body: serde_json::from_slice(&self.body).ok(), ..self.delivery.clone() }
    }
}

impl Ledger {
    fn record(&self) -> MutexGuard<'_, Record> {
        // No panic can leave a change incomplete.
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked when a delivery begins.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.record().generation)
    }

    /// Records a delivery that began in this generation, unless that is over; `body` is what was sent.
    pub(crate) fn add(&self, Generation(generation): Generation, mut delivery: Delivery, body: Bytes) {
        delivery.body_bytes = body.len();
        delivery.answer = delivery.answer.map(|answer| answer.chars().take(MAX_ANSWER).collect());
        let body = if body.len() <= MAX_BODY { body } else { Bytes::new() };
        let entry = Entry { delivery, body };
        let mut record = self.record();
        if record.generation != generation {
            return;
        }
        record.total += 1;
        record.bytes += entry.size();
        record.entries.push_back(entry);
        while record.entries.len() > CAPACITY || record.bytes > MAX_BYTES {
            let Some(oldest) = record.entries.pop_front() else { break };
            record.bytes -= oldest.size();
        }
        drop(record);
        self.0.grown.send_replace(());
    }

    /// The total, and the deliveries that are asked for.
    fn find(&self, question: &Question) -> (u64, Shown) {
        let record = self.record();
        let found = record.entries.iter().filter(|entry| question.is_about(&entry.delivery));
        (record.total, Shown(found.cloned().collect()))
    }

    /// The same, as soon as there are as many as are waited for, or when the time is over.
    pub(crate) async fn answer(&self, question: &Question) -> (u64, Shown) {
        let mut grown = self.0.grown.subscribe();
        let enough = async {
            loop {
                let found = self.find(question);
                if found.1.0.len() >= question.count {
                    return found;
                }
                // The sender lives as long as this ledger.
                let _ = grown.changed().await;
            }
        };
        let longest = Duration::from_secs(question.wait_seconds.min(MAX_WAIT).into());
        tokio::time::timeout(longest, enough).await.unwrap_or_else(|_| self.find(question))
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        let mut record = self.record();
        *record = Record { generation: record.generation + 1, ..Record::default() };
    }
}

impl Message {
    /// What is recorded of a delivery before it is made.
    pub(crate) fn delivery(&self, retry: u32, to: &str, time: OffsetDateTime) -> Delivery {
        Delivery {
            message_id: self.id.clone(),
            message_type: self.kind.name().to_owned(),
            retry,
            subscription_id: self.subscription.id.clone(),
            subscription_type: self.subscription.kind.clone(),
            to: to.to_owned(),
            time,
            hostile: self.hostile.map(|hostile| hostile.name().to_owned()),
            headers: [].into(),
            body: None,
            body_bytes: 0,
            outcome: DeliveryOutcome::NotSent,
            status: None,
            answer: None,
            problem: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::Subscription;

    fn delivery(id: &str) -> Delivery {
        let subscription: Subscription = serde_json::from_value(json!({
            "id": "s", "client_id": "c", "type": "t", "version": "1", "condition": {},
            "callback": "http://127.0.0.1:1", "secret": "0123456789",
        }))
        .unwrap();
        let message = Message::revocation(id.to_owned(), subscription);
        message.delivery(0, "http://127.0.0.1:1", OffsetDateTime::UNIX_EPOCH)
    }

    fn add(ledger: &Ledger, id: &str, body: Bytes) {
        ledger.add(ledger.generation(), delivery(id), body);
    }

    fn kept(ledger: &Ledger) -> (u64, Vec<String>) {
        let (total, found) = ledger.find(&Question::default());
        (total, found.0.into_iter().map(|entry| entry.delivery.message_id).collect())
    }

    #[test]
    fn the_last_are_kept_and_all_are_counted() {
        let ledger = Ledger::default();
        for number in 0..CAPACITY + 2 {
            add(&ledger, &number.to_string(), Bytes::new());
        }
        let (total, ids) = kept(&ledger);
        assert_eq!((total, ids.len(), ids[0].as_str()), (1002, CAPACITY, "2"));
        let before = ledger.generation();
        ledger.reset();
        ledger.add(before, delivery("late"), Bytes::new());
        assert_eq!(kept(&ledger), (0, vec![]));
    }

    #[test]
    fn long_bodies_push_out_the_oldest_and_longer_ones_are_not_kept() {
        let ledger = Ledger::default();
        let long = Bytes::from(format!("\"{}\"", "x".repeat(MAX_BODY - 2)));
        for number in 0..=MAX_BYTES / MAX_BODY {
            add(&ledger, &number.to_string(), long.clone());
        }
        let (total, ids) = kept(&ledger);
        assert_eq!((total, ids[0].as_str()), (65, "1"));
        add(&ledger, "longer", Bytes::from(format!("\"{}\"", "x".repeat(MAX_BODY - 1))));
        let found = ledger.find(&Question { message_id: Some("longer".to_owned()), ..Question::default() }).1;
        let longer = found.0[0].show();
        assert_eq!((longer.body, longer.body_bytes), (None, MAX_BODY + 1));
    }

    #[tokio::test]
    async fn a_question_waits_for_what_it_asks_for() {
        let ledger = Ledger::default();
        let question = Question { message_id: Some("2".to_owned()), count: 1, wait_seconds: 60, ..Question::default() };
        let asking = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.answer(&question).await }
        });
        add(&ledger, "1", Bytes::new());
        add(&ledger, "2", Bytes::new());
        let (total, found) = asking.await.unwrap();
        assert_eq!((total, found.0.len()), (2, 1));
        let none = Question { subscription_id: Some("other".to_owned()), count: 1, ..Question::default() };
        assert!(ledger.answer(&none).await.1.0.is_empty());
    }
}
