//! The list of all metrics. Tests compare it with `docs/metrics.md` and with `/metrics`.

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only increases, from the start of the process.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

impl Kind {
    /// The kind as Prometheus writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels, in alphabetical order. Each has few values, whatever clients send.
    pub labels: &'static [&'static str],
    /// Its meaning.
    pub help: &'static str,
}

const fn metric(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// All metrics.
pub const METRICS: &[Metric] = &[
    metric(
        "mgm_announcement_attempts_total",
        Kind::Counter,
        &["state"],
        "Attempts to announce, by the state they left the announcement in",
    ),
    metric(
        "mgm_announcement_oldest_due_seconds",
        Kind::Gauge,
        &[],
        "How long the announcement that is due longest has been due; 0 when none is",
    ),
    metric("mgm_announcements", Kind::Gauge, &["state"], "Announcements that are not out, by state, counted to 1000"),
    metric("mgm_build_info", Kind::Gauge, &["version"], "1, with the version that runs"),
    metric(
        "mgm_chat_inbox_oldest_seconds",
        Kind::Gauge,
        &[],
        "Age of the oldest chat message that is remembered; they are forgotten after a day",
    ),
    metric("mgm_database_connections", Kind::Gauge, &["state"], "Connections to the database: in_use and idle"),
    metric(
        "mgm_database_up",
        Kind::Gauge,
        &[],
        "Whether the database answered when these metrics were last refreshed: 1 or 0",
    ),
    metric("mgm_enrolment_batch_size", Kind::Histogram, &[], "Enrolments committed in one transaction"),
    metric("mgm_eventsub_messages_total", Kind::Counter, &["outcome"], "Notifications from Twitch, by what they were"),
    metric(
        "mgm_eventsub_subscription_changes_total",
        Kind::Counter,
        &["change"],
        "What was done about the subscription to chat: made, deleted, or failed",
    ),
    metric(
        "mgm_eventsub_subscription_enabled",
        Kind::Gauge,
        &[],
        "Whether the subscription to chat is enabled: 1 or 0",
    ),
    metric(
        "mgm_eventsub_subscription_revoked",
        Kind::Gauge,
        &[],
        "Whether Twitch has revoked the subscription to chat: 1 or 0",
    ),
    metric(
        "mgm_gift_oldest_unverified_seconds",
        Kind::Gauge,
        &[],
        "Age of the oldest gift request for which Twitch has not said yet whether the viewer subscribes; 0 when there is none",
    ),
    metric(
        "mgm_gift_requests",
        Kind::Gauge,
        &["state"],
        "Gift requests that are not at their end, by state, counted to 1000",
    ),
    metric("mgm_gifts_ended_total", Kind::Counter, &["outcome"], "Gift requests that ended, by how"),
    metric(
        "mgm_http_request_seconds",
        Kind::Histogram,
        &["method", "route", "status"],
        "Requests, by the time until they were answered",
    ),
    metric(
        "mgm_payout_oldest_open_seconds",
        Kind::Gauge,
        &["status"],
        "Age of the oldest payout in this status, since it was awarded; 0 when there is none",
    ),
    metric("mgm_payouts_moved_total", Kind::Counter, &["status"], "Payouts that came to this status"),
    metric(
        "mgm_payouts_open",
        Kind::Gauge,
        &["status"],
        "Payouts that are not at their end, by status, counted to 1000",
    ),
    metric("mgm_pool_members", Kind::Gauge, &[], "Viewers in the pool"),
    metric(
        "mgm_refusals_total",
        Kind::Counter,
        &["code", "via"],
        "Requests (http) and chat commands (chat) that were refused or failed, by code",
    ),
    metric(
        "mgm_roulette_draws_total",
        Kind::Counter,
        &["candidate"],
        "Cycles drawn, by whether somebody could be: `yes` or `no`",
    ),
    metric(
        "mgm_roulette_last_draw_timestamp_seconds",
        Kind::Gauge,
        &[],
        "When a cycle was last drawn, in seconds since 1970; 0 when none was",
    ),
    metric("mgm_roulette_missed_draws", Kind::Gauge, &[], "How many of the last twelve cycles ended without a draw"),
    metric(
        "mgm_store_transaction_retries_total",
        Kind::Counter,
        &["name"],
        "Transactions that lost a race and were decided anew",
    ),
    metric("mgm_store_transaction_seconds", Kind::Histogram, &["name"], "Transactions, by the time they took in all"),
    metric("mgm_store_transactions_total", Kind::Counter, &["name", "outcome"], "Transactions, by how they ended"),
    metric(
        "mgm_token_renewals_total",
        Kind::Counter,
        &["outcome"],
        "Attempts to renew the broadcaster's token: renewed, refused, or unavailable",
    ),
    metric(
        "mgm_twitch_request_seconds",
        Kind::Histogram,
        &["operation", "outcome"],
        "Calls to Twitch, by their status, or how far they got, and the time that took",
    ),
    metric("mgm_worker_failures_total", Kind::Counter, &["worker"], "Rounds of a worker that failed"),
    metric(
        "mgm_worker_last_success_timestamp_seconds",
        Kind::Gauge,
        &["worker"],
        "When a worker last did a round well, or was started, in seconds since 1970",
    ),
];
