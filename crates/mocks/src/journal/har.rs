//! The journal as an HTTP Archive, version 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), which browsers' tools
//! open.

use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HOST};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded;

use super::entry::Entry;
use super::packed::Packed;
use super::shown::{self, answer_body, milliseconds};
use super::store::Journal;
use crate::matching::{Facts as _, Matcher};
use crate::secrets;

/// Stands for a size that is not known.
const UNKNOWN: i8 = -1;

/// Answers with the messages that fit.
pub(super) fn export(journal: Journal, matcher: Matcher, component: &str) -> Response {
    let creator = json!({"name": component, "version": env!("CARGO_PKG_VERSION")});
    let before = format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[");
    shown::list(journal, matcher, before, "]}}", entry)
}

fn entry(entry: &Entry) -> Value {
    let wait = entry.answer.as_ref().map_or(0.0, |answer| milliseconds(answer.after));
    json!({
        // The clock's times can be written.
        "startedDateTime": entry.at.format(&Rfc3339).unwrap_or_default(),
        "time": wait,
        "request": request(entry),
        "response": response(entry),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": 0},
        "_number": entry.number,
        "_kind": entry.kind,
        "_verdict": entry.verdict,
        "_fault": entry.fault,
    })
}

fn request(entry: &Entry) -> Value {
    let query = entry.query().map(secrets::form);
    let host = entry.header(HOST.as_str()).unwrap_or("localhost".into());
    let url =
        format!("http://{host}{}{}", entry.path(), query.as_ref().map(|query| format!("?{query}")).unwrap_or_default());
    let mut request = json!({
        "method": entry.method.as_str(),
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&entry.message),
        "queryString": pairs(query.unwrap_or_default().as_bytes()),
        "headersSize": UNKNOWN,
        "bodySize": shown::size(&entry.message),
    });
    if let Some(body) = entry.shown_body() {
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        request["postData"] = json!({"mimeType": mime(&entry.message), "text": text});
    }
    request
}

/// A request without an answer has one of status 0, as in browsers.
fn response(entry: &Entry) -> Value {
    let status = entry.status();
    let message = entry.answer.as_ref().and_then(|answer| answer.message.as_ref());
    let mut content = Map::from_iter([
        ("size".to_owned(), message.map_or(0, shown::size).into()),
        ("mimeType".to_owned(), message.map(mime).unwrap_or_default().into()),
    ]);
    if let Some(body) = message.and_then(answer_body) {
        content.insert("text".to_owned(), body.as_str().map_or_else(|| body.to_string(), str::to_owned).into());
    }
    json!({
        "status": status.map_or(0, |status| status.as_u16()),
        "statusText": status.as_ref().and_then(StatusCode::canonical_reason).unwrap_or_default(),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": message.map(headers).unwrap_or_default(),
        "content": content,
        "redirectURL": message.and_then(|message| message.header("location")).map(|to| secrets::header("location", &to)).unwrap_or_default(),
        "headersSize": UNKNOWN,
        "bodySize": message.map_or(0, shown::size),
    })
}

fn mime(message: &Packed) -> String {
    message.header(CONTENT_TYPE.as_str()).unwrap_or("application/octet-stream".into()).into_owned()
}

fn headers(message: &Packed) -> Vec<Value> {
    message.headers().map(|(name, value)| json!({"name": name, "value": secrets::header(name, &value)})).collect()
}

fn pairs(query: &[u8]) -> Vec<Value> {
    form_urlencoded::parse(query).map(|(name, value)| json!({"name": name, "value": value})).collect()
}
