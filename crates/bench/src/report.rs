//! Prints both sides of a ratio.

use std::time::Duration;

/// What a ratio is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// The ratio should not be smaller.
    AtLeast(f64),
    /// The ratio should not be larger.
    AtMost(f64),
}

/// Prints the medians of both sides, their spread and the ratio of the medians.
pub fn ratio(title: &str, unit: &str, ours: (&str, &[f64]), peer: (&str, &[f64]), goal: Goal) {
    println!("\n{title}");
    for (name, values) in [ours, peer] {
        println!("  {name:<44} {:>12.2} {unit}  {}", median(values), spread(values));
    }
    let ratio = median(ours.1) / median(peer.1);
    let (met, bound) = match goal {
        Goal::AtLeast(bound) => (ratio >= bound, format!("at least {bound}")),
        Goal::AtMost(bound) => (ratio <= bound, format!("at most {bound}")),
    };
    println!("  {:<44} {ratio:>12.2}  ({bound}: {})", "ratio", verdict(met));
}

/// Prints the peak resident memory of a process, as recorded by the system.
pub fn memory(name: &str, pid: u32, bound_mib: f64) {
    let Some(mib) = peak_memory_mib(pid) else {
        return println!("  {:<44} {:>12}", format!("peak memory of {name}"), "unknown");
    };
    let met = verdict(mib <= bound_mib);
    println!("  {:<44} {mib:>12.1} MiB  (at most {bound_mib}: {met})", format!("peak memory of {name}"));
}

/// A duration as a number of milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The median.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value that this share of all values does not exceed.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a list that fits into memory"
    )]
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

fn spread(values: &[f64]) -> String {
    let all: Vec<_> = values.iter().map(|value| format!("{value:.2}")).collect();
    format!("[{}]", all.join(", "))
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "NOT met" }
}

fn peak_memory_mib(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values = [4.0, 1.0, 3.0, 2.0];
        let found = [0.0, 0.25, 0.5, 0.75, 0.99, 1.0].map(|share| percentile(&values, share).to_string());
        assert_eq!(found, ["1", "1", "2", "3", "4", "4"]);
        assert!(median(&[]).is_nan());
    }
}
