//! A call of a scenario, as reports show it.

use std::time::Duration;

use mgm_service::services::ServiceId;
use time::OffsetDateTime;

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it began, by this machine's clock.
    pub at: OffsetDateTime,
    /// The time until its answer.
    pub took: Duration,
    /// The service that was called.
    pub service: ServiceId,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// Its `X-Request-Id`, by which journals tell it from the calls of others.
    pub request_id: String,
}
