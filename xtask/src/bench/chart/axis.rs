//! Axes: round numbers at a readable distance, and units that keep them short.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::bench::html::grouped;

/// What an axis shows.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// What is counted, and in what.
    pub(super) title: String,
    pub(super) range: Range<f64>,
    /// Where a number stands, and the number.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to a little above `most`, with numbers at round distances.
    pub(super) fn from_zero(title: &str, most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 {
            most
        } else {
            1.0
        };
        let step = round_step(most / 5.0);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let ticks = (0..).map(|index| f64::from(index) * step);
        let ticks = ticks.take_while(|tick| *tick <= most * 1.04);
        Self {
            title: title.to_owned(),
            range: 0.0..most * 1.06,
            ticks: ticks.map(|tick| (tick, number(tick, decimals))).collect(),
        }
    }

    /// Numbers at `values` only, in whatever order they come.
    pub(super) fn at(title: &str, values: impl IntoIterator<Item = u32>) -> Self {
        let mut values: Vec<u32> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        let most = values.last().copied().map_or(1.0, f64::from);
        // A number that would touch its neighbour on the right is left out.
        let mut shown = Vec::new();
        let mut edge = f64::INFINITY;
        for value in values.into_iter().rev() {
            let half = most * 0.012 * (1.0 + value.to_string().len() as f64);
            let place = f64::from(value);
            if place + half < edge {
                shown.push((place, grouped(place)));
                edge = place - half;
            }
        }
        Self {
            title: title.to_owned(),
            range: 0.0..most * 1.05,
            ticks: shown,
        }
    }

    /// Powers of ten around the values, which are their logarithms on this axis.
    pub(super) fn decades(title: &str, least: f64, most: f64) -> Self {
        let low = least.log10().floor();
        let high = most.log10().ceil().max(low + 1.0);
        let exponents = low as i32..=high as i32;
        Self {
            title: title.to_owned(),
            range: low..high + 0.02 * (high - low),
            ticks: exponents
                .map(|exponent| {
                    let decimals = exponent.min(0).unsigned_abs() as usize;
                    (f64::from(exponent), number(10_f64.powi(exponent), decimals))
                })
                .collect(),
        }
    }
}

/// Drawn just as it says: no numbers but its own.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Light points are asked for apart, and lie between the numbers.
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|(place, _)| *place).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(place, _)| place == value);
        tick.map_or_else(String::new, |(_, text)| text.clone())
    }
}

/// A divisor for numbers up to `most`, and its name before the unit.
pub(super) fn unit(most: f64) -> (f64, &'static str) {
    if most < 20_000.0 {
        (1.0, "")
    } else {
        (1_000.0, "thousand ")
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factor = least / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| factor <= *round);
    round.unwrap_or(10.0) * power
}

fn number(value: f64, decimals: usize) -> String {
    if decimals == 0 {
        grouped(value)
    } else {
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_few_and_never_none() {
        assert_eq!(
            texts(&Axis::from_zero("", 2_312.0)),
            ["0", "500", "1,000", "1,500", "2,000"]
        );
        assert_eq!(
            texts(&Axis::from_zero("", 0.37)),
            ["0.0", "0.1", "0.2", "0.3"]
        );
        assert_eq!(
            texts(&Axis::from_zero("", 1.0)),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        for most in [0.0, f64::NAN, f64::INFINITY, 1e-9, 7.0, 99.0, 1e12] {
            let count = Axis::from_zero("", most).ticks.len();
            assert!((3..=6).contains(&count), "{most}: {count}");
        }
    }

    #[test]
    fn numbers_that_would_touch_are_left_out() {
        assert_eq!(texts(&Axis::at("", [8, 1, 2, 4, 2])), ["8", "4", "2", "1"]);
        let crowded = Axis::at("", 1..=200);
        assert!(crowded.ticks.len() < 30 && crowded.ticks[0].0 == 200.0);
        assert_eq!(Axis::at("", []).range, 0.0..1.05);
    }

    #[test]
    fn decades_hold_what_they_are_made_for() {
        assert_eq!(
            texts(&Axis::decades("", 0.3, 45.0)),
            ["0.1", "1", "10", "100"]
        );
        assert_eq!(texts(&Axis::decades("", 1.0, 1.0)), ["1", "10"]);
        assert_eq!(texts(&Axis::decades("", 0.001, 0.004)), ["0.001", "0.01"]);
    }
}
