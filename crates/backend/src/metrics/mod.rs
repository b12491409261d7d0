//! The metrics of this process, for Prometheus.

mod catalogue;
mod exporter;
mod gifts;
mod observed;

pub use catalogue::{Kind, METRICS, Metric};
pub(crate) use exporter::{install, router};
pub(crate) use gifts::{count_completed_gift, count_failed_gift};
pub(crate) use observed::*;
