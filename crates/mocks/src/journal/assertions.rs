//! Whether the requests are as expected: how many of each sort, in which order, and which not at all.

use mgm_api_types::mocks::{Expectation, RequestMatch, Verified, Verify};
use serde_json::Value;

use super::entry::Entry;
use crate::error::Refusal;
use crate::matching::{Facts as _, Matcher, client_id};

/// How many requests the answer lists.
const LISTED: usize = 100;

/// An expectation that can be checked.
struct Expected {
    matcher: Matcher,
    least: usize,
    most: usize,
    line: String,
}

impl Expected {
    /// The kind of the messages is that of the scope, unless it is given.
    fn new(number: usize, expectation: Expectation, scope: &Matcher) -> Result<Self, Refusal> {
        let Expectation { mut wanted, times, at_least, at_most } = expectation;
        if times.is_some() && (at_least.is_some() || at_most.is_some()) {
            return Err(Refusal::invalid(format!("expect[{number}]: times is given alone")));
        }
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let least = times.or(at_least).map_or(usize::from(at_most.is_none()), count);
        let most = times.or(at_most).map_or(usize::MAX, count);
        if least > most {
            return Err(Refusal::invalid(format!("expect[{number}]: at_least is more than at_most")));
        }
        wanted.kind = wanted.kind.or(scope.wanted().kind);
        let matcher = Matcher::new(wanted);
        let how_often = match (least, most) {
            (0, 0) => "never".to_owned(),
            (least, most) if least == most => format!("exactly {}", times_of(least)),
            (least, usize::MAX) => format!("at least {}", times_of(least)),
            (0, most) => format!("at most {}", times_of(most)),
            (least, most) => format!("{least} to {}", times_of(most)),
        };
        let line = format!("{}: {how_often}", in_words(matcher.wanted()));
        Ok(Self { matcher, least, most, line })
    }
}

fn times_of(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// What is asked for, in words.
fn in_words(wanted: &RequestMatch) -> String {
    let place = [wanted.method.as_deref(), wanted.path.as_deref()];
    let mut words = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        words.push_str("any");
    }
    let rest = RequestMatch { method: None, path: None, kind: None, ..wanted.clone() };
    if let Ok(Value::Object(fields)) = serde_json::to_value(rest) {
        for (name, value) in fields {
            words = format!("{words} {name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    words
}

/// A request in a line.
fn line(entry: &Entry) -> String {
    let what = entry
        .status()
        .map_or_else(|| format!("{:?}", entry.verdict).to_lowercase(), |status| status.as_u16().to_string());
    let client = client_id(entry).map(|id| format!(" client_id={id}")).unwrap_or_default();
    format!("#{} {} {} {what}{client}", entry.number, entry.method, entry.path())
}

/// Checks the requests of the scope. With an order, the requests of an expectation are looked for between those of the one
/// before and those of the next that has any.
pub(super) fn verify(requests: &[&Entry], scope: &Matcher, verify: Verify) -> Result<Verified, Refusal> {
    let Verify { ordered, expect } = verify;
    let expected: Vec<_> = expect
        .into_iter()
        .enumerate()
        .map(|(number, expectation)| Expected::new(number, expectation, scope))
        .collect::<Result<_, _>>()?;
    let mut difference = vec![];
    let mut from = 0;
    for (number, one) in expected.iter().enumerate() {
        let hits = |from: usize, one: &Expected| {
            let range = requests.iter().enumerate().skip(from);
            range.filter(|(_, entry)| entry.fits(&one.matcher)).map(|(place, _)| place).collect::<Vec<_>>()
        };
        let found = hits(from, one);
        // Where the last one that is needed is.
        let needed = found.get(..one.least).map(|needed| needed.last().map_or(from, |place| place + 1));
        let next = expected[number + 1..].iter().find(|next| next.least > 0);
        let end = match (needed, next) {
            (Some(needed), Some(next)) if ordered => hits(needed, next).first().copied().unwrap_or(requests.len()),
            _ => requests.len(),
        };
        let found: Vec<_> = found.into_iter().filter(|place| *place < end).collect();
        if found.len() < one.least || found.len() > one.most {
            let after = from.checked_sub(1).map(|last| format!(" after {}", line(requests[last]))).unwrap_or_default();
            let which: Vec<_> = found.iter().take(3).map(|place| line(requests[*place])).collect();
            let more = if found.len() > which.len() { ", …" } else { "" };
            let which = if which.is_empty() { String::new() } else { format!(": {}{more}", which.join(", ")) };
            difference.push(format!("{}. {}: found {}{after}{which}", number + 1, one.line, found.len()));
        }
        if ordered {
            from = needed.or_else(|| found.last().map(|place| place + 1)).unwrap_or(from);
        }
    }
    let listed = requests.len().saturating_sub(LISTED);
    Ok(Verified {
        expected: expected
            .into_iter()
            .enumerate()
            .map(|(number, one)| format!("{}. {}", number + 1, one.line))
            .collect(),
        actual: requests[listed..].iter().map(|entry| line(entry)).collect(),
        difference,
    })
}
