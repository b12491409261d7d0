//! The stored state of Twitch's side, in a real PostgreSQL.

#![expect(clippy::disallowed_methods, reason = "tests: any unused identifier will do")]

mod common;

use std::time::Duration;

use common::*;
use mgm_store::{ChatSubscription, StoredTokens, SubscriptionState};
use secrecy::ExposeSecret;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);
const GRANT: &str = "grant";

fn tokens(access: &str, refresh: &str) -> StoredTokens {
    StoredTokens { access: access.into(), refresh: refresh.into() }
}

fn shown(tokens: &StoredTokens) -> (String, String) {
    (tokens.access.expose_secret().to_owned(), tokens.refresh.expose_secret().to_owned())
}

#[tokio::test]
async fn whoever_waits_for_the_lock_finds_the_pair_that_its_holder_stored() {
    let store = fixture().await;
    let configured = tokens("a0", "r0");
    let held = store.lock_tokens(GRANT, &configured, PATIENCE, NOW).await.unwrap();
    assert_eq!(shown(&held.tokens), ("a0".to_owned(), "r0".to_owned()));
    let waiting = {
        let (store, configured) = (store.store.clone(), configured.clone());
        tokio::spawn(async move { store.lock_tokens(GRANT, &configured, PATIENCE, NOW).await.unwrap() })
    };
    // It waits in the database, not for a connection.
    let blocked = async {
        let count =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while sqlx::query_scalar::<_, i64>(count).fetch_one(store.database.pool()).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, blocked).await.unwrap();
    assert!(!waiting.is_finished());
    held.replace(&tokens("a1", "r1"), NOW).await.unwrap();
    let found = waiting.await.unwrap();
    assert_eq!(shown(&found.tokens), ("a1".to_owned(), "r1".to_owned()));
    found.release().await.unwrap();
    assert_eq!(shown(&store.tokens(GRANT).await.unwrap().unwrap()).0, "a1");
}

#[tokio::test]
async fn a_lock_is_not_waited_for_forever() {
    let store = fixture().await;
    let held = store.lock_tokens(GRANT, &tokens("a0", "r0"), PATIENCE, NOW).await.unwrap();
    let waited = store.lock_tokens(GRANT, &tokens("a0", "r0"), Duration::from_millis(100), NOW).await;
    assert!(waited.unwrap_err().is_unavailable());
    held.release().await.unwrap();
    assert!(store.tokens(GRANT).await.unwrap().is_none(), "a lock alone stores nothing");
}

#[tokio::test]
async fn each_grant_has_a_pair_of_its_own() {
    let store = fixture().await;
    let held = store.lock_tokens(GRANT, &tokens("a0", "r0"), PATIENCE, NOW).await.unwrap();
    held.replace(&tokens("a1", "r1"), NOW).await.unwrap();
    assert!(store.tokens("another").await.unwrap().is_none());
    let other = store.lock_tokens("another", &tokens("b0", "s0"), PATIENCE, NOW).await.unwrap();
    assert_eq!(shown(&other.tokens).0, "b0");
}

#[tokio::test]
async fn a_refusal_is_remembered_until_a_pair_is_stored() {
    let store = fixture().await;
    let lock = async || store.lock_tokens(GRANT, &tokens("a0", "r0"), PATIENCE, NOW).await.unwrap();
    lock().await.refuse("Invalid refresh token", NOW).await.unwrap();
    let held = lock().await;
    let refusal = held.refusal.clone().unwrap();
    assert_eq!((refusal.at, refusal.reason.as_str()), (NOW, "Invalid refresh token"));
    held.replace(&tokens("a1", "r1"), NOW).await.unwrap();
    assert_eq!(lock().await.refusal, None);
}

#[tokio::test]
async fn a_pair_whose_lock_was_lost_takes_the_place_of_its_predecessor_only() {
    let store = fixture().await;
    let replace =
        async |from: &StoredTokens, to: &StoredTokens| store.replace_tokens(GRANT, from, to, NOW).await.unwrap();
    assert!(replace(&tokens("a0", "r0"), &tokens("a1", "r1")).await);
    assert!(!replace(&tokens("a0", "r0"), &tokens("x", "x")).await);
    assert!(replace(&tokens("a1", "r1"), &tokens("a2", "r2")).await);
    assert_eq!(shown(&store.tokens(GRANT).await.unwrap().unwrap()).0, "a2");
}

#[tokio::test]
async fn one_process_at_a_time_looks_after_the_subscription() {
    let store = fixture().await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let lease = async |holder, second| {
        store.lease_chat_subscription(holder, NOW + seconds(second), NOW + seconds(second + 60)).await.unwrap()
    };
    let known = lease(one, 0).await.unwrap();
    assert_eq!((known.state, known.attempts), (SubscriptionState::Creating, 0));
    assert_eq!(lease(two, 59).await, None);
    assert!(lease(one, 59).await.is_some(), "the holder may go on");
    assert!(lease(two, 119).await.is_some(), "a lease ends by itself");
    let next = ChatSubscription { state: SubscriptionState::Pending, id: Some("s".to_owned()), ..known };
    assert!(!store.update_chat_subscription(one, &next, NOW).await.unwrap(), "and its holder is not listened to");
    assert!(store.update_chat_subscription(two, &next, NOW).await.unwrap());
    assert_eq!(store.chat_subscription().await.unwrap(), Some(next));
    store.release_chat_subscription(two).await.unwrap();
    assert!(lease(one, 120).await.is_some());
}

#[tokio::test]
async fn a_revocation_is_not_overwritten_by_what_was_found_before_it() {
    let store = fixture().await;
    let holder = Uuid::new_v4();
    let known = store.lease_chat_subscription(holder, NOW, NOW + seconds(60)).await.unwrap().unwrap();
    store.note_chat_subscription_revoked("authorization_revoked", NOW).await.unwrap();
    let found = ChatSubscription { state: SubscriptionState::Enabled, ..known };
    assert!(!store.update_chat_subscription(holder, &found, NOW).await.unwrap());
    let revoked = store.chat_subscription().await.unwrap().unwrap();
    assert_eq!((revoked.state, revoked.reason.as_deref()), (SubscriptionState::Revoked, Some("authorization_revoked")));
    store.note_chat_subscription_verified(Some("s"), NOW).await.unwrap();
    let verified = store.chat_subscription().await.unwrap().unwrap();
    assert_eq!(
        (verified.state, verified.reason, verified.id.as_deref()),
        (SubscriptionState::Enabled, None, Some("s"))
    );
}
