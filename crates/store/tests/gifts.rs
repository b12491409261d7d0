//! Gift requests in a real PostgreSQL: the queue, timeouts, and concurrency.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests: any unused identifier will do, and a failure is a failure"
)]

mod common;

use std::{collections::BTreeSet, time::Duration as StdDuration};

use common::{Fixture, NOW, fixture, name, seconds, store, viewer};
use mgm_domain::{
    GiftId, GiftStatus, MessageId, Rejection,
    gift::{FailureReason, Item, Request, SelectedItem, TimeLimits},
};
use mgm_store::{CommandError, GiftRequestOutcome, GiftVerdict, GiftView, Rebuilt, Store};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use uuid::Uuid;

const LIMITS: TimeLimits = TimeLimits { select: StdDuration::from_secs(60), confirm: StdDuration::from_secs(300) };
const LEASE: StdDuration = StdDuration::from_secs(40);

fn linen() -> SelectedItem {
    SelectedItem::parse(Item {
        name: "Linen Cloth".to_owned(),
        id: 2589,
        count: 20,
        link: "|Hitem:2589|h[Linen Cloth]|h".to_owned(),
        texture: r"Interface\Icons\INV_Fabric_Linen_01".to_owned(),
        bag_id: -1,
        slot_id: 3,
    })
    .unwrap()
}

fn ask(who: &str, is_verified: bool, at: OffsetDateTime) -> Request {
    Request { viewer: viewer(who), display_name: who.to_uppercase(), character_name: name("Etoehero"), is_verified, at }
}

fn fresh() -> GiftId {
    GiftId::from_uuid(Uuid::new_v4())
}

fn message(id: &str) -> MessageId {
    MessageId::parse(id).unwrap()
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, CommandError>) -> Rejection {
    match result {
        Err(CommandError::Rejected(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

/// Commands to a store's gift requests.
trait Gifts {
    async fn requested(&self, who: &str, at: OffsetDateTime) -> GiftId;
    async fn asked_in_chat(&self, who: &str, at: OffsetDateTime) -> GiftId;
    async fn gift_status(&self, id: GiftId) -> GiftStatus;
    async fn completed(&self, id: GiftId, now: OffsetDateTime);
}

impl Gifts for Store {
    async fn requested(&self, who: &str, at: OffsetDateTime) -> GiftId {
        let id = fresh();
        self.request_gift(id, &ask(who, true, at), LIMITS).await.unwrap();
        id
    }

    async fn asked_in_chat(&self, who: &str, at: OffsetDateTime) -> GiftId {
        let id = fresh();
        let message = message(&id.to_string());
        let outcome = self.request_gift_by_chat(&message, id, &ask(who, false, at), LIMITS).await.unwrap();
        assert_eq!(outcome, GiftRequestOutcome::Requested);
        id
    }

    async fn gift_status(&self, id: GiftId) -> GiftStatus {
        self.gift(id).await.unwrap().unwrap().gift.state.status()
    }

    async fn completed(&self, id: GiftId, now: OffsetDateTime) {
        self.select_gift_item(id, linen(), LIMITS, now).await.unwrap();
        self.confirm_gift(id, true, LIMITS, now).await.unwrap();
    }
}

fn shown(views: &[GiftView]) -> Vec<(GiftId, GiftStatus, u32)> {
    views.iter().map(|view| (view.id, view.gift.state.status(), view.position)).collect()
}

async fn rows(gifts: &Fixture) -> Vec<String> {
    sqlx::query_scalar("SELECT to_jsonb(gift_requests)::text FROM gift_requests ORDER BY gift_id")
        .fetch_all(gifts.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn requests_are_served_one_after_the_other_in_the_order_of_their_receipt() {
    let gifts = fixture().await;
    let first = gifts.requested("ann", NOW).await;
    let third = gifts.requested("bob", NOW + seconds(2)).await;
    let second = gifts.requested("cid", NOW + seconds(1)).await;
    let queue = gifts.gift_queue(None, 1_000).await.unwrap();
    let (serving, pending) = (GiftStatus::SelectingItem, GiftStatus::Pending);
    assert_eq!(shown(&queue), [(first, serving, 1), (second, pending, 2), (third, pending, 3)]);
    for view in &queue {
        assert_eq!(gifts.gift(view.id).await.unwrap().as_ref(), Some(view));
    }
    let bobs = gifts.gift_queue_of(&viewer("bob")).await.unwrap();
    assert_eq!(shown(&bobs), [(first, serving, 1), (third, pending, 3)]);
    assert_eq!(shown(&gifts.gift_queue_of(&viewer("ann")).await.unwrap()), [(first, serving, 1)]);

    let now = NOW + seconds(10);
    assert_eq!(refusal(gifts.confirm_gift(first, true, LIMITS, now).await), Rejection::InvalidState);
    assert_eq!(refusal(gifts.select_gift_item(second, linen(), LIMITS, now).await), Rejection::InvalidState);
    gifts.completed(first, now).await;
    assert_eq!(gifts.gift_status(first).await, GiftStatus::Completed);
    assert_eq!(shown(&gifts.gift_queue(None, 1_000).await.unwrap()), [(second, serving, 1), (third, pending, 2)]);
    let second = gifts.gift(second).await.unwrap().unwrap();
    assert_eq!(second.gift.state.timeout_at(), Some(now + LIMITS.select));
    // A waiting request can be given up too; that promotes nobody.
    gifts.fail_gift(third, FailureReason::Desktop("gone".to_owned()), LIMITS, now).await.unwrap();
    assert_eq!(shown(&gifts.gift_queue(None, 1_000).await.unwrap()), [(second.id, serving, 1)]);
}

#[tokio::test]
async fn one_open_request_and_one_completed_gift_a_viewer() {
    let gifts = fixture().await;
    let first = gifts.requested("ann", NOW).await;
    let again = async || gifts.request_gift(fresh(), &ask("ann", true, NOW), LIMITS).await;
    assert_eq!(refusal(again().await), Rejection::GiftRequestActive);
    gifts.fail_gift(first, FailureReason::Desktop("gone".to_owned()), LIMITS, NOW).await.unwrap();
    let second = gifts.requested("ann", NOW).await;
    gifts.completed(second, NOW).await;
    assert_eq!(refusal(again().await), Rejection::GiftAlreadyUsed);
    // An unverified request counts as the viewer's open one, in both directions.
    let unverified = gifts.asked_in_chat("bob", NOW).await;
    assert_eq!(
        refusal(gifts.request_gift(fresh(), &ask("bob", true, NOW), LIMITS).await),
        Rejection::GiftRequestActive
    );
    let by_chat = gifts.request_gift_by_chat(&message("m"), fresh(), &ask("bob", false, NOW), LIMITS).await.unwrap();
    assert_eq!(by_chat, GiftRequestOutcome::Refused(Rejection::GiftRequestActive));
    assert_eq!(gifts.gift_status(unverified).await, GiftStatus::Unverified);
    assert_eq!(gifts.gift_queue(None, 1_000).await.unwrap(), []);
    assert_eq!(gifts.gift_queue_of(&viewer("bob")).await.unwrap(), []);
}

#[tokio::test]
async fn another_streamers_queue_is_another() {
    let gifts = fixture().await;
    let other = store(&gifts.database, "other").await;
    let ours = gifts.requested("ann", NOW).await;
    let theirs = other.requested("ann", NOW).await;
    assert_eq!(gifts.gift_status(ours).await, GiftStatus::SelectingItem);
    assert_eq!(other.gift_status(theirs).await, GiftStatus::SelectingItem);
    assert_eq!(refusal(gifts.confirm_gift(theirs, true, LIMITS, NOW).await), Rejection::NotFound);
    assert_eq!(gifts.gift(theirs).await.unwrap(), None);
}

#[tokio::test]
async fn a_chat_message_is_processed_once_whatever_became_of_it() {
    let gifts = fixture().await;
    let by_chat = async |id: &str, who: &str| {
        gifts.request_gift_by_chat(&message(id), fresh(), &ask(who, true, NOW), LIMITS).await.unwrap()
    };
    let mut deliveries = JoinSet::new();
    for _ in 0..6 {
        let store = gifts.store.clone();
        deliveries.spawn(async move {
            store.request_gift_by_chat(&message("m-1"), fresh(), &ask("ann", true, NOW), LIMITS).await.unwrap()
        });
    }
    let outcomes = deliveries.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == GiftRequestOutcome::Requested).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == GiftRequestOutcome::AlreadyProcessed).count(), 5);
    assert_eq!(by_chat("m-2", "ann").await, GiftRequestOutcome::Refused(Rejection::GiftRequestActive));
    let open = gifts.gift_queue(None, 1_000).await.unwrap()[0].id;
    gifts.fail_gift(open, FailureReason::Desktop("gone".to_owned()), LIMITS, NOW).await.unwrap();
    assert_eq!(by_chat("m-2", "ann").await, GiftRequestOutcome::AlreadyProcessed);
    assert_eq!(by_chat("m-3", "ann").await, GiftRequestOutcome::Requested);
}

#[tokio::test]
async fn a_queue_in_pages_leaves_nobody_out_whatever_becomes_of_the_last_one_of_a_page() {
    let gifts = fixture().await;
    let mut asked = vec![];
    for number in 0..6 {
        asked.push(gifts.requested(&format!("viewer-{number}"), NOW + seconds(number)).await);
    }
    let page = async |after: Option<GiftId>| {
        let after = match after {
            Some(id) => gifts.gift(id).await.unwrap(),
            None => None,
        };
        let page = gifts.gift_queue(after.as_ref(), 2).await.unwrap();
        page.into_iter().map(|view| (view.id, view.position)).collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, [(asked[0], 1), (asked[1], 2)]);
    assert_eq!(page(Some(asked[0])).await, [(asked[1], 2), (asked[2], 3)]);
    assert_eq!(page(Some(asked[1])).await, [(asked[2], 3), (asked[3], 4)]);
    let give_up = async |id| gifts.fail_gift(id, FailureReason::Desktop("gone".to_owned()), LIMITS, NOW).await.unwrap();
    // The request to continue after has left the queue.
    give_up(asked[1]).await;
    assert_eq!(page(Some(asked[1])).await, [(asked[2], 2), (asked[3], 3)]);
    // The request to continue after is being served, and then is over.
    give_up(asked[0]).await;
    assert_eq!(page(Some(asked[2])).await, [(asked[3], 2), (asked[4], 3)]);
    gifts.select_gift_item(asked[2], linen(), LIMITS, NOW).await.unwrap();
    gifts.confirm_gift(asked[2], true, LIMITS, NOW).await.unwrap();
    assert_eq!(page(Some(asked[2])).await, [(asked[4], 2), (asked[5], 3)]);
    assert_eq!(page(Some(asked[5])).await, []);
}

#[tokio::test]
async fn of_many_who_ask_an_idle_queue_at_once_one_is_served() {
    let gifts = fixture().await;
    let mut asking = JoinSet::new();
    for number in 0..20 {
        let store = gifts.store.clone();
        asking.spawn(async move { store.requested(&format!("viewer-{number}"), NOW + seconds(number)).await });
    }
    asking.join_all().await;
    let queue = gifts.gift_queue(None, 1_000).await.unwrap();
    let positions: Vec<_> = queue.iter().map(|view| view.position).collect();
    assert_eq!(positions, (1..=20).collect::<Vec<_>>());
    assert_eq!(queue.iter().filter(|view| view.gift.state.status().is_served()).count(), 1);
}

#[tokio::test]
async fn one_viewer_who_asks_many_times_at_once_is_in_the_queue_once() {
    let gifts = fixture().await;
    let mut asking = JoinSet::new();
    for number in 0..10 {
        let store = gifts.store.clone();
        asking.spawn(async move { store.request_gift(fresh(), &ask("ann", number % 2 == 0, NOW), LIMITS).await });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(refused), Rejection::GiftRequestActive);
    }
}

#[tokio::test]
async fn a_passed_time_is_noted_once_in_many_processes_and_the_next_is_served() {
    let gifts = fixture().await;
    let first = gifts.requested("ann", NOW).await;
    let second = gifts.requested("bob", NOW).await;
    let unverified = gifts.asked_in_chat("cid", NOW).await;
    assert_eq!(gifts.time_out_gifts(LIMITS, NOW + seconds(59)).await.unwrap().done, []);
    let now = NOW + seconds(60);
    assert_eq!(refusal(gifts.select_gift_item(first, linen(), LIMITS, now).await), Rejection::InvalidState);
    let mut sweeps = JoinSet::new();
    for _ in 0..4 {
        let store = gifts.store.clone();
        sweeps.spawn(async move { store.time_out_gifts(LIMITS, now).await.unwrap().complete().unwrap() });
    }
    assert_eq!(sweeps.join_all().await.concat(), [(first, FailureReason::SelectionTimeout)]);
    gifts.select_gift_item(second, linen(), LIMITS, now).await.unwrap();
    let now = now + seconds(300);
    let timed_out = gifts.time_out_gifts(LIMITS, now).await.unwrap().done;
    assert_eq!(timed_out, [(second, FailureReason::ConfirmationTimeout)]);
    let now = NOW + seconds(3_600);
    let timed_out = gifts.time_out_gifts(LIMITS, now).await.unwrap().done;
    assert_eq!(timed_out, [(unverified, FailureReason::VerificationTimeout)]);
    assert_eq!(gifts.claim_verification(now, LEASE).await.unwrap(), None);
    let failed: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = 'Failed'")
        .fetch_one(gifts.database.pool())
        .await
        .unwrap();
    assert_eq!(failed, 3);
}

#[tokio::test]
async fn a_verified_request_takes_the_place_of_its_receipt() {
    let gifts = fixture().await;
    let served = gifts.requested("ann", NOW).await;
    let by_chat = gifts.asked_in_chat("bob", NOW + seconds(1)).await;
    let later = gifts.requested("cid", NOW + seconds(2)).await;
    let now = NOW + seconds(1_800);
    let claimed = gifts.claim_verification(now, LEASE).await.unwrap().unwrap();
    assert_eq!((claimed.gift, claimed.viewer.as_str(), claimed.attempt), (by_chat, "bob", 1));
    assert_eq!(gifts.verify_gift(by_chat, true, LIMITS, now).await.unwrap(), GiftVerdict::Enqueued);
    assert_eq!(gifts.verify_gift(by_chat, false, LIMITS, now).await.unwrap(), GiftVerdict::AlreadyDecided);
    let order: Vec<_> = gifts.gift_queue(None, 1_000).await.unwrap().into_iter().map(|view| view.id).collect();
    assert_eq!(order, [served, by_chat, later]);
    assert_eq!(gifts.claim_verification(now + seconds(9_999), LEASE).await.unwrap(), None);
}

#[tokio::test]
async fn who_does_not_subscribe_and_who_is_verified_too_late_is_in_no_queue() {
    let gifts = fixture().await;
    let none = gifts.asked_in_chat("ann", NOW).await;
    let late = gifts.asked_in_chat("bob", NOW).await;
    let failed = |reason| GiftVerdict::Failed(reason);
    let verified = gifts.verify_gift(none, false, LIMITS, NOW).await.unwrap();
    assert_eq!(verified, failed(FailureReason::NotSubscriber));
    let verified = gifts.verify_gift(late, true, LIMITS, NOW + seconds(3_600)).await.unwrap();
    assert_eq!(verified, failed(FailureReason::VerificationTimeout));
    assert_eq!(gifts.gift_queue(None, 1_000).await.unwrap(), []);
    // The viewer may ask again.
    gifts.requested("ann", NOW).await;
}

#[tokio::test]
async fn a_verification_is_claimed_by_one_and_due_again_when_its_lease_has_passed() {
    let gifts = fixture().await;
    let id = gifts.asked_in_chat("ann", NOW).await;
    let mut claims = JoinSet::new();
    for _ in 0..6 {
        let store = gifts.store.clone();
        claims.spawn(async move { store.claim_verification(NOW, LEASE).await.unwrap() });
    }
    let claimed: Vec<_> = claims.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 1);
    assert_eq!(gifts.claim_verification(NOW + seconds(39), LEASE).await.unwrap(), None);
    let second = gifts.claim_verification(NOW + seconds(40), LEASE).await.unwrap().unwrap();
    assert_eq!((second.gift, second.attempt), (id, 2));
    // The first is late, so it does not change the second's lease.
    gifts.postpone_verification(&claimed[0], NOW).await.unwrap();
    assert_eq!(gifts.claim_verification(NOW + seconds(41), LEASE).await.unwrap(), None);
    gifts.postpone_verification(&second, NOW + seconds(50)).await.unwrap();
    assert_eq!(gifts.claim_verification(NOW + seconds(50), LEASE).await.unwrap().unwrap().attempt, 3);
}

#[tokio::test]
async fn gifts_rebuilt_from_the_events_are_the_same_rows() {
    let gifts = fixture().await;
    let completed = gifts.requested("ann", NOW).await;
    gifts.completed(completed, NOW).await;
    let declined = gifts.requested("bob", NOW).await;
    gifts.select_gift_item(declined, linen(), LIMITS, NOW).await.unwrap();
    gifts.confirm_gift(declined, false, LIMITS, NOW).await.unwrap();
    let served = gifts.requested("cid", NOW).await;
    gifts.select_gift_item(served, linen(), LIMITS, NOW).await.unwrap();
    let pending = gifts.requested("dan", NOW).await;
    gifts.asked_in_chat("eve", NOW).await;
    let before = rows(&gifts).await;
    assert_eq!(gifts.rebuild_projections().await.unwrap(), Rebuilt { streams: 5, ..Rebuilt::default() });
    for (damage, id) in [
        ("DELETE FROM gift_requests WHERE gift_id = $1", completed),
        ("UPDATE gift_requests SET selected_item = NULL WHERE gift_id = $1", declined),
        ("UPDATE gift_requests SET timeout_at = timeout_at + interval '1 s' WHERE gift_id = $1", served),
        ("UPDATE gift_requests SET character_name = 'Andere' WHERE gift_id = $1", pending),
    ] {
        assert_eq!(
            sqlx::query(damage).bind(id.as_uuid()).execute(gifts.database.pool()).await.unwrap().rows_affected(),
            1
        );
    }
    let rebuilt = gifts.rebuild_projections().await.unwrap();
    let mut expected = [completed, declined, served, pending].map(GiftId::as_uuid);
    expected.sort();
    assert_eq!(rebuilt.differed.iter().map(|one| one.id).collect::<Vec<_>>(), expected);
    assert_eq!(rebuilt.left, []);
    assert_eq!(rows(&gifts).await, before);
}

#[tokio::test]
async fn whatever_is_done_at_once_one_is_served_and_the_rows_are_the_fold_of_the_events() {
    let gifts = fixture().await;
    let mut tasks = JoinSet::new();
    for number in 0..12 {
        let store = gifts.store.clone();
        tasks.spawn(async move {
            let who = format!("viewer-{number}");
            if number % 3 == 0 {
                let id = store.asked_in_chat(&who, NOW).await;
                store.verify_gift(id, number % 2 == 0, LIMITS, NOW).await.unwrap();
            } else {
                store.requested(&who, NOW).await;
            }
            // Everybody works on what is being served, and most are too late.
            for _ in 0..4 {
                for view in store.gift_queue(None, 1_000).await.unwrap() {
                    let _ = store.select_gift_item(view.id, linen(), LIMITS, NOW).await;
                    let _ = store.confirm_gift(view.id, number % 2 == 0, LIMITS, NOW).await;
                }
                store.time_out_gifts(LIMITS, NOW).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let queue = gifts.gift_queue(None, 1_000).await.unwrap();
    assert_eq!(queue.iter().filter(|view| view.gift.state.status().is_served()).count(), queue.len().min(1));
    let before = rows(&gifts).await;
    assert_eq!(gifts.rebuild_projections().await.unwrap(), Rebuilt { streams: 12, ..Rebuilt::default() });
    assert_eq!(rows(&gifts).await, before);
}

#[tokio::test]
async fn an_audit_finds_what_is_broken_about_gifts() {
    let mut wrong = vec![];
    for (breakage, expected) in [
        ("SELECT", &[][..]),
        ("DELETE FROM events WHERE event_type = 'ItemSelected'", &["event_impossible", "stream_gap"]),
        ("UPDATE gift_requests SET character_name = 'Andere' WHERE state = 'Completed'", &["projection_differs"]),
        ("DELETE FROM gift_requests WHERE state = 'Pending'", &["projection_differs"]),
        (
            "UPDATE gift_requests SET state = 'Pending', timeout_at = NULL WHERE state = 'SelectingItem'",
            &["gift_queue_idle", "projection_differs"],
        ),
        ("DELETE FROM gift_verifications", &["verification_missing"]),
        (
            "INSERT INTO gift_verifications SELECT broadcaster_id, gift_id, viewer_id, 0, now() FROM gift_requests
             WHERE state = 'Completed'",
            &["verification_stray"],
        ),
        (
            "INSERT INTO gift_verifications VALUES ('streamer', gen_random_uuid(), 'zoe', 0, now())",
            &["verification_stray"],
        ),
    ] {
        let gifts = fixture().await;
        let completed = gifts.requested("ann", NOW).await;
        gifts.completed(completed, NOW).await;
        gifts.requested("bob", NOW).await;
        gifts.requested("cid", NOW).await;
        gifts.asked_in_chat("dan", NOW).await;
        sqlx::query(breakage).execute(gifts.database.pool()).await.unwrap();
        let audit = gifts.audit(NOW).await.unwrap();
        assert_eq!(audit.gifts, 4);
        let found: BTreeSet<_> = audit.findings.iter().map(|finding| finding.code).collect();
        if found != expected.iter().copied().collect() {
            wrong.push(format!("{breakage}: {:?}", audit.findings));
        }
    }
    assert_eq!(wrong, [] as [&str; 0]);
}
