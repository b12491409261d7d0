//! The faults that wait, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::request::Parts;
use mgm_api_types::mocks::{Fault, FaultKind, RequestMatch};

use super::effect::{DeliveryPlan, Effect, Happens};
use super::party::Party;
use crate::error::Refusal;
use crate::matching::{Facts, Incoming, Matcher};

/// How many faults can wait.
const CAPACITY: usize = 1000;

/// The longest delay that can be requested.
const MAX_DELAY: Duration = Duration::from_secs(600);

/// The faults that wait, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many wait: most of the time none.
    count: AtomicUsize,
    script: Mutex<VecDeque<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    fault: Fault,
    matcher: Matcher,
    happens: Happens,
}

impl Waiting {
    fn new(mut fault: Fault, party: &dyn Party) -> Result<Self, Refusal> {
        if fault.wanted.is_none() && !fault.kind.is_of_deliveries() {
            fault.route = fault.route.or_else(|| party.default_route());
        }
        check(&fault, party)?;
        let matcher = Matcher::new(fault.wanted.take().unwrap_or_default());
        fault.wanted = Some(matcher.wanted().clone()).filter(|wanted| *wanted != RequestMatch::default());
        Ok(Self { happens: Happens::of(&fault), matcher, fault })
    }

    /// Whether it is for this request.
    fn is_for(&self, request: &Incoming<'_>, party: &dyn Party) -> bool {
        let is_on = |route| party.is_on(route, &request.head.method, request.path());
        matches!(self.happens, Happens::ToRequest(_))
            && self.fault.route.is_none_or(is_on)
            && self.matcher.fits(request)
    }
}

impl Faults {
    fn script(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        // No panic can leave a change incomplete.
        self.0.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the script.
    fn change<T>(&self, change: impl FnOnce(&mut VecDeque<Waiting>) -> T) -> T {
        let mut script = self.script();
        let changed = change(&mut script);
        self.0.count.store(script.len(), Ordering::Release);
        changed
    }

    /// Adds all faults, or none if one is invalid.
    pub(super) fn add(&self, faults: Vec<Fault>, party: &dyn Party) -> Result<(), Refusal> {
        let new: Vec<_> = faults.into_iter().map(|fault| Waiting::new(fault, party)).collect::<Result<_, _>>()?;
        self.change(|script| {
            if script.len() + new.len() > CAPACITY {
                return Err(Refusal::invalid(format!("at most {CAPACITY} faults can wait")));
            }
            script.extend(new);
            Ok(())
        })
    }

    /// The faults that wait, each with what is left of it.
    pub(super) fn waiting(&self) -> Vec<Fault> {
        self.script().iter().map(|waiting| waiting.fault.clone()).collect()
    }

    /// Forgets them all.
    pub(crate) fn reset(&self) {
        self.change(VecDeque::clear);
    }

    /// Forgets those that are only for this caller.
    pub(crate) fn forget(&self, caller: &Matcher) {
        self.change(|script| {
            script.retain(|waiting| {
                let of = waiting.matcher.wanted();
                !caller.is_of(of.client_id.as_deref(), of.token_fingerprint.as_deref())
            });
        });
    }

    /// Whether none wait.
    pub(super) fn is_empty(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// What happens to this request.
    pub(super) fn next(&self, head: &Parts, body: &[u8], party: &dyn Party) -> Option<(FaultKind, Effect)> {
        let request = Incoming { head, body };
        // The party is asked while nothing is locked.
        let is_for_one = self.script().iter().any(|waiting| waiting.is_for(&request, party));
        if !is_for_one || !party.admits(head) {
            return None;
        }
        match self.take(|waiting| waiting.is_for(&request, party))? {
            (kind, Happens::ToRequest(effect)) => Some((kind, effect)),
            (_, Happens::ToDelivery(_)) => None,
        }
    }

    /// How this delivery is made: to be asked once, before it is made.
    pub(crate) fn next_delivery(&self, delivery: &impl Facts) -> DeliveryPlan {
        let is_for =
            |waiting: &Waiting| matches!(waiting.happens, Happens::ToDelivery(_)) && waiting.matcher.fits(delivery);
        let taken = if self.is_empty() { None } else { self.take(is_for) };
        match taken {
            Some((_, Happens::ToDelivery(plan))) => plan,
            Some((_, Happens::ToRequest(_))) | None => DeliveryPlan::default(),
        }
    }

    /// Uses the first fault that fits, if it lets no more pass.
    fn take(&self, fits: impl Fn(&Waiting) -> bool) -> Option<(FaultKind, Happens)> {
        self.change(|script| {
            let place = script.iter().position(fits)?;
            let waiting = &mut script[place];
            if waiting.fault.after > 0 {
                waiting.fault.after -= 1;
                return None;
            }
            let taken = (waiting.fault.kind, waiting.happens.clone());
            waiting.fault.times -= 1;
            if waiting.fault.times == 0 {
                script.remove(place);
            }
            Some(taken)
        })
    }
}

fn check(fault: &Fault, party: &dyn Party) -> Result<(), Refusal> {
    use FaultKind as Kind;

    let Fault { kind, route, wanted, after: _, times, status, delay_ms, drop_reason, retry_after_seconds } = fault;
    let refused = |message: &'static str| Err(Refusal::invalid(message));
    let chat = party.default_route();
    if drop_reason.is_some() && (*kind != Kind::NotSent || route.is_some_and(|route| Some(route) != chat)) {
        return refused("only the kind not_sent of the route chat takes a dropReason");
    }
    if *times == 0 {
        return refused("times is at least 1");
    }
    match status {
        Some(_) if *kind != Kind::Status => return refused("only the kind status takes a status"),
        Some(status) if !(200..=599).contains(status) => return refused("status is from 200 to 599"),
        Some(_) | None => {}
    }
    if retry_after_seconds.is_some() && *kind != Kind::RateLimited {
        return refused("only the kind rate_limited takes retryAfterSeconds");
    }
    if route.is_some() && (party.default_route().is_none() || kind.is_of_deliveries()) {
        return refused("there are no named routes for it: it takes a match");
    }
    if let Some(RequestMatch { status, verdict, since, kind, .. }) = wanted
        && (status.is_some() || verdict.is_some() || since.is_some() || kind.is_some())
    {
        return refused("the match of a fault has no status, verdict, since or kind, which are not known before");
    }
    let is_timed = matches!(kind, Kind::Slow | Kind::SlowBody | Kind::Dropped | Kind::Reset | Kind::Late);
    match delay_ms {
        Some(_) if !is_timed => refused("only the kinds slow, slow_body, dropped, reset and late take a delayMs"),
        Some(delay) if Duration::from_millis(*delay) > MAX_DELAY => {
            Err(Refusal::invalid(format!("delayMs is at most {}", MAX_DELAY.as_millis())))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};
    use serde_json::json;

    use super::*;
    use crate::faults::party::Common;
    use crate::journal::Delivery;

    fn add(faults: &Faults, script: serde_json::Value) {
        faults.add(serde_json::from_value(script).unwrap(), &Common).map_err(|refusal| format!("{refusal:?}")).unwrap();
    }

    /// How a delivery for this client is made.
    fn deliver(faults: &Faults, client_id: &str, message_type: &str) -> DeliveryPlan {
        let mut headers = HeaderMap::new();
        headers.insert("twitch-eventsub-message-type", message_type.parse().unwrap());
        let uri: Uri = "http://127.0.0.1:7001/hook".parse().unwrap();
        let delivery = Delivery { method: &Method::POST, uri: &uri, headers: &headers, body: b"{}", client_id };
        faults.next_delivery(&delivery)
    }

    fn request(faults: &Faults, path: &str) -> Option<FaultKind> {
        let (head, ()) = http::Request::get(path).body(()).unwrap().into_parts();
        faults.next(&head, b"", &Common).map(|(kind, _)| kind)
    }

    #[test]
    fn a_script_says_what_happens_to_each_call_in_turn() {
        let faults = Faults::default();
        add(
            &faults,
            json!([{"kind": "status", "after": 1}, {"kind": "reply_lost", "times": 2}, {"kind": "slow", "after": 1}]),
        );
        let happened: Vec<_> = (0..7).map(|_| request(&faults, "/")).collect();
        let lost = Some(FaultKind::ReplyLost);
        assert_eq!(happened, [None, Some(FaultKind::Status), lost, lost, None, Some(FaultKind::Slow), None]);
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_left_is_shown() {
        let faults = Faults::default();
        add(&faults, json!([{"kind": "status", "after": 1, "times": 2, "match": {"path": "/a*", "token": "hush"}}]));
        request(&faults, "/b");
        let shown = serde_json::to_value(faults.waiting()).unwrap();
        let fingerprint = crate::secrets::fingerprint("hush");
        let wanted = json!({"path": "/a*", "token_fingerprint": fingerprint});
        assert_eq!(shown, json!([{"kind": "status", "after": 1, "times": 2, "match": wanted}]));
    }

    #[test]
    fn deliveries_have_faults_of_their_own() {
        let faults = Faults::default();
        add(
            &faults,
            json!([
                {"kind": "status"},
                {"kind": "not_delivered", "match": {"client_id": "b"}},
                {"kind": "answer_lost", "match": {"message_type": "revocation"}},
                {"kind": "late", "delayMs": 5, "match": {"path": "/hook"}},
                {"kind": "twice", "after": 1},
            ]),
        );
        for (client, message_type, expected) in [
            ("a", "notification", (Some(FaultKind::Late), 5, 1, false)),
            ("b", "notification", (Some(FaultKind::NotDelivered), 0, 0, false)),
            ("b", "revocation", (Some(FaultKind::AnswerLost), 0, 1, true)),
            ("a", "notification", (None, 0, 1, false)),
            ("a", "notification", (Some(FaultKind::Twice), 0, 2, false)),
            ("a", "notification", (None, 0, 1, false)),
        ] {
            let DeliveryPlan { fault, delay, times, is_answer_lost } = deliver(&faults, client, message_type);
            assert_eq!((fault, delay.as_millis(), times, is_answer_lost), expected, "{client} {message_type}");
        }
        assert_eq!(request(&faults, "/"), Some(FaultKind::Status));
    }

    #[test]
    fn the_faults_of_one_caller_are_forgotten_alone() {
        let faults = Faults::default();
        add(
            &faults,
            json!([
                {"kind": "status", "match": {"client_id": "a"}},
                {"kind": "status", "match": {"client_id": "b"}},
                {"kind": "slow"},
            ]),
        );
        let caller = RequestMatch { client_id: Some("a".to_owned()), ..RequestMatch::default() };
        faults.forget(&Matcher::new(caller));
        let left: Vec<_> = faults.waiting().into_iter().map(|fault| fault.kind).collect();
        assert_eq!(left, [FaultKind::Status, FaultKind::Slow]);
    }
}
