//! The metrics of this process, for Prometheus.

use std::time::Duration;

use axum::{Router, http::header, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// How often samples are folded into their histograms; until then each is kept by itself.
const UPKEEP: Duration = Duration::from_secs(5);
const SECONDS: [f64; 13] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const BATCHES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Starts to keep metrics, until `shutdown`. `None` when this process keeps them elsewhere already.
pub(crate) fn install(shutdown: CancellationToken) -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), &BATCHES));
    let handle = builder.ok()?.install_recorder().ok()?;
    let kept = handle.clone();
    tokio::spawn(async move {
        while shutdown.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
            kept.run_upkeep();
        }
    });
    Some(handle)
}

/// `GET /metrics`, which has a listener of its own.
pub(crate) fn router(handle: PrometheusHandle) -> Router {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(async move || (text, handle.render())))
}
