//! How often writes that must succeed are retried.

use std::time::Duration;

use backon::ExponentialBuilder;

/// Makes this many retries: the first soon, since most failures pass at once, the last ones 5 s apart.
#[must_use]
pub fn persistently(retries: usize) -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_factor(4.0)
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(retries)
}

#[cfg(test)]
mod tests {
    use backon::BackoffBuilder;

    use super::*;

    #[test]
    fn the_pauses_grow_to_five_seconds() {
        let pauses: Vec<_> = persistently(7).build().map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [50, 200, 800, 3_200, 5_000, 5_000, 5_000]);
    }
}
