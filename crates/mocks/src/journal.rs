//! The requests that a stand-in received.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use mgm_api_types::mocks;
use serde_json::Value;

/// How many requests are kept.
const CAPACITY: usize = 1000;

/// The longest body that is kept, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The parameters of the token service that are secret, in a JSON body as in a query.
const SECRET_PARAMETERS: [&str; 5] = ["client_secret", "code", "device_code", "refresh_token", "token"];

/// The secret of an EventSub subscription, in a JSON body.
const SUBSCRIPTION_SECRET: &str = "/transport/secret";

/// Stands for a secret.
const NOT_SHOWN: &str = "(not shown)";

/// A bounded record of requests, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    total: u64,
    /// Distinguishes requests from before a reset whose answers come after it.
    first: u64,
    next: u64,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    method: String,
    path: String,
    query: Option<String>,
    request_id: Option<String>,
    traceparent: Option<String>,
    tracestate: Option<String>,
    status: Option<StatusCode>,
    /// As received: parsed JSON may take many times the memory.
    body: Bytes,
}

/// The place of a request in the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(u64);

impl Journal {
    fn record(&self) -> MutexGuard<'_, Record> {
        // No panic can leave a change incomplete.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request, not yet answered.
    pub(crate) fn begin(&self, head: &Parts, body: &Bytes) -> Number {
        let header = |name| head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let entry = Entry {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            request_id: header("x-request-id"),
            traceparent: header("traceparent"),
            tracestate: header("tracestate"),
            status: None,
            body: if body.len() <= MAX_BODY { body.clone() } else { Bytes::new() },
        };
        let mut record = self.record();
        if record.entries.len() == CAPACITY {
            record.entries.pop_front();
            record.first += 1;
        }
        record.entries.push_back(entry);
        record.total += 1;
        record.next += 1;
        Number(record.next - 1)
    }

    /// Records its answer, unless the request is no longer kept.
    pub(crate) fn end(&self, Number(number): Number, status: StatusCode) {
        let mut record = self.record();
        let place = number.checked_sub(record.first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| record.entries.get_mut(place)) {
            entry.status = Some(status);
        }
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        let mut record = self.record();
        record.total = 0;
        record.first = record.next;
        record.entries.clear();
    }

    /// `GET /requests`.
    pub(crate) fn show(&self) -> Json<mocks::Journal> {
        let record = self.record();
        let requests = record.entries.iter().map(Entry::show).collect();
        Json(mocks::Journal { total: record.total, requests })
    }
}

impl Entry {
    fn show(&self) -> mocks::JournalEntry {
        let mut body: Option<Value> = serde_json::from_slice(&self.body).ok();
        if let Some(body) = &mut body {
            if let Some(secret) = body.pointer_mut(SUBSCRIPTION_SECRET) {
                *secret = NOT_SHOWN.into();
            }
            for name in SECRET_PARAMETERS {
                if let Some(secret) = body.get_mut(name) {
                    *secret = NOT_SHOWN.into();
                }
            }
        }
        mocks::JournalEntry {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.as_deref().map(without_secrets),
            request_id: self.request_id.clone(),
            traceparent: self.traceparent.clone(),
            tracestate: self.tracestate.clone(),
            status: self.status.map(|status| status.as_u16()),
            body,
        }
    }
}

/// The query as it was sent, but for the values of secrets.
fn without_secrets(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if SECRET_PARAMETERS.contains(&name) && !value.is_empty() => format!("{name}={NOT_SHOWN}"),
        Some(_) | None => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn begin(journal: &Journal, path: &str, body: impl Into<Bytes>) -> Number {
        let (head, ()) = http::Request::post(path).body(()).unwrap().into_parts();
        journal.begin(&head, &body.into())
    }

    #[test]
    fn the_last_thousand_are_kept_and_all_are_counted() {
        let journal = Journal::default();
        let numbers: Vec<_> = (0..1003).map(|index| begin(&journal, &format!("/{index}"), "")).collect();
        journal.end(numbers[0], StatusCode::OK);
        journal.end(numbers[3], StatusCode::ACCEPTED);
        let Json(shown) = journal.show();
        assert_eq!(shown.total, 1003);
        assert_eq!(shown.requests.len(), 1000);
        assert_eq!((shown.requests[0].path.as_str(), shown.requests[0].status), ("/3", Some(202)));
        assert_eq!((shown.requests[999].path.as_str(), shown.requests[999].status), ("/1002", None));
    }

    #[test]
    fn secrets_in_a_query_are_not_shown_and_the_rest_is_as_it_was_sent() {
        let query = "client_id=a%20b&client_secret=hush&refresh_token=hush&code=hush&token=&x&user_id=token";
        assert_eq!(
            without_secrets(query),
            "client_id=a%20b&client_secret=(not shown)&refresh_token=(not shown)&code=(not shown)&token=&x&user_id=token"
        );
    }

    #[test]
    fn only_json_of_a_bounded_size_is_kept() {
        let journal = Journal::default();
        begin(&journal, "/", r#"{"a":[1]}"#);
        begin(&journal, "/", "text");
        begin(&journal, "/", format!("\"{}\"", "x".repeat(MAX_BODY - 2)));
        begin(&journal, "/", format!("\"{}\"", "x".repeat(MAX_BODY - 1)));
        let Json(shown) = journal.show();
        assert_eq!(shown.requests[0].body, Some(json!({"a": [1]})));
        assert_eq!(shown.requests[1].body, None);
        assert!(shown.requests[2].body.is_some());
        assert_eq!(shown.requests[3].body, None);
    }

    #[test]
    fn the_secrets_of_a_body_are_not_shown() {
        let journal = Journal::default();
        begin(&journal, "/", r#"{"client_secret":"hush","token":"hush","client_id":"a"}"#);
        begin(&journal, "/", r#"{"transport":{"secret":"hush"}}"#);
        let shown = serde_json::to_string(&journal.show().0).unwrap();
        assert!(!shown.contains("hush") && shown.contains(r#""client_id":"a""#), "{shown}");
    }

    #[test]
    fn an_answer_from_before_a_reset_is_not_taken_for_one_after_it() {
        let journal = Journal::default();
        let before = begin(&journal, "/before", "");
        journal.reset();
        begin(&journal, "/after", "");
        journal.end(before, StatusCode::OK);
        let Json(shown) = journal.show();
        assert_eq!((shown.total, shown.requests.len()), (1, 1));
        assert_eq!((shown.requests[0].path.as_str(), shown.requests[0].status), ("/after", None));
    }
}
