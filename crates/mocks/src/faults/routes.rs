//! The routes by which tests ask for faults.

use axum::extract::{RawQuery, State};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use mgm_api_types::mocks::Fault;

use super::layer::Injector;
use crate::error::{Refusal, read_json};
use crate::matching::caller_of;

pub(crate) fn routes(injector: Injector) -> Router {
    Router::new().route("/faults", get(show).post(add).delete(forget)).with_state(injector)
}

async fn show(State(Injector { faults, .. }): State<Injector>) -> Json<Vec<Fault>> {
    Json(faults.waiting())
}

async fn add(State(Injector { faults, party }): State<Injector>, body: Bytes) -> Result<Json<Vec<Fault>>, Refusal> {
    faults.add(read_json(&body)?, &*party)?;
    Ok(Json(faults.waiting()))
}

/// `DELETE /faults`: forgets all, or those that are only for the caller in the query.
async fn forget(
    State(Injector { faults, .. }): State<Injector>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Refusal> {
    match caller_of(query.as_deref())? {
        None => faults.reset(),
        Some(caller) => faults.forget(&caller),
    }
    Ok(StatusCode::NO_CONTENT)
}
