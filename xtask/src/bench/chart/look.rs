//! Colours and marks. Series are told apart by both, so that no chart depends on seeing colours.

use plotters::prelude::*;
use plotters::style::RGBColor;

/// A colour on a light page, and the one that takes its place on a dark one.
struct Tone(RGBColor, &'static str);

const BACK_TONE: Tone = Tone(RGBColor(0xFF, 0xFF, 0xFF), "#16191D");
const INK_TONE: Tone = Tone(RGBColor(0x1F, 0x23, 0x28), "#E6E9ED");
const QUIET_TONE: Tone = Tone(RGBColor(0x6B, 0x72, 0x80), "#9AA3AF");
const GRID_TONE: Tone = Tone(RGBColor(0xDD, 0xE1, 0xE6), "#32383F");

pub(super) const BACK: RGBColor = BACK_TONE.0;
pub(super) const INK: RGBColor = INK_TONE.0;
pub(super) const QUIET: RGBColor = QUIET_TONE.0;
pub(super) const GRID: RGBColor = GRID_TONE.0;

/// After Okabe and Ito, whose colours differ for every kind of colour-blindness; darkened where white shone through.
const SERIES: [Tone; 6] = [
    Tone(RGBColor(0x00, 0x72, 0xB2), "#56B4E9"),
    Tone(RGBColor(0xD5, 0x5E, 0x00), "#FF9447"),
    Tone(RGBColor(0x00, 0x8A, 0x65), "#2CCBA0"),
    Tone(RGBColor(0xB3, 0x4E, 0x87), "#E79BC4"),
    Tone(RGBColor(0x9A, 0x6A, 0x00), "#F0C24B"),
    Tone(RGBColor(0x4B, 0x4F, 0x57), "#C3C9D1"),
];

/// How a series is drawn.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) color: RGBColor,
    mark: usize,
}

/// The look of the series at `index`; after the last colour it begins again, with other marks.
pub(super) fn look(index: usize) -> Look {
    Look {
        color: SERIES[index % SERIES.len()].0,
        mark: index + index / SERIES.len(),
    }
}

impl Look {
    /// The outline of its mark around 0, 0.
    pub(super) fn mark(self) -> Vec<(i32, i32)> {
        match self.mark % 4 {
            // Round enough at this size.
            0 => vec![
                (-2, -5),
                (2, -5),
                (5, -2),
                (5, 2),
                (2, 5),
                (-2, 5),
                (-5, 2),
                (-5, -2),
            ],
            1 => vec![(-4, -4), (4, -4), (4, 4), (-4, 4)],
            2 => vec![(0, -6), (6, 5), (-6, 5)],
            _ => vec![(0, -6), (6, 0), (0, 6), (-6, 0)],
        }
    }
}

/// Text of `size`, to be set at `position`.
pub(super) fn text<'a>(
    size: u32,
    color: &RGBColor,
    position: plotters::style::text_anchor::Pos,
) -> TextStyle<'a> {
    ("sans-serif", size).into_font().color(color).pos(position)
}

/// `label` as far as there is room for it; the tables have all of it.
pub(super) fn clipped(label: &str) -> String {
    const ROOM: usize = 50;
    match label.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}

/// The style sheet that turns the drawings' colours where the reader prefers a dark page.
pub(in crate::bench) fn style() -> String {
    let tones = [BACK_TONE, INK_TONE, QUIET_TONE, GRID_TONE];
    let rule = |Tone(RGBColor(red, green, blue), dark): &Tone| {
        let light = format!("#{red:02X}{green:02X}{blue:02X}");
        format!(
            "  svg [fill=\"{light}\"] {{ fill: {dark}; }}\n  svg [stroke=\"{light}\"] {{ stroke: {dark}; }}\n"
        )
    };
    let rules: String = tones.iter().chain(&SERIES).map(rule).collect();
    format!("@media (prefers-color-scheme: dark) {{\n{rules}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_two_letters() {
        assert_eq!(clipped("short"), "short");
        assert_eq!(clipped(&"ü".repeat(50)), "ü".repeat(50));
        assert_eq!(clipped(&"ü".repeat(90)), "ü".repeat(50) + "…");
    }

    #[test]
    fn the_first_series_differ_in_colour_and_neighbours_in_mark() {
        for index in 0..24 {
            assert_ne!(look(index).mark(), look(index + 1).mark());
            let same = |other: usize| {
                look(index).color == look(other).color && look(index).mark() == look(other).mark()
            };
            assert!(!(0..index).any(same), "{index}");
        }
    }
}
