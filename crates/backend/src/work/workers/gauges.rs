//! The database's part of the metrics, refreshed periodically rather than at each scrape.

use std::time::Duration;

use mgm_store::StoreError;
use time::OffsetDateTime;

use super::{context::WorkerContext, worker::Worker};
use crate::metrics;

/// The number of ended cycles in which missed draws are counted.
const CYCLES: u32 = 12;

/// Sets the gauges.
pub(super) struct Gauges(pub(super) WorkerContext);

impl Worker for Gauges {
    const NAME: &'static str = "gauges";

    async fn round(&mut self) -> Result<(), StoreError> {
        let round = round(&self.0).await;
        metrics::database_up().set(if round.is_ok() { 1.0 } else { 0.0 });
        connections(&self.0);
        round
    }

    fn pause(&self) -> Duration {
        self.0.config.settings.mgm.metrics_refresh
    }
}

/// Sets every gauge that comes from the database.
async fn round(context: &WorkerContext) -> Result<(), StoreError> {
    let now = context.clock.now();
    let current = context.config.settings.schedule.cycle_start(now);
    let ended: Vec<_> = (1..=CYCLES).map(|n| current - context.config.settings.schedule.cycle() * n).collect();
    let gauges = context.store.gauges(now, &ended).await?;
    metrics::pool_members().set(as_float(gauges.pool));
    for (status, crowd) in gauges.payouts {
        metrics::payouts_open(status).set(as_float(crowd.count));
        metrics::payout_oldest_open_seconds(status).set(age(crowd.oldest, now));
    }
    for (owed, count) in gauges.announcements {
        metrics::announcements(owed).set(as_float(count));
    }
    for (status, count) in gauges.gifts {
        metrics::gift_requests(status).set(as_float(count));
    }
    metrics::gift_oldest_unverified_seconds().set(age(gauges.oldest_unverified_gift, now));
    metrics::announcement_oldest_due_seconds().set(age(gauges.oldest_due_announcement, now));
    metrics::chat_inbox_oldest_seconds().set(age(gauges.oldest_chat_message, now));
    let last_draw = gauges.last_draw.map_or(0, OffsetDateTime::unix_timestamp);
    metrics::roulette_last_draw_timestamp_seconds().set(as_float(last_draw));
    metrics::roulette_missed_draws().set(as_float(gauges.missed_draws));
    Ok(())
}

fn connections(context: &WorkerContext) {
    let (in_use, idle) = context.store.connections();
    metrics::database_connections("in_use").set(in_use);
    metrics::database_connections("idle").set(idle);
}

/// The age in seconds; 0 if there is no time.
fn age(since: Option<OffsetDateTime>, now: OffsetDateTime) -> f64 {
    since.map_or(0.0, |since| Duration::try_from(now - since).unwrap_or_default().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which nothing here comes near")]
fn as_float(number: i64) -> f64 {
    number as f64
}
