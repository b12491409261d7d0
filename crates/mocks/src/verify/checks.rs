//! The checks, as a table.

use mgm_twitch::eventsub::header;
use time::Duration;

use super::check::{Check, Severity};
use super::message::Draft;
use super::odd::{forged, of_another_topic, oversized, twice, unusual, with_new_fields, wrong_signature};
use super::probe::{
    Probe, has_length, is_challenge, is_text, refuses, takes, takes_or_refuses, takes_refuses_or_hangs_up,
};

const HANDLING: &str = "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/";
const VERIFYING: &str = "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message";
const CHALLENGE: &str =
    "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#responding-to-a-challenge-request";
const PROCESSING: &str = "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#processing-an-event";
const REVOKING: &str = "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#revoking-your-subscription";
const DUPLICATES: &str = "https://dev.twitch.tv/docs/eventsub/#handling-duplicate-events";
const REPLAY: &str = "https://dev.twitch.tv/docs/eventsub/#guarding-against-replay-attacks";
const TYPES: &str = "https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/";

/// The age of a message that is too old; Twitch advises to refuse messages that are older than ten minutes.
const STALE: Duration = Duration::minutes(11);

/// The check of the time of all answers.
pub(super) const IN_TIME: Check = Check {
    id: "in-time",
    name: "answers come in time",
    severity: Severity::Must,
    sent: "all of the above",
    expected: "every answer within the given time",
    why: "Twitch counts a late answer as a failure; it wants one within a few seconds",
    link: HANDLING,
    needs: None,
};

/// All others, in the order in which they are run: revocations come last.
pub(super) const CHECKS: &[Probe] = &[
    Probe {
        check: Check {
            id: "challenge",
            name: "a challenge is answered with it",
            severity: Severity::Must,
            sent: "a signed challenge",
            expected: "exactly 200, and exactly the challenge as the body",
            why: "Twitch enables the subscription only then",
            link: CHALLENGE,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.challenge())],
        accepts: is_challenge,
    },
    Probe {
        check: Check {
            id: "challenge-length",
            name: "the answer to a challenge has a Content-Length",
            severity: Severity::Should,
            sent: "a signed challenge",
            expected: "a Content-Length",
            why: "Twitch advises it",
            link: CHALLENGE,
            needs: Some("challenge"),
        },
        make: |maker| vec![maker.sign(maker.challenge())],
        accepts: has_length,
    },
    Probe {
        check: Check {
            id: "challenge-text",
            name: "the answer to a challenge is plain text",
            severity: Severity::Should,
            sent: "a signed challenge",
            expected: "the Content-Type text/plain",
            why: "Twitch's own command-line tool checks it",
            link: CHALLENGE,
            needs: Some("challenge"),
        },
        make: |maker| vec![maker.sign(maker.challenge())],
        accepts: is_text,
    },
    Probe {
        check: Check {
            id: "notification",
            name: "a notification is taken",
            severity: Severity::Must,
            sent: "a signed notification",
            expected: TAKEN,
            why: "after several failures Twitch revokes the subscription (notification_failures_exceeded)",
            link: PROCESSING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification())],
        accepts: takes,
    },
    Probe {
        check: Check {
            id: "raw-body",
            name: "the signature is checked over the body as received",
            severity: Severity::Must,
            sent: "a signed notification with unusual spaces, escapes and letters",
            expected: TAKEN,
            why: "JSON that was parsed and written again is another text, with another signature",
            link: VERIFYING,
            needs: Some("notification"),
        },
        make: |maker| vec![maker.sign(maker.notification_of(unusual(maker)))],
        accepts: takes,
    },
    Probe {
        check: Check {
            id: "new-fields",
            name: "unknown fields are passed over",
            severity: Severity::Must,
            sent: "a signed notification with fields that nobody knows",
            expected: TAKEN,
            why: "Twitch adds fields at any time",
            link: TYPES,
            needs: Some("notification"),
        },
        make: |maker| vec![maker.sign(maker.notification_of(with_new_fields(maker)))],
        accepts: takes,
    },
    Probe {
        check: Check {
            id: "retry",
            name: "a message that Twitch sends again is taken",
            severity: Severity::Must,
            sent: "a signed notification whose first attempt was lost",
            expected: TAKEN,
            why: "Twitch sends again what was not answered, with the number of attempts",
            link: DUPLICATES,
            needs: Some("notification"),
        },
        make: |maker| vec![maker.sign(Draft { retry: "1", ..maker.notification() })],
        accepts: takes,
    },
    Probe {
        check: Check {
            id: "duplicate",
            name: "a duplicate does no harm",
            severity: Severity::Must,
            sent: "the same signed notification twice",
            expected: EITHER,
            why: "Twitch sends a message at least once",
            link: DUPLICATES,
            needs: Some("notification"),
        },
        make: twice,
        accepts: takes_or_refuses,
    },
    Probe {
        check: Check {
            id: "new-type",
            name: "an unknown subscription type does no harm",
            severity: Severity::Must,
            sent: "a signed notification of a type that nobody knows",
            expected: EITHER,
            why: "a receiver may be subscribed to more than it knows",
            link: TYPES,
            needs: None,
        },
        make: |maker| vec![maker.sign(of_another_topic(maker, "channel.unheard_of", "1"))],
        accepts: takes_or_refuses,
    },
    Probe {
        check: Check {
            id: "new-version",
            name: "an unknown version does no harm",
            severity: Severity::Must,
            sent: "a signed notification of a version that nobody knows",
            expected: EITHER,
            why: "Twitch adds versions of its types",
            link: TYPES,
            needs: None,
        },
        make: |maker| vec![maker.sign(of_another_topic(maker, &maker.target.kind, "987"))],
        accepts: takes_or_refuses,
    },
    Probe {
        check: Check {
            id: "new-message",
            name: "an unknown kind of message does no harm",
            severity: Severity::Should,
            sent: "a signed message of a kind that nobody knows",
            expected: EITHER,
            why: "Twitch may add kinds of messages",
            link: HANDLING,
            needs: None,
        },
        make: |maker| vec![maker.sign(Draft { kind: "unheard_of", ..maker.notification() })],
        accepts: takes_or_refuses,
    },
    Probe {
        check: Check {
            id: "wrong-signature",
            name: "a wrong signature is refused",
            severity: Severity::Must,
            sent: "a notification with a wrong signature",
            expected: REFUSED,
            why: "anybody can send messages to a public address; only Twitch knows the secret",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification()).with(header::MESSAGE_SIGNATURE, &wrong_signature())],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "no-signature",
            name: "a missing signature is refused",
            severity: Severity::Must,
            sent: "a notification without a signature",
            expected: REFUSED,
            why: "anybody can send messages to a public address; only Twitch knows the secret",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification()).without(header::MESSAGE_SIGNATURE)],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "odd-signature",
            name: "a malformed signature is refused",
            severity: Severity::Must,
            sent: "a notification whose signature is not hexadecimal",
            expected: REFUSED,
            why: "anybody can send messages to a public address; only Twitch knows the secret",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification()).with(header::MESSAGE_SIGNATURE, "sha256=not-hexadecimal")],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "other-secret",
            name: "another secret's signature is refused",
            severity: Severity::Must,
            sent: "a notification that is signed with another secret",
            expected: REFUSED,
            why: "anybody can send messages to a public address; only Twitch knows the secret",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![forged(maker, maker.notification())],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "other-body",
            name: "a signature of another body is refused",
            severity: Severity::Must,
            sent: "a notification whose body was changed after it was signed",
            expected: REFUSED,
            why: "anybody can send messages to a public address; only Twitch knows the secret",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification()).with_body(with_new_fields(maker))],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "other-id",
            name: "a signature of another id is refused",
            severity: Severity::Must,
            sent: "a notification whose id was changed after it was signed",
            expected: REFUSED,
            why: "the id is signed, so that a message cannot be repeated under another one",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification()).with(header::MESSAGE_ID, &maker.random.uuid().to_string())],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "other-time",
            name: "a signature of another time is refused",
            severity: Severity::Must,
            sent: "a notification whose time was changed after it was signed",
            expected: REFUSED,
            why: "the time is signed, so that an old message cannot be passed off as a new one",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| {
            vec![maker.sign(Draft { age: STALE, ..maker.notification() }).with(header::MESSAGE_TIMESTAMP, &maker.now())]
        },
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "no-id",
            name: "a message without an id is refused",
            severity: Severity::Should,
            sent: "a notification without an id",
            expected: REFUSED,
            why: "without it the signature cannot be checked",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification()).without(header::MESSAGE_ID)],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "no-time",
            name: "a message without a time is refused",
            severity: Severity::Should,
            sent: "a notification without a time",
            expected: REFUSED,
            why: "without it the signature cannot be checked",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification()).without(header::MESSAGE_TIMESTAMP)],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "forged-challenge",
            name: "a forged challenge is not answered",
            severity: Severity::Must,
            sent: "a challenge that is signed with another secret",
            expected: REFUSED,
            why: "otherwise anybody can subscribe the receiver to anything",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![forged(maker, maker.challenge())],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "forged-revocation",
            name: "a forged revocation is refused",
            severity: Severity::Must,
            sent: "a revocation that is signed with another secret",
            expected: REFUSED,
            why: "otherwise anybody can make the receiver believe that its subscription has ended",
            link: VERIFYING,
            needs: None,
        },
        make: |maker| vec![forged(maker, maker.revocation("user_removed"))],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "stale",
            name: "an old message is refused",
            severity: Severity::Must,
            sent: "a signed notification that is 11 minutes old",
            expected: REFUSED,
            why: "otherwise a message that somebody has recorded can be replayed",
            link: REPLAY,
            needs: None,
        },
        make: |maker| vec![maker.sign(Draft { age: STALE, ..maker.notification() })],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "future",
            name: "a message from the future is refused",
            severity: Severity::Should,
            sent: "a signed notification of 11 minutes from now",
            expected: REFUSED,
            why: "it could be replayed for longer than the id of a duplicate is remembered",
            link: REPLAY,
            needs: None,
        },
        make: |maker| vec![maker.sign(Draft { age: -STALE, ..maker.notification() })],
        accepts: refuses,
    },
    Probe {
        check: Check {
            id: "not-json",
            name: "a body that is not JSON does no harm",
            severity: Severity::Should,
            sent: "a signed notification whose body is not JSON",
            expected: EITHER,
            why: "a clear refusal, and no failure of the receiver",
            link: PROCESSING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification_of("this is {not JSON"))],
        accepts: takes_or_refuses,
    },
    Probe {
        check: Check {
            id: "no-body",
            name: "an empty body does no harm",
            severity: Severity::Should,
            sent: "a signed notification with an empty body",
            expected: EITHER,
            why: "a clear refusal, and no failure of the receiver",
            link: PROCESSING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification_of(""))],
        accepts: takes_or_refuses,
    },
    Probe {
        check: Check {
            id: "odd-json",
            name: "JSON of another shape does no harm",
            severity: Severity::Should,
            sent: "a signed notification whose body is an array",
            expected: EITHER,
            why: "a clear refusal, and no failure of the receiver",
            link: PROCESSING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.notification_of("[null]"))],
        accepts: takes_or_refuses,
    },
    Probe {
        check: Check {
            id: "oversized",
            name: "a body that is far too long does no harm",
            severity: Severity::Must,
            sent: "a forged notification of 2 MiB",
            expected: "any 2xx or 4xx, such as 413, or the end of the connection",
            why: "a receiver that reads whatever comes can be made to run out of memory",
            link: PROCESSING,
            needs: None,
        },
        make: |maker| vec![forged(maker, maker.notification_of(oversized(maker)))],
        accepts: takes_refuses_or_hangs_up,
    },
    Probe {
        check: Check {
            id: "still-there",
            name: "a notification is taken after all that",
            severity: Severity::Must,
            sent: "a signed notification",
            expected: TAKEN,
            why: "one bad message must not affect the next",
            link: PROCESSING,
            needs: Some("notification"),
        },
        make: |maker| vec![maker.sign(maker.notification())],
        accepts: takes,
    },
    Probe {
        check: Check {
            id: "revocation",
            name: "a revocation is taken",
            severity: Severity::Must,
            sent: "a signed revocation (authorization_revoked)",
            expected: TAKEN,
            why: "Twitch tells why it has ended the subscription",
            link: REVOKING,
            needs: None,
        },
        make: |maker| vec![maker.sign(maker.revocation("authorization_revoked"))],
        accepts: takes,
    },
    Probe {
        check: Check {
            id: "new-reason",
            name: "a revocation for an unknown reason does no harm",
            severity: Severity::Should,
            sent: "a signed revocation for a reason that nobody knows",
            expected: EITHER,
            why: "Twitch may add reasons; a receiver that has ended its subscription may refuse it",
            link: REVOKING,
            needs: Some("revocation"),
        },
        make: |maker| vec![maker.sign(maker.revocation("unheard_of"))],
        accepts: takes_or_refuses,
    },
];

const TAKEN: &str = "any 2xx";
const REFUSED: &str = "any 4xx, such as 400, 401, 403 or 410";
const EITHER: &str = "any 2xx or 4xx";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own_and_builds_on_an_earlier_one() {
        for (place, Probe { check, .. }) in CHECKS.iter().enumerate() {
            let earlier = &CHECKS[..place];
            let is_earlier = |id: &str| earlier.iter().any(|other| other.check.id == id);
            assert!(!is_earlier(check.id) && check.id != IN_TIME.id, "{}", check.id);
            assert!(check.needs.is_none_or(is_earlier), "{}", check.id);
            assert!(!earlier.iter().any(|other| other.check.name == check.name), "{}", check.name);
        }
    }
}
