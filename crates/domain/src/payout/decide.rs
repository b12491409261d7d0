//! What may happen to a payout.

use time::OffsetDateTime;

use super::{Event, Payout, PayoutStatus};
use crate::{
    CharacterName, EnrollmentRequestId, Gold, Rejection, ViewerId,
    announcement::{AnnouncementState, Outcome},
    pool::Standing,
};

/// The making of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Award {
    /// Who won.
    pub viewer: ViewerId,
    /// Their display name at the draw.
    pub display_name: String,
    /// The character's name at the draw.
    pub character_name: CharacterName,
    /// `spin:<cycle>`.
    pub enrollment_request_id: EnrollmentRequestId,
    /// What the winner already has.
    pub standing: Standing,
    /// When.
    pub at: OffsetDateTime,
}

/// A command to a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make it.
    Award(Award),
    /// The winner accepted, under this name.
    ConfirmAcceptance {
        /// The name that was confirmed.
        character_name: CharacterName,
        /// When.
        at: OffsetDateTime,
    },
    /// The desktop asks for a status.
    ChangeStatus {
        /// Which.
        to: PayoutStatus,
        /// When.
        at: OffsetDateTime,
    },
    /// The sweep found it too old.
    Expire {
        /// When.
        at: OffsetDateTime,
    },
    /// An attempt to announce it has come to an end that is worth an event.
    RecordAnnouncement {
        /// Which.
        outcome: Outcome,
        /// When.
        at: OffsetDateTime,
    },
}

/// Decides a command against the payout as it is; `None` is one that was never awarded.
pub fn decide(payout: Option<&Payout>, command: Command) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Award(award) => decide_award(payout, award),
        Command::ConfirmAcceptance { character_name, at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            if !payout.character_name.is_same_name(&character_name) {
                return Err(Rejection::InvalidCharacterName);
            }
            Ok(if payout.accepted_at.is_some() { vec![] } else { vec![Event::AcceptanceConfirmed { at }] })
        }
        Command::ChangeStatus { to, at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            Ok(vec![step(payout.status, to, at)?])
        }
        Command::Expire { at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            Ok(if payout.status.is_active() { vec![Event::Expired { at }] } else { vec![] })
        }
        Command::RecordAnnouncement { outcome, at } => {
            let payout = payout.ok_or(Rejection::NotFound)?;
            let announcement = payout.announcement.ok_or(Rejection::InvalidState)?;
            if outcome_may_follow(announcement, &outcome) {
                Ok(vec![Event::Announcement { outcome, at }])
            } else {
                Err(Rejection::InvalidState)
            }
        }
    }
}

fn decide_award(payout: Option<&Payout>, award: Award) -> Result<Vec<Event>, Rejection> {
    if payout.is_some() {
        return Err(Rejection::InvalidState);
    }
    award.standing.admits_payout()?;
    let Award { viewer, display_name, character_name, enrollment_request_id, standing: _, at } = award;
    let gold = Gold::PAYOUT;
    Ok(vec![Event::Awarded { viewer, display_name, character_name, gold, enrollment_request_id, at }])
}

/// The transition table, for what the desktop may ask.
fn step(from: PayoutStatus, to: PayoutStatus, at: OffsetDateTime) -> Result<Event, Rejection> {
    use PayoutStatus::{Cancelled, Expired, Failed, InProgress, Pending, Sent};
    match (from, to) {
        (Pending, InProgress) => Ok(Event::Started { at }),
        (Pending | InProgress, Cancelled) => Ok(Event::Cancelled { at }),
        (Pending | InProgress, Failed) => Ok(Event::Failed { at }),
        (InProgress, Sent) => Ok(Event::Sent { at }),
        (InProgress, Pending) => Ok(Event::Returned { at }),
        (Pending, Pending | Sent | Expired)
        | (InProgress, InProgress | Expired)
        | (Sent | Failed | Cancelled | Expired, Pending | InProgress | Sent | Failed | Cancelled | Expired) => {
            Err(Rejection::TerminalStatusChangeNotAllowed)
        }
    }
}

/// Whether an event can be the next of a stream whose fold this is. [`decide`] makes no other; an audit asks.
pub(super) fn may_be_next(payout: Option<&Payout>, event: &Event) -> bool {
    let Some(payout) = payout else {
        return matches!(event, Event::Awarded { .. });
    };
    let may_become = |to, at| step(payout.status, to, at).is_ok();
    match event {
        Event::Awarded { .. } => false,
        Event::AcceptanceConfirmed { .. } => payout.accepted_at.is_none(),
        Event::Started { at } => may_become(PayoutStatus::InProgress, *at),
        Event::Returned { at } => may_become(PayoutStatus::Pending, *at),
        Event::Sent { at } => may_become(PayoutStatus::Sent, *at),
        Event::Failed { at } => may_become(PayoutStatus::Failed, *at),
        Event::Cancelled { at } => may_become(PayoutStatus::Cancelled, *at),
        Event::Expired { .. } => payout.status.is_active(),
        Event::Announcement { outcome, .. } => {
            payout.announcement.is_some_and(|announcement| outcome_may_follow(announcement, outcome))
        }
    }
}

fn outcome_may_follow(state: AnnouncementState, outcome: &Outcome) -> bool {
    use AnnouncementState::{Announced, Dropped, Failed, Pending, Sending, Unknown};
    match outcome {
        Outcome::Announced { .. } | Outcome::Dropped { .. } | Outcome::Unknown { .. } | Outcome::Failed { .. } => {
            matches!(state, Pending | Sending)
        }
        Outcome::Retried => matches!(state, Dropped | Unknown | Failed),
        Outcome::Resolved { .. } => match state {
            Unknown => true,
            Pending | Sending | Announced | Dropped | Failed => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::{
        CycleId,
        stream::{Aggregate, StreamEvent},
    };

    const AT: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn award(standing: Standing) -> Command {
        Command::Award(Award {
            viewer: ViewerId::parse("ann").unwrap(),
            display_name: "Ann".to_owned(),
            character_name: CharacterName::parse("Anna").unwrap(),
            enrollment_request_id: EnrollmentRequestId::of_spin(CycleId::from_uuid(Uuid::nil())),
            standing,
            at: AT,
        })
    }

    fn fold(events: impl IntoIterator<Item = Event>) -> Option<Payout> {
        events.into_iter().fold(None, |payout, event| Payout::apply(payout, &event))
    }

    fn awarded() -> Vec<Event> {
        decide(None, award(Standing::default())).unwrap()
    }

    fn in_status(status: PayoutStatus) -> Payout {
        let mut events = awarded();
        match status {
            PayoutStatus::Pending => {}
            PayoutStatus::InProgress => events.push(Event::Started { at: AT }),
            PayoutStatus::Sent => events.extend([Event::Started { at: AT }, Event::Sent { at: AT }]),
            PayoutStatus::Failed => events.push(Event::Failed { at: AT }),
            PayoutStatus::Cancelled => events.push(Event::Cancelled { at: AT }),
            PayoutStatus::Expired => events.push(Event::Expired { at: AT }),
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
                let decided = decide(Some(&before), Command::ChangeStatus { to, at: AT });
                if allowed(from, to) {
                    let after = decided.unwrap().iter().fold(Some(before), Payout::apply).unwrap();
                    assert_eq!(after.status, to, "{from} -> {to}");
                } else {
                    assert_eq!(decided, Err(Rejection::TerminalStatusChangeNotAllowed), "{from} -> {to}");
                }
            }
        }
    }

    #[test]
    fn an_event_that_no_command_makes_is_recognized() {
        for from in PayoutStatus::ALL {
            for to in PayoutStatus::ALL {
                let event = match to {
                    PayoutStatus::Pending => Event::Returned { at: AT },
                    PayoutStatus::InProgress => Event::Started { at: AT },
                    PayoutStatus::Sent => Event::Sent { at: AT },
                    PayoutStatus::Failed => Event::Failed { at: AT },
                    PayoutStatus::Cancelled => Event::Cancelled { at: AT },
                    PayoutStatus::Expired => Event::Expired { at: AT },
                };
                let expected = allowed(from, to) || (to == PayoutStatus::Expired && from.is_active());
                assert_eq!(may_be_next(Some(&in_status(from)), &event), expected, "{from} -> {to}");
                assert!(!may_be_next(None, &event), "{to} first");
            }
        }
        let announced = Event::Announcement { outcome: Outcome::Announced { message_id: None }, at: AT };
        assert!(!may_be_next(Some(&in_status(PayoutStatus::InProgress)), &announced));
        let sent = in_status(PayoutStatus::Sent);
        assert!(may_be_next(Some(&sent), &announced));
        let twice = Payout::apply(Some(sent), &announced);
        assert!(!may_be_next(twice.as_ref(), &announced));
        assert!(may_be_next(None, &awarded()[0]) && !may_be_next(twice.as_ref(), &awarded()[0]));
    }

    #[test]
    fn only_active_payouts_expire() {
        for status in PayoutStatus::ALL {
            let decided = decide(Some(&in_status(status)), Command::Expire { at: AT }).unwrap();
            assert_eq!(decided, if status.is_active() { vec![Event::Expired { at: AT }] } else { vec![] });
        }
    }

    #[test]
    fn acceptance_is_recorded_once_whatever_the_status() {
        for status in PayoutStatus::ALL {
            let confirm =
                |name: &str| Command::ConfirmAcceptance { character_name: CharacterName::parse(name).unwrap(), at: AT };
            let payout = in_status(status);
            assert_eq!(decide(Some(&payout), confirm("Bella")), Err(Rejection::InvalidCharacterName));
            let events = decide(Some(&payout), confirm("ANNA")).unwrap();
            assert_eq!(events, [Event::AcceptanceConfirmed { at: AT }]);
            let accepted = Payout::apply(Some(payout), &events[0]).unwrap();
            assert_eq!(accepted.status, status);
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
            Command::ChangeStatus { to: PayoutStatus::InProgress, at: AT },
            Command::Expire { at: AT },
            Command::RecordAnnouncement { outcome: Outcome::Retried, at: AT },
        ] {
            assert_eq!(decide(None, command), Err(Rejection::NotFound));
        }
    }

    #[test]
    fn events_are_read_back_as_they_were_written() {
        let mut events = awarded();
        events.extend([
            Event::AcceptanceConfirmed { at: AT },
            Event::Announcement { outcome: Outcome::Dropped { reason: "spam".to_owned() }, at: AT },
        ]);
        for event in events {
            let (event_type, data) = event.encode();
            assert_eq!(Event::decode(&event_type, Event::VERSION, &data).unwrap(), event);
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
        let newer = Event::decode("Sent", 2, &data).unwrap_err();
        insta::assert_snapshot!(newer, @r#"event type "Sent" has version 2, this program knows version 1"#);
        assert!(Event::decode("Teleported", 1, &data).unwrap_err().to_string().contains("Teleported"));
    }

    proptest! {
        /// Whatever is asked in whatever order: no step leaves a terminal status, and a payout is announced only after it
        /// was sent.
        #[test]
        fn terminal_is_terminal(asked in prop::collection::vec(0..8_usize, 0..30)) {
            let mut payout = fold(awarded()).unwrap();
            for what in asked {
                let command = match what {
                    6 => Command::Expire { at: AT },
                    7 => Command::RecordAnnouncement { outcome: Outcome::Announced { message_id: None }, at: AT },
                    status => Command::ChangeStatus { to: PayoutStatus::ALL[status], at: AT },
                };
                let before = payout.clone();
                for event in decide(Some(&payout), command).unwrap_or_default() {
                    prop_assert!(may_be_next(Some(&payout), &event));
                    payout = Payout::apply(Some(payout), &event).unwrap();
                }
                if !before.status.is_active() {
                    prop_assert_eq!(before.status, payout.status);
                }
                prop_assert!(!payout.is_announced() || payout.status == PayoutStatus::Sent);
            }
        }
    }
}
