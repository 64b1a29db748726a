//! One figure over time, and several of them below each other.

use super::axis::Axis;
use super::plot::{Line, Plot, WIDTH};
use super::style;
use crate::bench::html::escaped;

/// More points than this are drawn on top of each other.
const POINTS: usize = 360;

/// A figure over time.
pub(in crate::bench) struct Over<'a> {
    pub(in crate::bench) title: &'a str,
    /// Seconds and values.
    pub(in crate::bench) path: Vec<(f64, f64)>,
    /// A height to compare with.
    pub(in crate::bench) level: Option<f64>,
}

/// A drawing of its height, over `seconds`.
pub(in crate::bench) fn over_time(over: &Over<'_>, seconds: f64) -> anyhow::Result<(u32, String)> {
    let most = over.path.iter().map(|(_, y)| *y).fold(0.0, f64::max);
    let step = over.path.len().div_ceil(POINTS).max(1);
    // Of each stretch the highest, so that no peak is left out.
    let highest = |stretch: &[(f64, f64)]| {
        let all = stretch.iter().copied();
        all.reduce(|one, two| if two.1 > one.1 { two } else { one })
    };
    let plot = Plot {
        x: Axis::from_zero("seconds", seconds),
        y: Axis::from_zero(over.title, most.max(over.level.unwrap_or(0.0))),
        lines: vec![Line {
            path: over.path.chunks(step).filter_map(highest).collect(),
            ..Line::default()
        }],
        level: over.level,
    };
    plot.draw_without_legend()
}

/// Drawings below each other as one file, with a name and the colours of a dark page.
pub(in crate::bench) fn stacked(title: &str, drawings: &[(u32, String)]) -> anyhow::Result<String> {
    let (mut y, mut inner) = (0, String::new());
    for (height, svg) in drawings {
        inner += &svg.replacen("<svg ", &format!("<svg y=\"{y}\" "), 1);
        y += height;
    }
    Ok(format!(
        "<svg width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         <title>{}</title>\n<style>\n{}</style>\n{inner}</svg>\n",
        escaped(title),
        style()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_stand_below_each_other_and_a_short_peak_is_seen() {
        let mut path: Vec<(f64, f64)> = (0..5_000).map(|at| (f64::from(at), 1.0)).collect();
        path[2_345].1 = 70.0;
        let over = Over {
            title: "workers",
            path,
            level: Some(2.0),
        };
        let (height, svg) = over_time(&over, 5_000.0).unwrap();
        assert!(svg.len() < 30_000, "{}", svg.len());
        assert!(svg.contains("\n60\n"), "the axis reaches to the peak");
        let all = stacked("a < b", &[(height, svg.clone()), (height, svg)]).unwrap();
        assert!(all.contains(&format!("<svg y=\"{height}\" ")));
        assert!(all.contains("<title>a &lt; b</title>"));
        assert!(all.contains("prefers-color-scheme: dark"));
        assert_eq!(all.matches("</svg>").count(), 3);
    }
}
