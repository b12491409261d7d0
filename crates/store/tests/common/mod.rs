//! A store with its own database, and the values that tests use.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests: any unused identifier will do, and a failure is a failure"
)]
#![allow(dead_code, clippy::allow_attributes, reason = "every test file uses a part of it")]

use mgm_domain::{
    BroadcasterId, CharacterName, CycleId, EnrollmentRequestId, MessageId, PayoutId, PayoutStatus, ViewerId,
    pool::Enrol,
};
use mgm_store::{Enrolment, EnrolmentOutcome, EnrolmentSource, MIGRATOR, Store, StoreOptions};
use mgm_test_support::TestDatabase;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

pub const NOW: OffsetDateTime = datetime!(2026-01-02 03:05:00 UTC);

pub struct Fixture {
    pub store: Store,
    pub database: TestDatabase,
}

impl std::ops::Deref for Fixture {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

pub async fn fixture() -> Fixture {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let store = store(&database, "streamer").await;
    Fixture { store, database }
}

/// A store with connections like the backend's.
pub async fn store(database: &TestDatabase, broadcaster: &str) -> Store {
    let options = StoreOptions {
        broadcaster: BroadcasterId::parse(broadcaster).unwrap(),
        max_connections: 10,
        min_connections: 0,
        acquire_timeout: std::time::Duration::from_secs(30),
    };
    Store::connect(vec![database.connect_options()], options).await.unwrap()
}

pub fn seconds(seconds: i64) -> Duration {
    Duration::seconds(seconds)
}

pub fn viewer(id: &str) -> ViewerId {
    ViewerId::parse(id).unwrap()
}

pub fn name(text: &str) -> CharacterName {
    CharacterName::parse(text).unwrap()
}

/// A distinct name for each number: letters only.
pub fn nth_name(n: usize) -> CharacterName {
    let letters: String = format!("{n:05}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
    name(&format!("Hero{letters}"))
}

pub fn fresh_payout() -> PayoutId {
    PayoutId::from_uuid(Uuid::new_v4())
}

pub fn fresh_cycle() -> CycleId {
    CycleId::from_uuid(Uuid::new_v4())
}

fn asks(who: &str, character: CharacterName, source: EnrolmentSource) -> Enrolment {
    let command = Enrol { viewer: viewer(who), display_name: who.to_uppercase(), name: character };
    Enrolment { source, command, at: NOW }
}

pub fn chat(who: &str, character: &str) -> Enrolment {
    chat_as(&Uuid::new_v4().to_string(), who, character)
}

pub fn chat_as(message: &str, who: &str, character: &str) -> Enrolment {
    asks(who, name(character), EnrolmentSource::Chat { message_id: MessageId::parse(message).unwrap() })
}

pub fn claim(request: &str, who: &str, character: &str) -> Enrolment {
    asks(who, name(character), EnrolmentSource::Claim { request_id: EnrollmentRequestId::parse(request).unwrap() })
}

impl Fixture {
    pub async fn enrol_one(&self, enrolment: Enrolment) -> EnrolmentOutcome {
        self.store.enrol(&[enrolment]).await.unwrap().remove(0)
    }

    pub async fn enrolled(&self, who: &str, character: &str) {
        assert_eq!(self.enrol_one(chat(who, character)).await, EnrolmentOutcome::Enrolled);
    }

    pub async fn name_of(&self, who: &str) -> Option<String> {
        self.membership(&viewer(who)).await.unwrap().map(|member| member.character_name.to_string())
    }

    /// Awards a payout to a viewer in the pool.
    pub async fn pending(&self, who: &str) -> PayoutId {
        let id = fresh_payout();
        self.prepare_payout(&viewer(who), fresh_cycle(), id, NOW).await.unwrap();
        id
    }

    pub async fn sent(&self, who: &str) -> PayoutId {
        let id = self.pending(who).await;
        self.change_payout_status(id, PayoutStatus::InProgress, NOW).await.unwrap();
        self.change_payout_status(id, PayoutStatus::Sent, NOW).await.unwrap();
        id
    }

    pub async fn status(&self, id: PayoutId) -> PayoutStatus {
        self.payout(id).await.unwrap().unwrap().status
    }
}
