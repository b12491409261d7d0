//! Decides what to do about the chat subscription, given the stored state and Twitch's subscriptions.

use mgm_store::{ChatSubscription, SubscriptionState};
use mgm_twitch::helix::EventSubSubscription;
use url::Url;

const ENABLED: &str = "enabled";
const PENDING: &str = "webhook_callback_verification_pending";

/// Reasons, given by Twitch when it ends or refuses a subscription, that only a person can resolve.
const NEEDS_A_PERSON: [&str; 5] =
    ["authorization_revoked", "chat_user_banned", "moderator_removed", "user_removed", "version_removed"];

/// The chat subscription that the settings ask for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) broadcaster: &'a str,
    pub(super) callback: &'a Url,
    pub(super) secret_fingerprint: &'a str,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// This subscription is as wanted; `delete` are others for the same chat.
    Keep { id: String, is_enabled: bool, delete: Vec<String> },
    /// Create a new one, after deleting those that would conflict.
    Make { reason: Option<String>, delete: Vec<String> },
    /// Twitch has ended it for a reason that a person must resolve.
    Report { reason: String },
}

/// Decides. When a process starts, its own settings count; later, a subscription that another process made with other
/// settings is kept. So the process that started last decides, and a rolling restart causes no conflict.
pub(super) fn decide(
    known: &ChatSubscription,
    wanted: Wanted<'_>,
    found: &[EventSubSubscription],
    at_start: bool,
) -> Decision {
    let ours: Vec<_> = found.iter().filter(|one| is_about(one, wanted.broadcaster)).collect();
    let is_known = |one: &EventSubSubscription| known.id.as_deref() == Some(one.id());
    let is_right = |one: &EventSubSubscription| {
        // A requested subscription whose answer was lost has no known id yet.
        let fingerprint = known.secret_fingerprint.as_deref().filter(|_| is_known(one) || known.id.is_none());
        let is_as_wanted = fingerprint == Some(wanted.secret_fingerprint) && calls(one, wanted.callback);
        is_as_wanted || (!at_start && is_known(one) && fingerprint.is_some())
    };
    let rank = |one: &&&EventSubSubscription| (one.status.as_deref() == Some(ENABLED), is_known(one));
    let best = ours.iter().filter(|one| is_alive(one) && is_right(one)).max_by_key(rank);
    let others = |kept: Option<&str>| {
        ours.iter().map(|one| one.id()).filter(|id| Some(*id) != kept && !id.is_empty()).map(str::to_owned).collect()
    };
    if let Some(best) = best {
        let is_enabled = best.status.as_deref() == Some(ENABLED);
        return Decision::Keep { id: best.id().to_owned(), is_enabled, delete: others(Some(best.id())) };
    }
    let dead = ours.iter().rev().find(|one| is_known(one) && !is_alive(one)).and_then(|one| one.status.clone());
    let reason = dead.or_else(|| known.reason.clone().filter(|_| known.state == SubscriptionState::Revoked));
    match reason {
        Some(reason) if !at_start && NEEDS_A_PERSON.contains(&reason.as_str()) => Decision::Report { reason },
        reason => Decision::Make { reason, delete: others(None) },
    }
}

/// Whether it is a webhook subscription to this chat, read as the broadcaster.
fn is_about(subscription: &EventSubSubscription, broadcaster: &str) -> bool {
    let by_webhook = subscription.transport.as_ref().and_then(|transport| transport.method.as_deref());
    let condition = subscription.condition.as_ref();
    by_webhook == Some("webhook")
        && condition.is_some_and(|condition| {
            condition.broadcaster_user_id.as_deref() == Some(broadcaster)
                && condition.user_id.as_deref() == Some(broadcaster)
        })
}

fn is_alive(subscription: &EventSubSubscription) -> bool {
    matches!(subscription.status.as_deref(), Some(ENABLED | PENDING))
}

fn calls(subscription: &EventSubSubscription, callback: &Url) -> bool {
    let transport = subscription.transport.as_ref();
    let called = transport.and_then(|transport| Url::parse(transport.callback.as_deref()?).ok());
    called.as_ref() == Some(callback)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::{OffsetDateTime, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:05:00 UTC);
    const CALLBACK: &str = "https://example.com/api/twitch/eventsub";

    fn known(state: SubscriptionState, id: Option<&str>, fingerprint: Option<&str>) -> ChatSubscription {
        let (id, fingerprint) = (id.map(str::to_owned), fingerprint.map(str::to_owned));
        ChatSubscription {
            state,
            reason: None,
            id,
            secret_fingerprint: fingerprint,
            attempts: 1,
            create_after: NOW,
            due_at: NOW,
            revocations: 0,
        }
    }

    fn at(id: &str, status: &str, callback: &str) -> EventSubSubscription {
        serde_json::from_value(json!({
            "id": id, "status": status, "type": "channel.chat.message",
            "condition": {"broadcaster_user_id": "b", "user_id": "b"},
            "transport": {"method": "webhook", "callback": callback},
        }))
        .unwrap()
    }

    fn one(id: &str, status: &str) -> EventSubSubscription {
        at(id, status, CALLBACK)
    }

    fn decided(known: &ChatSubscription, found: &[EventSubSubscription], at_start: bool) -> Decision {
        let callback = Url::parse(CALLBACK).unwrap();
        let wanted = Wanted { broadcaster: "b", callback: &callback, secret_fingerprint: "new" };
        decide(known, wanted, found, at_start)
    }

    fn keep(id: &str, is_enabled: bool, delete: &[&str]) -> Decision {
        Decision::Keep { id: id.to_owned(), is_enabled, delete: delete.iter().map(|id| (*id).to_owned()).collect() }
    }

    fn make(reason: Option<&str>, delete: &[&str]) -> Decision {
        let delete = delete.iter().map(|id| (*id).to_owned()).collect();
        Decision::Make { reason: reason.map(str::to_owned), delete }
    }

    #[test]
    fn what_is_in_order_is_kept_and_what_is_not_is_made_anew() {
        use SubscriptionState::{Creating, Enabled, Failed, Pending};
        let ours = known(Enabled, Some("a"), Some("new"));
        for (known, found, expected) in [
            (&known(Creating, None, None), vec![], make(None, &[])),
            (&ours, vec![], make(None, &[])),
            (&ours, vec![one("a", "enabled")], keep("a", true, &[])),
            (&known(Pending, Some("a"), Some("new")), vec![one("a", PENDING)], keep("a", false, &[])),
            (&ours, vec![one("z", "enabled"), one("a", "enabled"), one("b", PENDING)], keep("a", true, &["z", "b"])),
            (&ours, vec![at("a", "enabled", "https://example.com/other")], make(None, &["a"])),
            (
                &ours,
                vec![one("a", "webhook_callback_verification_failed")],
                make(Some("webhook_callback_verification_failed"), &["a"]),
            ),
            // Made elsewhere, so its secret is unknown.
            (&known(Creating, None, None), vec![one("z", "enabled")], make(None, &["z"])),
            (&ours, vec![one("z", "enabled")], make(None, &["z"])),
            // Requested, but the answer was lost.
            (&known(Creating, None, Some("new")), vec![one("z", "enabled")], keep("z", true, &[])),
            (&known(Failed, None, Some("new")), vec![one("z", PENDING)], keep("z", false, &[])),
        ] {
            assert_eq!(decided(known, &found, true), expected, "at start: {known:?} {found:?}");
        }
    }

    #[test]
    fn a_changed_secret_makes_another_at_start_and_is_left_alone_later() {
        let old = known(SubscriptionState::Enabled, Some("a"), Some("old"));
        let found = [one("a", "enabled")];
        assert_eq!(decided(&old, &found, true), make(None, &["a"]));
        assert_eq!(decided(&old, &found, false), keep("a", true, &[]));
        let elsewhere = [at("a", "enabled", "https://example.com/other")];
        assert_eq!(decided(&old, &elsewhere, false), keep("a", true, &[]));
    }

    #[test]
    fn what_needs_a_person_is_reported_until_a_process_is_started_again() {
        for reason in NEEDS_A_PERSON {
            let mut revoked = known(SubscriptionState::Revoked, Some("a"), Some("new"));
            revoked.reason = Some(reason.to_owned());
            let report = Decision::Report { reason: reason.to_owned() };
            assert_eq!(decided(&revoked, &[one("a", reason)], false), report);
            assert_eq!(decided(&revoked, &[], false), report);
            assert_eq!(decided(&revoked, &[one("a", reason)], true), make(Some(reason), &["a"]));
            // A person has resolved it.
            let mut adopted = revoked.clone();
            adopted.id = None;
            assert_eq!(decided(&adopted, &[one("b", "enabled")], false), keep("b", true, &[]));
            // The revocation message was missed.
            let enabled = known(SubscriptionState::Enabled, Some("a"), Some("new"));
            assert_eq!(decided(&enabled, &[one("a", reason)], false), report);
        }
        let mut revoked = known(SubscriptionState::Revoked, Some("a"), Some("new"));
        for reason in ["notification_failures_exceeded", "beta_maintenance", "something_new"] {
            revoked.reason = Some(reason.to_owned());
            assert_eq!(decided(&revoked, &[], false), make(Some(reason), &[]));
        }
    }

    #[test]
    fn subscriptions_of_others_are_never_touched() {
        let known = known(SubscriptionState::Creating, None, None);
        for change in [
            json!({"condition": {"broadcaster_user_id": "other", "user_id": "b"}}),
            json!({"condition": {"broadcaster_user_id": "b", "user_id": "other"}}),
            json!({"condition": null}),
            json!({"transport": {"method": "conduit", "conduit_id": "c"}}),
            json!({"transport": null}),
        ] {
            let mut other = json!({
                "id": "x", "status": "enabled", "type": "channel.chat.message",
                "condition": {"broadcaster_user_id": "b", "user_id": "b"},
                "transport": {"method": "webhook", "callback": CALLBACK},
            });
            for (name, value) in change.as_object().unwrap() {
                other[name] = value.clone();
            }
            let found = [serde_json::from_value(other).unwrap()];
            assert_eq!(decided(&known, &found, true), make(None, &[]), "{change}");
        }
    }
}
