//! Given, when, then: every step by itself, and whole queues against a model.

use std::time::Duration;

use proptest::prelude::*;
use time::{OffsetDateTime, macros::datetime};

use super::*;
use crate::{
    CharacterName, Rejection, ViewerId,
    stream::{Aggregate, StreamEvent},
};

const AT: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
const LIMITS: TimeLimits = TimeLimits { select: Duration::from_secs(60), confirm: Duration::from_secs(300) };

fn item() -> SelectedItem {
    SelectedItem::parse(Item {
        name: "Linen Cloth".to_owned(),
        id: 2589,
        count: 20,
        link: "|Hitem:2589|h[Linen Cloth]|h".to_owned(),
        texture: "linen".to_owned(),
        bag_id: 0,
        slot_id: 1,
    })
    .unwrap()
}

fn request(viewer: &str, is_verified: bool, standing: GiftStanding, at: OffsetDateTime) -> GiftCommand {
    let request = Request {
        viewer: ViewerId::parse(viewer).unwrap(),
        display_name: viewer.to_uppercase(),
        character_name: CharacterName::parse("Anna").unwrap(),
        is_verified,
        at,
    };
    GiftCommand::Request { request, standing }
}

fn fold(events: impl IntoIterator<Item = GiftEvent>) -> Option<Gift> {
    events.into_iter().fold(None, |gift, event| Some(Gift::transition(gift.as_ref(), &event).unwrap()))
}

/// A request after some more events.
fn after(gift: &Gift, events: &[GiftEvent]) -> Gift {
    events.iter().fold(gift.clone(), |gift, event| Gift::transition(Some(&gift), event).unwrap())
}

fn requested(is_verified: bool) -> Vec<GiftEvent> {
    decide(None, request("ann", is_verified, GiftStanding::default(), AT)).unwrap()
}

/// The events that lead to a status, all at [`AT`].
fn history(status: GiftStatus) -> Vec<GiftEvent> {
    let promoted = GiftEvent::Promoted { timeout_at: AT + LIMITS.select, at: AT };
    let selected = GiftEvent::ItemSelected { item: item(), timeout_at: AT + LIMITS.confirm, at: AT };
    let mut events = requested(status != GiftStatus::Unverified);
    match status {
        GiftStatus::Unverified | GiftStatus::Pending => {}
        GiftStatus::SelectingItem => events.push(promoted),
        GiftStatus::WaitingConfirmation => events.extend([promoted, selected]),
        GiftStatus::Completed => events.extend([promoted, selected, GiftEvent::Completed { at: AT }]),
        GiftStatus::Failed => {
            events.push(GiftEvent::Failed { reason: FailureReason::Desktop("gone".to_owned()), at: AT });
        }
    }
    events
}

/// Every command but the first, by name.
fn commands(at: OffsetDateTime) -> [(&'static str, GiftCommand); 8] {
    [
        ("verify yes", GiftCommand::Verify { is_subscriber: true, at }),
        ("verify no", GiftCommand::Verify { is_subscriber: false, at }),
        ("promote", GiftCommand::Promote { select_within: LIMITS.select, at }),
        ("select", GiftCommand::SelectItem { item: item(), confirm_within: LIMITS.confirm, at }),
        ("confirm", GiftCommand::Confirm { confirmed: true, at }),
        ("decline", GiftCommand::Confirm { confirmed: false, at }),
        ("fail", GiftCommand::Fail { reason: FailureReason::Desktop("gone".to_owned()), at }),
        ("time out", GiftCommand::TimeOut { at }),
    ]
}

/// What every command does in every status: the resulting status with the reason of a failure, or the refusal, or
/// `-` for nothing. Commands that are not listed are refused with `InvalidState`.
fn table(at: OffsetDateTime) -> String {
    let row = |status: GiftStatus| {
        let before = fold(history(status)).unwrap();
        assert_eq!(before.state.status(), status);
        let cells = commands(at).map(|(name, command)| match decide(Some(&before), command) {
            Err(refusal) => format!("{name} {refusal:?}"),
            Ok(events) if events.is_empty() => format!("{name} -"),
            Ok(events) => {
                let after = after(&before, &events);
                assert_eq!(after.updated_at, at);
                let reason = after.state.failure_reason().map(|reason| format!("({})", reason.as_str()));
                format!("{name} → {}{}", after.state.status(), reason.unwrap_or_default())
            }
        });
        let listed: Vec<_> = cells.into_iter().filter(|cell| !cell.ends_with(" InvalidState")).collect();
        format!("{status}: {}", listed.join(", "))
    };
    GiftStatus::ALL.map(row).join("\n")
}

#[test]
fn every_command_in_every_status_while_there_is_time() {
    insta::assert_snapshot!(table(AT + Duration::from_secs(59)), @"
    Unverified: verify yes → Pending, verify no → Failed(not_subscriber), promote NotFound, select NotFound, confirm NotFound, decline NotFound, fail NotFound, time out -
    Pending: promote → SelectingItem, fail → Failed(gone), time out -
    SelectingItem: select → WaitingConfirmation, fail → Failed(gone), time out -
    WaitingConfirmation: confirm → Completed, decline → Failed(receiver_declined), fail → Failed(gone), time out -
    Completed: time out -
    Failed: time out -
    ");
}

#[test]
fn every_command_in_every_status_when_the_time_has_passed() {
    insta::assert_snapshot!(table(AT + verification::WITHIN), @"
    Unverified: verify yes → Failed(verification_timeout), verify no → Failed(verification_timeout), promote NotFound, select NotFound, confirm NotFound, decline NotFound, fail NotFound, time out → Failed(verification_timeout)
    Pending: promote → SelectingItem, fail → Failed(gone), time out -
    SelectingItem: time out → Failed(selection_timeout)
    WaitingConfirmation: time out → Failed(confirmation_timeout)
    Completed: time out -
    Failed: time out -
    ");
}

/// One event of each kind.
fn events(at: OffsetDateTime) -> [GiftEvent; 6] {
    let Ok([requested]) = <[GiftEvent; 1]>::try_from(requested(false)) else { panic!("one event makes a request") };
    [
        requested,
        GiftEvent::Verified { at },
        GiftEvent::Promoted { timeout_at: at + LIMITS.select, at },
        GiftEvent::ItemSelected { item: item(), timeout_at: at + LIMITS.confirm, at },
        GiftEvent::Completed { at },
        GiftEvent::Failed { reason: FailureReason::Desktop("gone".to_owned()), at },
    ]
}

#[test]
fn an_event_that_cannot_follow_changes_nothing_the_time_of_the_last_change_included() {
    let later = AT + Duration::from_secs(30);
    let row = |status: GiftStatus| {
        let before = fold(history(status)).unwrap();
        let took = events(later).map(|event| {
            let mut state = Some(before.clone());
            match Gift::apply(&mut state, &event) {
                Ok(()) => {
                    let after = state.unwrap();
                    assert_eq!(after.updated_at, later);
                    Some(format!("{} → {}", event.name(), after.state.status()))
                }
                Err(error) => {
                    assert_eq!(state.as_ref(), Some(&before));
                    let expected = format!("{} cannot follow where the gift is {status}", event.name());
                    assert_eq!(error.to_string(), expected);
                    None
                }
            }
        });
        let took: Vec<_> = took.into_iter().flatten().collect();
        format!("{status}: {}", if took.is_empty() { "nothing".to_owned() } else { took.join(", ") })
    };
    insta::assert_snapshot!(GiftStatus::ALL.map(row).join("\n"), @"
    Unverified: Verified → Pending, Failed → Failed
    Pending: Promoted → SelectingItem, Failed → Failed
    SelectingItem: ItemSelected → WaitingConfirmation, Failed → Failed
    WaitingConfirmation: Completed → Completed, Failed → Failed
    Completed: nothing
    Failed: nothing
    ");
    for event in &events(AT)[1..] {
        assert!(!Gift::may_be_next(None, event), "{} first", event.name());
    }
}

#[test]
fn the_time_has_passed_from_its_last_moment_on() {
    let selecting = fold(history(GiftStatus::SelectingItem)).unwrap();
    let select =
        |at| decide(Some(&selecting), GiftCommand::SelectItem { item: item(), confirm_within: LIMITS.confirm, at });
    assert!(select(AT + LIMITS.select - Duration::from_micros(1)).is_ok());
    assert_eq!(select(AT + LIMITS.select), Err(Rejection::InvalidState));
    let time_out = |at| decide(Some(&selecting), GiftCommand::TimeOut { at }).unwrap().len();
    assert_eq!(time_out(AT + LIMITS.select - Duration::from_micros(1)), 0);
    assert_eq!(time_out(AT + LIMITS.select), 1);
}

#[test]
fn each_step_has_its_own_time() {
    let timeout = |status| fold(history(status)).unwrap().state.timeout_at();
    assert_eq!(timeout(GiftStatus::Unverified), Some(AT + Duration::from_secs(3_600)));
    assert_eq!(timeout(GiftStatus::Pending), None);
    assert_eq!(timeout(GiftStatus::SelectingItem), Some(AT + Duration::from_secs(60)));
    assert_eq!(timeout(GiftStatus::WaitingConfirmation), Some(AT + Duration::from_secs(300)));
    assert_eq!(timeout(GiftStatus::Completed), None);
    assert_eq!(timeout(GiftStatus::Failed), None);
}

#[test]
fn who_has_an_open_request_or_has_had_a_gift_cannot_ask() {
    for (has_open_request, has_completed, refusal) in [
        (true, false, Rejection::GiftRequestActive),
        (false, true, Rejection::GiftAlreadyUsed),
        (true, true, Rejection::GiftAlreadyUsed),
    ] {
        let standing = GiftStanding { has_open_request, has_completed };
        for is_verified in [true, false] {
            assert_eq!(decide(None, request("ann", is_verified, standing, AT)), Err(refusal));
        }
    }
    let there = fold(requested(true)).unwrap();
    assert_eq!(decide(Some(&there), request("ann", true, GiftStanding::default(), AT)), Err(Rejection::InvalidState));
}

#[test]
fn nothing_happens_to_a_request_that_was_never_made() {
    for (name, command) in commands(AT) {
        assert_eq!(decide(None, command), Err(Rejection::NotFound), "{name}");
    }
}

#[test]
fn a_request_that_fails_after_the_selection_keeps_its_item() {
    let waiting = fold(history(GiftStatus::WaitingConfirmation)).unwrap();
    let declined = decide(Some(&waiting), GiftCommand::Confirm { confirmed: false, at: AT }).unwrap();
    let failed = after(&waiting, &declined);
    assert_eq!(failed.state.item(), Some(&item()));
}

#[test]
fn events_are_read_back_as_they_were_written() {
    let mut events = history(GiftStatus::Completed);
    events.extend(requested(false));
    events.push(GiftEvent::Verified { at: AT });
    for reason in ["selection_timeout", "receiver_declined", "no space in the bags"] {
        events.push(GiftEvent::Failed { reason: FailureReason::from(reason.to_owned()), at: AT });
    }
    for event in &events {
        let (event_type, data) = event.encode();
        assert_eq!(GiftEvent::decode(&event_type, GiftEvent::VERSION, &data).unwrap(), *event);
        assert_eq!(event_type, event.name());
    }
    let written: Vec<_> = events.iter().skip(1).take(2).map(StreamEvent::encode).collect();
    insta::assert_json_snapshot!(written, @r#"
    [
      [
        "Promoted",
        {
          "at": "2026-01-02T03:04:05Z",
          "timeoutAt": "2026-01-02T03:05:05Z"
        }
      ],
      [
        "ItemSelected",
        {
          "at": "2026-01-02T03:04:05Z",
          "item": {
            "bagId": 0,
            "count": 20,
            "id": 2589,
            "link": "|Hitem:2589|h[Linen Cloth]|h",
            "name": "Linen Cloth",
            "slotId": 1,
            "texture": "linen"
          },
          "timeoutAt": "2026-01-02T03:09:05Z"
        }
      ]
    ]
    "#);
    insta::assert_json_snapshot!(requested(false)[0].encode(), @r#"
    [
      "Requested",
      {
        "at": "2026-01-02T03:04:05Z",
        "characterName": "Anna",
        "displayName": "ANN",
        "verifyUntil": "2026-01-02T04:04:05Z",
        "viewer": "ann"
      }
    ]
    "#);
}

/// Operations on a queue; numbers name viewers and requests.
#[derive(Debug, Clone)]
enum Step {
    Ask { viewer: usize, by_chat: bool },
    Verify { request: usize, is_subscriber: bool },
    Select { request: usize },
    Confirm { request: usize, confirmed: bool },
    Fail { request: usize },
    Sweep,
    Wait { seconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..5_usize, any::<bool>()).prop_map(|(viewer, by_chat)| Step::Ask { viewer, by_chat }),
        2 => (0..8_usize, prop::bool::weighted(0.8))
            .prop_map(|(request, is_subscriber)| Step::Verify { request, is_subscriber }),
        3 => (0..8_usize).prop_map(|request| Step::Select { request }),
        3 => (0..8_usize, prop::bool::weighted(0.7)).prop_map(|(request, confirmed)| Step::Confirm { request, confirmed }),
        1 => (0..8_usize).prop_map(|request| Step::Fail { request }),
        2 => Just(Step::Sweep),
        2 => prop_oneof![1..30_u64, Just(60), Just(300), Just(3_600)].prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(step, 0..60)
}

/// A queue by the rules, in the plainest form: who asked, the status, and its deadline (seconds).
#[derive(Debug, Default)]
struct Model {
    now: u64,
    requests: Vec<(usize, GiftStatus, Option<u64>)>,
}

impl Model {
    fn take(&mut self, step: &Step) {
        use GiftStatus::{Completed, Failed, Pending, SelectingItem, Unverified, WaitingConfirmation};
        let now = self.now;
        match *step {
            Step::Ask { viewer, by_chat } => {
                if !self.requests.iter().any(|(by, status, _)| *by == viewer && *status != Failed) {
                    let asked = if by_chat { (Unverified, Some(now + 3_600)) } else { (Pending, None) };
                    self.requests.push((viewer, asked.0, asked.1));
                }
            }
            Step::Verify { request, is_subscriber } => self.change(request, |status, in_time| match status {
                Unverified if in_time && is_subscriber => Some((Pending, None)),
                Unverified => Some((Failed, None)),
                _ => None,
            }),
            Step::Select { request } => self.change(request, |status, in_time| {
                (status == SelectingItem && in_time).then_some((WaitingConfirmation, Some(now + 300)))
            }),
            Step::Confirm { request, confirmed } => self.change(request, |status, in_time| {
                let to = if confirmed { Completed } else { Failed };
                (status == WaitingConfirmation && in_time).then_some((to, None))
            }),
            Step::Fail { request } => self.change(request, |status, in_time| {
                (matches!(status, Pending | SelectingItem | WaitingConfirmation) && in_time).then_some((Failed, None))
            }),
            Step::Sweep => {
                for request in 0..self.requests.len() {
                    self.change(request, |_, in_time| (!in_time).then_some((Failed, None)));
                }
            }
            Step::Wait { seconds } => self.now += seconds,
        }
        let is_served = |status: GiftStatus| matches!(status, SelectingItem | WaitingConfirmation);
        if !self.requests.iter().any(|(_, status, _)| is_served(*status))
            && let Some(next) = self.requests.iter_mut().find(|(_, status, _)| *status == Pending)
        {
            (next.1, next.2) = (SelectingItem, Some(self.now + 60));
        }
    }

    fn change(&mut self, request: usize, step: impl Fn(GiftStatus, bool) -> Option<(GiftStatus, Option<u64>)>) {
        if let Some((_, status, until)) = self.requests.get_mut(request)
            && let Some(after) = step(*status, until.is_none_or(|until| self.now < until))
        {
            (*status, *until) = after;
        }
    }
}

/// The same queue by the rules of this crate.
#[derive(Debug)]
struct Queue {
    now: OffsetDateTime,
    gifts: Vec<Gift>,
}

impl Queue {
    fn take(&mut self, step: &Step) {
        let at = self.now;
        match *step {
            Step::Ask { viewer, by_chat } => self.ask(&format!("viewer {viewer}"), by_chat),
            Step::Verify { request, is_subscriber } => self.command(request, GiftCommand::Verify { is_subscriber, at }),
            Step::Select { request } => {
                self.command(request, GiftCommand::SelectItem { item: item(), confirm_within: LIMITS.confirm, at });
            }
            Step::Confirm { request, confirmed } => self.command(request, GiftCommand::Confirm { confirmed, at }),
            Step::Fail { request } => {
                self.command(request, GiftCommand::Fail { reason: FailureReason::Desktop("gone".to_owned()), at });
            }
            Step::Sweep => {
                for request in 0..self.gifts.len() {
                    self.command(request, GiftCommand::TimeOut { at });
                }
            }
            Step::Wait { seconds } => self.now += Duration::from_secs(seconds),
        }
        if !self.gifts.iter().any(|gift| gift.state.status().is_served())
            && let Some(next) = self.gifts.iter().position(|gift| gift.state == GiftState::Pending)
        {
            self.command(next, GiftCommand::Promote { select_within: LIMITS.select, at: self.now });
        }
    }

    fn ask(&mut self, viewer: &str, by_chat: bool) {
        let mut theirs = self.gifts.iter().filter(|gift| gift.viewer.as_str() == viewer);
        let standing = GiftStanding {
            has_open_request: theirs.clone().any(|gift| gift.state.status().is_open()),
            has_completed: theirs.any(|gift| gift.state.status() == GiftStatus::Completed),
        };
        let events = decide(None, request(viewer, !by_chat, standing, self.now)).unwrap_or_default();
        self.gifts.extend(fold(events));
    }

    fn command(&mut self, request: usize, command: GiftCommand) {
        let Some(gift) = self.gifts.get_mut(request) else { return };
        for event in decide(Some(gift), command).unwrap_or_default() {
            *gift = Gift::transition(Some(gift), &event).unwrap();
        }
    }
}

proptest! {
    /// For any stream: a change has the time of its event, and an event that cannot follow changes nothing.
    #[test]
    fn no_order_of_events_leaves_the_table(kinds in prop::collection::vec(0..6_usize, 0..40)) {
        let mut state: Option<Gift> = None;
        for (n, kind) in (0..).zip(kinds) {
            let (at, before) = (AT + Duration::from_secs(n), state.clone());
            let event = events(at)[kind].clone();
            let is_next = Gift::may_be_next(before.as_ref(), &event);
            prop_assert_eq!(Gift::apply(&mut state, &event).is_ok(), is_next);
            if !is_next {
                prop_assert_eq!(&state, &before);
                continue;
            }
            let after = state.as_ref().unwrap();
            prop_assert!(before.is_none_or(|before| before.state.status().is_open()));
            prop_assert_eq!(after.updated_at, event.at());
        }
    }

    /// For any commands in any order: the queue equals the model's, and a request that has ended does not change.
    #[test]
    fn a_whole_queue_goes_as_the_model_does(steps in steps()) {
        let (mut queue, mut model) = (Queue { now: AT, gifts: vec![] }, Model::default());
        for step in steps {
            let before = queue.gifts.clone();
            queue.take(&step);
            model.take(&step);
            let until = |gift: &Gift| gift.state.timeout_at().map(|at| (at - AT).whole_seconds().unsigned_abs());
            let ours: Vec<_> = queue.gifts.iter().map(|gift| (gift.state.status(), until(gift))).collect();
            let theirs: Vec<_> = model.requests.iter().map(|(_, status, until)| (*status, *until)).collect();
            prop_assert_eq!(ours, theirs, "after {:?}", step);
            for (before, after) in before.iter().zip(&queue.gifts) {
                prop_assert!(before.state.status().is_open() || before == after, "{:?} undid {:?}", step, before);
            }
        }
    }
}
