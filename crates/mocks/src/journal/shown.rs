//! Messages as they are shown: without secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use mgm_api_types::mocks::JournalEntry;
use serde_json::Value;

use super::entry::Entry;
use super::packed::Packed;
use super::store::Journal;
use crate::matching::{Facts as _, Matcher, client_id, token};
use crate::secrets;

/// A list is written in pieces of this length, in bytes, so that it never takes much memory.
const PIECE: usize = 64 * 1024;

impl Entry {
    /// The message without its secrets.
    pub(super) fn show(&self) -> JournalEntry {
        let header = |name| self.header(name).map(Cow::into_owned);
        let answer = self.answer.as_ref();
        let answer_message = answer.and_then(|answer| answer.message.as_ref());
        JournalEntry {
            number: self.number,
            kind: self.kind,
            received_at: self.at,
            duration_ms: answer.map(|answer| milliseconds(answer.after)),
            method: self.method.to_string(),
            path: self.path().to_owned(),
            query: self.query().map(secrets::form),
            request_id: header("x-request-id"),
            traceparent: header("traceparent"),
            tracestate: header("tracestate"),
            headers: headers(&self.message),
            client_id: client_id(self).map(Cow::into_owned),
            token_fingerprint: token(self).map(|token| secrets::fingerprint(&token)),
            body: self.shown_body(),
            body_size: size(&self.message),
            verdict: self.verdict,
            fault: self.fault,
            status: self.status().map(|status| status.as_u16()),
            answer_headers: answer_message.map(headers).unwrap_or_default(),
            answer_body: answer_message.and_then(answer_body),
        }
    }

    /// The body: JSON or a form. Anything else may have secrets that are not found.
    pub(super) fn shown_body(&self) -> Option<Value> {
        let body = self.body();
        if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
            secrets::hide_sent(&mut json);
            return Some(json);
        }
        let is_form = self.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with(FORM));
        let begins_as_json = body.trim_ascii_start().first().is_some_and(|byte| b"{[\"".contains(byte));
        let text = std::str::from_utf8(body).ok().filter(|text| !text.is_empty() && is_form && !begins_as_json)?;
        Some(secrets::form(text).into())
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

pub(super) fn size(message: &Packed) -> u64 {
    u64::try_from(message.body_size).unwrap_or(u64::MAX)
}

/// The headers without secrets; those of one name joined.
pub(super) fn headers(message: &Packed) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::<String, String>::new();
    for (name, value) in message.headers() {
        let value = secrets::header(name, &value);
        shown
            .entry(name.to_owned())
            .and_modify(|first| {
                first.push_str(", ");
                first.push_str(&value);
            })
            .or_insert(value);
    }
    shown
}

pub(super) fn answer_body(answer: &Packed) -> Option<Value> {
    let body = answer.body();
    if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        secrets::hide_issued(&mut json);
        return Some(json);
    }
    std::str::from_utf8(body).ok().filter(|text| !text.is_empty()).map(Value::from)
}

/// Answers with the messages that fit and are there now, between `before` and `after`, separated by commas. While it is
/// being read, the journal goes on.
pub(super) fn list<T: serde::Serialize + 'static>(
    journal: Journal,
    matcher: Matcher,
    before: String,
    after: &'static str,
    show: fn(&Entry) -> T,
) -> Response {
    let end = journal.record().last;
    let since = matcher.wanted().since.unwrap_or(0);
    let pieces = stream::unfold((since, true), move |(mut since, is_first)| {
        let mut piece = String::new();
        {
            let record = journal.record();
            let from = record.after(since);
            let mut entries = record.entries.range(from..).take_while(|entry| entry.number <= end);
            while piece.len() < PIECE
                && let Some(entry) = entries.next()
            {
                since = entry.number;
                if !entry.fits(&matcher) {
                    continue;
                }
                if !(is_first && piece.is_empty()) {
                    piece.push(',');
                }
                // A text always has a JSON form.
                piece.push_str(&serde_json::to_string(&show(entry)).unwrap_or_default());
            }
        }
        let is_first = is_first && piece.is_empty();
        std::future::ready((!piece.is_empty()).then_some((Bytes::from(piece), (since, is_first))))
    });
    let whole = stream::iter([Bytes::from(before)]).chain(pieces).chain(stream::iter([Bytes::from(after)]));
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(whole.map(Ok::<_, Infallible>))).into_response()
}
