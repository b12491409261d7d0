//! The workers. Any number of processes may run them at the same time.

pub mod announcements;
mod context;
pub mod expiry;
mod gauges;
pub mod gift_timeouts;
pub mod gift_verification;
pub mod roulette;
mod subscription;
mod token;
mod worker;

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::context::WorkerContext;
use self::worker::run;

/// Starts all workers; they end with `shutdown`.
pub fn start(context: &WorkerContext, tasks: &TaskTracker, shutdown: &CancellationToken) {
    let context = || context.clone();
    let shutdown = || shutdown.clone();
    let wake = Arc::new(Notify::new());
    tasks.spawn(run(roulette::Roulette(context()), shutdown()));
    tasks.spawn(run(announcements::Listening::new(context(), Arc::clone(&wake), shutdown()), shutdown()));
    tasks.spawn(run(announcements::Announcements::new(context(), wake, shutdown()), shutdown()));
    tasks.spawn(run(expiry::Expiry(context()), shutdown()));
    tasks.spawn(run(subscription::Subscription(context()), shutdown()));
    tasks.spawn(run(gift_verification::GiftVerification::new(context(), shutdown()), shutdown()));
    tasks.spawn(run(gift_timeouts::GiftTimeouts(context()), shutdown()));
    if context().helix.is_validated() {
        tasks.spawn(run(token::Token::new(context()), shutdown()));
    }
    if context().config.settings.mgm.metrics_urls.is_some() {
        tasks.spawn(run(gauges::Gauges(context()), shutdown()));
    }
}
