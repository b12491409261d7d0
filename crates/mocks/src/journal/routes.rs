//! The routes by which tests read the journal, wait for it, check it and forget it.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use mgm_api_types::mocks::{self, Verdict, Verify};
use mgm_service::services::ServiceId;
use url::form_urlencoded;

use super::assertions::verify;
use super::entry::Entry;
use super::har;
use super::shown;
use super::store::{CAPACITY, Journal, Record};
use crate::error::{Refusal, read_json};
use crate::matching::{Matcher, from_query};

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(600);
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The parameters of a wait, besides the filter.
const COUNT: &str = "count";
const TIMEOUT: &str = "timeout_seconds";

/// How many messages the answer to a wait lists.
const LISTED: usize = 100;

/// The journal's routes.
pub(crate) fn routes(journal: Journal, id: ServiceId) -> Router {
    let component = id.service().component;
    let export = async move |State(journal): State<Journal>, RawQuery(query): RawQuery| {
        from_query(query.as_deref(), &[]).map(|matcher| har::export(journal, matcher, component))
    };
    Router::new()
        .route("/requests", get(list).delete(forget))
        .route("/requests.har", get(export))
        .route("/requests/wait", get(wait))
        .route("/requests/verify", post(check))
        .with_state(journal)
}

/// `GET /requests`: those that fit the filter of the query.
async fn list(State(journal): State<Journal>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let matcher = from_query(query.as_deref(), &[])?;
    let total = journal.record().total;
    Ok(shown::list(journal, matcher, format!("{{\"total\":{total},\"requests\":["), "]}", Entry::show))
}

/// `DELETE /requests`: forgets those that fit.
async fn forget(State(journal): State<Journal>, RawQuery(query): RawQuery) -> Result<StatusCode, Refusal> {
    journal.forget(&from_query(query.as_deref(), &[])?);
    Ok(StatusCode::NO_CONTENT)
}

/// A number of the query.
fn number(query: &str, name: &str, default: u64, most: u64) -> Result<u64, Refusal> {
    let given = form_urlencoded::parse(query.as_bytes()).find(|(other, _)| other == name);
    let Some((_, text)) = given else { return Ok(default) };
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| Refusal::invalid(format!("{name}: it is a number of at most {most}")))
}

/// `GET /requests/wait`: answers when `count` requests that fit have been answered; 504 if they have not within
/// `timeout_seconds`. Requests that have no answer yet count only if `verdict` asks for them.
async fn wait(State(journal): State<Journal>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let query = query.unwrap_or_default();
    let count = number(&query, COUNT, 1, u64::try_from(CAPACITY).unwrap_or(u64::MAX))?;
    let timeout = number(&query, TIMEOUT, DEFAULT_WAIT.as_secs(), MAX_WAIT.as_secs())?;
    let matcher = from_query(Some(&query), &[COUNT, TIMEOUT])?;
    let wants_pending = matcher.wanted().verdict.is_some();
    let seen = |record: &Record| {
        let counted = record.fitting(&matcher).filter(|entry| wants_pending || entry.verdict != Verdict::Pending);
        counted.map(|entry| entry.number).collect::<Vec<_>>()
    };
    let enough = |numbers: &Vec<u64>| u64::try_from(numbers.len()).is_ok_and(|seen| seen >= count);
    let waited = tokio::time::timeout(
        Duration::from_secs(timeout),
        journal.wait_for(|record| Some(seen(record)).filter(enough)),
    );
    let (numbers, was_enough) = match waited.await {
        Ok(numbers) => (numbers, true),
        Err(_) => (seen(&journal.record()), false),
    };
    let answer = answer_of(&journal, &numbers);
    if was_enough {
        return Ok(Json(answer).into_response());
    }
    let message = format!("{} of {count} requests were seen within {timeout} s", numbers.len());
    Err(Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message).with_details(&answer))
}

/// The last of the messages with these numbers.
fn answer_of(journal: &Journal, numbers: &[u64]) -> mocks::Journal {
    let record = journal.record();
    let listed = numbers.len().saturating_sub(LISTED);
    let entries = numbers[listed..].iter().filter_map(|number| record.get(*number));
    mocks::Journal { total: record.total, requests: entries.map(Entry::show).collect() }
}

/// `POST /requests/verify`: 200 if the requests that fit the filter of the query are as expected, otherwise 409.
async fn check(
    State(journal): State<Journal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Json<mocks::Verified>, Refusal> {
    let scope: Matcher = from_query(query.as_deref(), &[])?;
    let expected: Verify = read_json(&body)?;
    let verified = {
        let record = journal.record();
        let requests: Vec<_> = record.fitting(&scope).collect();
        verify(&requests, &scope, expected)?
    };
    match verified.difference.first() {
        None => Ok(Json(verified)),
        Some(first) => {
            let message = format!("the requests are not as expected: {first}");
            Err(Refusal::new(StatusCode::CONFLICT, "not_as_expected", message).with_details(&verified))
        }
    }
}
