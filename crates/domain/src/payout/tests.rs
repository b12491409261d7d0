//! Given, when, then: every step by itself, and arbitrary orders of events and commands.

use proptest::prelude::*;
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::{
    CharacterName, CycleId, EnrollmentRequestId, Gold, Rejection, ViewerId,
    announcement::Outcome,
    pool::Standing,
    stream::{Aggregate, StreamEvent},
};

const AT: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

fn award(standing: Standing) -> PayoutCommand {
    PayoutCommand::Award(Award {
        viewer: ViewerId::parse("ann").unwrap(),
        display_name: "Ann".to_owned(),
        character_name: CharacterName::parse("Anna").unwrap(),
        enrollment_request_id: EnrollmentRequestId::of_spin(CycleId::from_uuid(Uuid::nil())),
        standing,
        at: AT,
    })
}

fn fold(events: impl IntoIterator<Item = PayoutEvent>) -> Option<Payout> {
    events.into_iter().fold(None, |payout, event| Some(Payout::transition(payout.as_ref(), &event).unwrap()))
}

fn next(payout: &Payout, event: &PayoutEvent) -> Payout {
    Payout::transition(Some(payout), event).unwrap()
}

fn awarded() -> Vec<PayoutEvent> {
    decide(None, award(Standing::default())).unwrap()
}

fn in_status(status: PayoutStatus) -> Payout {
    let mut events = awarded();
    match status {
        PayoutStatus::Pending => {}
        PayoutStatus::InProgress => events.push(PayoutEvent::Started { at: AT }),
        PayoutStatus::Sent => events.extend([PayoutEvent::Started { at: AT }, PayoutEvent::Sent { at: AT }]),
        PayoutStatus::Failed => events.push(PayoutEvent::Failed { at: AT }),
        PayoutStatus::Cancelled => events.push(PayoutEvent::Cancelled { at: AT }),
        PayoutStatus::Expired => events.push(PayoutEvent::Expired { at: AT }),
    }
    fold(events).unwrap()
}

fn allowed(from: PayoutStatus, to: PayoutStatus) -> bool {
    use PayoutStatus::{Cancelled, Failed, InProgress, Pending, Sent};
    let allowed = [
        (Pending, InProgress),
        (Pending, Cancelled),
        (Pending, Failed),
        (InProgress, Sent),
        (InProgress, Cancelled),
        (InProgress, Failed),
        (InProgress, Pending),
    ];
    allowed.contains(&(from, to))
}

#[test]
fn the_desktop_may_take_the_steps_of_the_table_and_no_other() {
    for from in PayoutStatus::ALL {
        for to in PayoutStatus::ALL {
            let before = in_status(from);
            let decided = decide(Some(&before), PayoutCommand::ChangeStatus { to, at: AT });
            if allowed(from, to) {
                let after = decided.unwrap().iter().fold(before, |payout, event| next(&payout, event));
                assert_eq!(after.status(), to, "{from} -> {to}");
            } else {
                assert_eq!(decided, Err(Rejection::TerminalStatusChangeNotAllowed), "{from} -> {to}");
            }
        }
    }
}

/// The event that takes a payout to a status.
fn to_status(to: PayoutStatus) -> PayoutEvent {
    match to {
        PayoutStatus::Pending => PayoutEvent::Returned { at: AT },
        PayoutStatus::InProgress => PayoutEvent::Started { at: AT },
        PayoutStatus::Sent => PayoutEvent::Sent { at: AT },
        PayoutStatus::Failed => PayoutEvent::Failed { at: AT },
        PayoutStatus::Cancelled => PayoutEvent::Cancelled { at: AT },
        PayoutStatus::Expired => PayoutEvent::Expired { at: AT },
    }
}

#[test]
fn an_event_that_no_command_makes_is_refused_and_changes_nothing() {
    for from in PayoutStatus::ALL {
        for to in PayoutStatus::ALL {
            let event = to_status(to);
            let before = in_status(from);
            let expected = allowed(from, to) || (to == PayoutStatus::Expired && from.is_active());
            assert_eq!(Payout::may_be_next(Some(&before), &event), expected, "{from} -> {to}");
            assert!(!Payout::may_be_next(None, &event), "{to} first");
            let mut state = Some(before.clone());
            match Payout::apply(&mut state, &event) {
                Ok(()) => assert_eq!(state.unwrap().status(), to, "{from} -> {to}"),
                Err(error) => {
                    assert_eq!((error.kind, error.event_type), ("payout", event.name()));
                    assert_eq!(state, Some(before), "{from} -> {to}");
                }
            }
        }
    }
    let announced =
        PayoutEvent::Announcement { outcome: Outcome::Announced { message_id: None, detail: None }, at: AT };
    for status in PayoutStatus::ALL {
        let payout = in_status(status);
        assert_eq!(Payout::may_be_next(Some(&payout), &announced), status == PayoutStatus::Sent, "{status}");
        assert!(!Payout::may_be_next(Some(&payout), &awarded()[0]), "{status}");
        let accepted = PayoutEvent::AcceptanceConfirmed { at: AT };
        assert!(!Payout::may_be_next(Some(&next(&payout, &accepted)), &accepted), "{status}");
    }
    let twice = Payout::transition(Some(&next(&in_status(PayoutStatus::Sent), &announced)), &announced);
    insta::assert_snapshot!(
        twice.unwrap_err(),
        @"Announcement cannot follow where the payout is Sent, its announcement announced"
    );
    insta::assert_snapshot!(
        Payout::transition(None, &announced).unwrap_err(),
        @"Announcement cannot follow where the payout is not there yet"
    );
}

#[test]
fn an_announcement_follows_its_own_table() {
    use crate::announcement::AnnouncementState::{Announced, Dropped, Failed, Pending, Unknown};
    let reason = || "r".to_owned();
    let outcomes = [
        (Outcome::Announced { message_id: None, detail: None }, Announced, &[Pending][..]),
        (Outcome::Dropped { reason: reason() }, Dropped, &[Pending]),
        (Outcome::Unknown { reason: reason() }, Unknown, &[Pending]),
        (Outcome::Failed { reason: reason() }, Failed, &[Pending]),
        (Outcome::Retried, Pending, &[Dropped, Unknown, Failed]),
        (Outcome::Resolved { announced: true }, Announced, &[Unknown]),
        (Outcome::Resolved { announced: false }, Failed, &[Unknown]),
    ];
    for before in [Pending, Announced, Dropped, Unknown, Failed] {
        let payout = Payout { state: PayoutState::Sent { announcement: before }, ..in_status(PayoutStatus::Sent) };
        for (outcome, after, from) in &outcomes {
            let event = PayoutEvent::Announcement { outcome: outcome.clone(), at: AT };
            let got = Payout::transition(Some(&payout), &event).ok().map(|payout| payout.announcement().unwrap());
            assert_eq!(got, from.contains(&before).then_some(*after), "{before} and {outcome:?}");
        }
    }
}

#[test]
fn only_active_payouts_expire() {
    for status in PayoutStatus::ALL {
        let decided = decide(Some(&in_status(status)), PayoutCommand::Expire { at: AT }).unwrap();
        assert_eq!(decided, if status.is_active() { vec![PayoutEvent::Expired { at: AT }] } else { vec![] });
    }
}

#[test]
fn acceptance_is_recorded_once_whatever_the_status() {
    for status in PayoutStatus::ALL {
        let confirm = |name: &str| PayoutCommand::ConfirmAcceptance {
            character_name: CharacterName::parse(name).unwrap(),
            at: AT,
        };
        let payout = in_status(status);
        assert_eq!(decide(Some(&payout), confirm("Bella")), Err(Rejection::InvalidCharacterName));
        let events = decide(Some(&payout), confirm("ANNA")).unwrap();
        assert_eq!(events, [PayoutEvent::AcceptanceConfirmed { at: AT }]);
        let accepted = next(&payout, &events[0]);
        assert_eq!(accepted.status(), status);
        assert_eq!(decide(Some(&accepted), confirm("Anna")), Ok(vec![]));
    }
}

#[test]
fn who_has_an_active_payout_or_the_cap_is_awarded_nothing() {
    let standing = Standing { has_active_payout: true, received: Gold::default() };
    assert_eq!(decide(None, award(standing)), Err(Rejection::ActivePayoutExists));
    let standing = Standing { has_active_payout: false, received: Gold::LIFETIME_CAP };
    assert_eq!(decide(None, award(standing)), Err(Rejection::LifetimeCapReached));
}

#[test]
fn nothing_happens_to_a_payout_that_was_never_awarded() {
    for command in [
        PayoutCommand::ChangeStatus { to: PayoutStatus::InProgress, at: AT },
        PayoutCommand::Expire { at: AT },
        PayoutCommand::RecordAnnouncement { outcome: Outcome::Retried, at: AT },
    ] {
        assert_eq!(decide(None, command), Err(Rejection::NotFound));
    }
}

#[test]
fn events_are_read_back_as_they_were_written() {
    let mut events = awarded();
    events.extend([
        PayoutEvent::AcceptanceConfirmed { at: AT },
        PayoutEvent::Announcement { outcome: Outcome::Dropped { reason: "spam".to_owned() }, at: AT },
    ]);
    events.extend(PayoutStatus::ALL.map(to_status));
    for event in events {
        let (event_type, data) = event.encode();
        assert_eq!(event_type, event.name());
        assert_eq!(PayoutEvent::decode(&event_type, PayoutEvent::VERSION, &data).unwrap(), event);
    }
    insta::assert_json_snapshot!(awarded()[0].encode(), @r#"
    [
      "Awarded",
      {
        "at": "2026-01-02T03:04:05Z",
        "characterName": "Anna",
        "displayName": "Ann",
        "enrollmentRequestId": "spin:00000000000000000000000000000000",
        "gold": 1000,
        "viewer": "ann"
      }
    ]
    "#);
}

#[test]
fn an_unknown_event_is_an_error_and_not_skipped() {
    let data = serde_json::json!({ "at": "2026-01-02T03:04:05Z" });
    let newer = PayoutEvent::decode("Sent", 2, &data).unwrap_err();
    insta::assert_snapshot!(newer, @r#"event type "Sent" has version 2, this program knows version 1"#);
    assert!(PayoutEvent::decode("Teleported", 1, &data).unwrap_err().to_string().contains("Teleported"));
}

fn any_event() -> impl Strategy<Value = PayoutEvent> {
    let outcome = prop_oneof![
        Just(Outcome::Announced { message_id: None, detail: None }),
        Just(Outcome::Dropped { reason: "spam".to_owned() }),
        Just(Outcome::Unknown { reason: "reset".to_owned() }),
        Just(Outcome::Failed { reason: "403".to_owned() }),
        Just(Outcome::Retried),
        any::<bool>().prop_map(|announced| Outcome::Resolved { announced }),
    ];
    prop_oneof![
        1 => Just(awarded().remove(0)),
        1 => Just(PayoutEvent::AcceptanceConfirmed { at: AT }),
        6 => prop::sample::select(PayoutStatus::ALL.as_slice()).prop_map(to_status),
        3 => outcome.prop_map(|outcome| PayoutEvent::Announcement { outcome, at: AT }),
    ]
}

proptest! {
    /// For any commands in any order: no step leaves a terminal status, and a payout is announced only after it was sent.
    #[test]
    fn terminal_is_terminal(asked in prop::collection::vec(0..8_usize, 0..30)) {
        let mut payout = fold(awarded()).unwrap();
        for what in asked {
            let command = match what {
                6 => PayoutCommand::Expire { at: AT },
                7 => {
                    let outcome = Outcome::Announced { message_id: None, detail: None };
                    PayoutCommand::RecordAnnouncement { outcome, at: AT }
                }
                status => PayoutCommand::ChangeStatus { to: PayoutStatus::ALL[status], at: AT },
            };
            let before = payout.clone();
            for event in decide(Some(&payout), command).unwrap_or_default() {
                payout = next(&payout, &event);
            }
            if !before.status().is_active() {
                prop_assert_eq!(before.status(), payout.status());
            }
            prop_assert!(!payout.is_announced() || payout.status() == PayoutStatus::Sent);
        }
    }

    /// For any stream: the fold is a walk through the table, and an event that cannot follow leaves the state unchanged.
    #[test]
    fn no_order_of_events_leaves_the_table(events in prop::collection::vec(any_event(), 0..40)) {
        let mut state: Option<Payout> = None;
        let mut ends = 0;
        for event in &events {
            let before = state.clone();
            prop_assert_eq!(Payout::may_be_next(before.as_ref(), event), Payout::apply(&mut state, event).is_ok());
            let Some(after) = &state else {
                prop_assert!(before.is_none());
                continue;
            };
            let Some(before) = before else {
                prop_assert_eq!(event.name(), "Awarded");
                prop_assert_eq!(after.status(), PayoutStatus::Pending);
                continue;
            };
            let (from, to) = (before.status(), after.status());
            let expires = from.is_active() && to == PayoutStatus::Expired;
            prop_assert!(from == to || allowed(from, to) || expires, "{from} -> {to} by {event:?}");
            if from != to {
                prop_assert_eq!(&to_status(to), event);
                ends += u32::from(!to.is_active());
            } else if before != *after {
                let aside = matches!(event, PayoutEvent::AcceptanceConfirmed { .. } | PayoutEvent::Announcement { .. });
                prop_assert!(aside, "{event:?} changed {before:?}");
            }
            prop_assert!(!before.is_announced() || after.is_announced());
            prop_assert!(before.accepted_at.is_none() || before.accepted_at == after.accepted_at);
        }
        prop_assert!(ends <= 1);
    }
}
