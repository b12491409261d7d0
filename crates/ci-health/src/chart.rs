//! A chart on a single line of text.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar for each value, the highest for the greatest; a dot if there is no value.
pub(crate) fn sparkline(values: &[Option<f64>]) -> String {
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    values.iter().map(|value| value.map_or('·', |value| bar(value, most))).collect()
}

fn bar(value: f64, most: f64) -> char {
    let share = if most > 0.0 { value / most } else { 0.0 };
    // The highest bar that the value fills.
    let steps = (1_u8..).map(|step| f64::from(step) / 8.0);
    BARS.into_iter().zip(steps).find(|(_, step)| share <= *step).map_or(BARS[7], |(bar, _)| bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_values() {
        assert_eq!(sparkline(&[Some(1.0), Some(4.0), None, Some(8.0)]), "▁▄·█");
        assert_eq!(sparkline(&[Some(0.0), Some(0.0)]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }
}
