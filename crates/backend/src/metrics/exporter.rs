//! Collects the metrics of this process, and exports them to Prometheus.

use std::time::Duration;

use axum::{Router, http::header, routing::get};
use metrics::{SharedString, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use mgm_api_types::ErrorCode;
use mgm_domain::{PayoutStatus, announcement::AnnouncementState};
use tokio_util::sync::CancellationToken;

use super::{
    catalogue::{Kind, METRICS, Metric},
    gifts,
    observed::{
        announcement_attempts, build_info, eventsub_messages, eventsub_subscription_changes,
        eventsub_subscription_enabled, eventsub_subscription_revoked, gifts_ended, payouts_moved, refusals,
        roulette_draws, token_renewals,
    },
};

/// How often samples are folded into their histograms; until then each sample is stored.
const UPKEEP: Duration = Duration::from_secs(5);
const SECONDS: [f64; 13] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const BATCHES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The outcomes of notifications.
const EVENTSUB_OUTCOMES: [&str; 8] =
    ["bad_signature", "stale", "ignored", "incomplete", "no_channel", "other_channel", "ordinary", "command"];
/// The outcomes of renewing the broadcaster's token.
const RENEWAL_OUTCOMES: [&str; 3] = ["renewed", "refused", "unavailable"];
/// The changes to the chat subscription.
const SUBSCRIPTION_CHANGES: [&str; 3] = ["made", "deleted", "failed"];
/// The codes of refused chat commands.
const CHAT_REFUSALS: [ErrorCode; 7] = [
    ErrorCode::NotSubscriber,
    ErrorCode::InvalidCharacterName,
    ErrorCode::CharacterNameTakenInPool,
    ErrorCode::ActivePayoutExists,
    ErrorCode::LifetimeCapReached,
    ErrorCode::GiftAlreadyUsed,
    ErrorCode::GiftRequestActive,
];

/// Starts to collect metrics, until `shutdown`. `None` if this process already has a recorder.
pub(crate) fn install(version: &str, shutdown: CancellationToken) -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), &BATCHES));
    let handle = builder.ok()?.install_recorder().ok()?;
    describe();
    start_at_zero();
    build_info(version).set(1.0);
    let kept = handle.clone();
    tokio::spawn(async move {
        while shutdown.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
            kept.run_upkeep();
        }
    });
    Some(handle)
}

fn describe() {
    for Metric { name, kind, help, .. } in METRICS {
        let help = SharedString::const_str(help);
        match kind {
            Kind::Counter => describe_counter!(*name, help),
            Kind::Gauge => describe_gauge!(*name, help),
            Kind::Histogram => describe_histogram!(*name, help),
        }
    }
}

/// Starts all counters at zero: Prometheus cannot see the first increase of a counter that did not exist before.
fn start_at_zero() {
    for code in ErrorCode::ALL {
        refusals(*code, "http").increment(0);
    }
    for code in CHAT_REFUSALS {
        refusals(code, "chat").increment(0);
    }
    for outcome in EVENTSUB_OUTCOMES {
        eventsub_messages(outcome).increment(0);
    }
    for state in AnnouncementState::ALL {
        announcement_attempts(state).increment(0);
    }
    for outcome in gifts::OUTCOMES {
        gifts_ended(outcome).increment(0);
    }
    for status in PayoutStatus::ALL {
        payouts_moved(status).increment(0);
    }
    for outcome in RENEWAL_OUTCOMES {
        token_renewals(outcome).increment(0);
    }
    for change in SUBSCRIPTION_CHANGES {
        eventsub_subscription_changes(change).increment(0);
    }
    for found in ["yes", "no"] {
        roulette_draws(found).increment(0);
    }
    eventsub_subscription_enabled().set(0.0);
    eventsub_subscription_revoked().set(0.0);
}

/// `GET /metrics`, which has its own listener.
pub(crate) fn router(handle: PrometheusHandle) -> Router {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(async move || (text, handle.render())))
}
