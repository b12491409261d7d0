//! All metrics, one function each, with the name of the metric. `catalogue.rs` describes their meaning.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use mgm_api_types::ErrorCode;
use mgm_domain::{GiftStatus, PayoutStatus, announcement::AnnouncementState};

pub(crate) fn announcement_attempts(state: AnnouncementState) -> Counter {
    counter!("mgm_announcement_attempts_total", "state" => state.as_str())
}

pub(crate) fn announcement_oldest_due_seconds() -> Gauge {
    gauge!("mgm_announcement_oldest_due_seconds")
}

pub(crate) fn announcements(state: AnnouncementState) -> Gauge {
    gauge!("mgm_announcements", "state" => state.as_str())
}

pub(crate) fn build_info(version: &str) -> Gauge {
    gauge!("mgm_build_info", "version" => version.to_owned())
}

pub(crate) fn chat_inbox_oldest_seconds() -> Gauge {
    gauge!("mgm_chat_inbox_oldest_seconds")
}

pub(crate) fn database_connections(state: &'static str) -> Gauge {
    gauge!("mgm_database_connections", "state" => state)
}

pub(crate) fn database_up() -> Gauge {
    gauge!("mgm_database_up")
}

pub(crate) fn enrolment_batch_size() -> Histogram {
    histogram!("mgm_enrolment_batch_size")
}

pub(crate) fn eventsub_messages(outcome: &'static str) -> Counter {
    counter!("mgm_eventsub_messages_total", "outcome" => outcome)
}

pub(crate) fn eventsub_subscription_changes(change: &'static str) -> Counter {
    counter!("mgm_eventsub_subscription_changes_total", "change" => change)
}

pub(crate) fn eventsub_subscription_enabled() -> Gauge {
    gauge!("mgm_eventsub_subscription_enabled")
}

pub(crate) fn eventsub_subscription_revoked() -> Gauge {
    gauge!("mgm_eventsub_subscription_revoked")
}

pub(crate) fn gift_oldest_unverified_seconds() -> Gauge {
    gauge!("mgm_gift_oldest_unverified_seconds")
}

pub(crate) fn gift_requests(state: GiftStatus) -> Gauge {
    gauge!("mgm_gift_requests", "state" => state.as_str())
}

pub(crate) fn gifts_ended(outcome: &'static str) -> Counter {
    counter!("mgm_gifts_ended_total", "outcome" => outcome)
}

pub(crate) fn http_request_seconds(method: &'static str, route: &str, status: u16) -> Histogram {
    histogram!(
        "mgm_http_request_seconds",
        "method" => method, "route" => route.to_owned(), "status" => status.to_string(),
    )
}

pub(crate) fn payout_oldest_open_seconds(status: PayoutStatus) -> Gauge {
    gauge!("mgm_payout_oldest_open_seconds", "status" => status.as_str())
}

pub(crate) fn payouts_moved(status: PayoutStatus) -> Counter {
    counter!("mgm_payouts_moved_total", "status" => status.as_str())
}

pub(crate) fn payouts_open(status: PayoutStatus) -> Gauge {
    gauge!("mgm_payouts_open", "status" => status.as_str())
}

pub(crate) fn pool_members() -> Gauge {
    gauge!("mgm_pool_members")
}

pub(crate) fn refusals(code: ErrorCode, via: &'static str) -> Counter {
    counter!("mgm_refusals_total", "code" => code.as_str(), "via" => via)
}

/// Counted by the store when the cycle is drawn.
pub(super) fn roulette_draws(candidate: &'static str) -> Counter {
    counter!("mgm_roulette_draws_total", "candidate" => candidate)
}

pub(crate) fn roulette_last_draw_timestamp_seconds() -> Gauge {
    gauge!("mgm_roulette_last_draw_timestamp_seconds")
}

pub(crate) fn roulette_missed_draws() -> Gauge {
    gauge!("mgm_roulette_missed_draws")
}

pub(crate) fn token_renewals(outcome: &'static str) -> Counter {
    counter!("mgm_token_renewals_total", "outcome" => outcome)
}

pub(crate) fn worker_failures(worker: &'static str) -> Counter {
    counter!("mgm_worker_failures_total", "worker" => worker)
}

pub(crate) fn worker_last_success_timestamp_seconds(worker: &'static str) -> Gauge {
    gauge!("mgm_worker_last_success_timestamp_seconds", "worker" => worker)
}
