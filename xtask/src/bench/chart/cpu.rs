//! What an event costs, of everything that did the same work.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::look::{GRID, INK, QUIET, clipped, look, text};
use super::plot::{Area, FONT, WIDTH, picture};
use super::series::{Series, Task, apart, series};
use super::{Chart, slug};
use crate::bench::record::{Record, Subject, What};
use crate::bench::stats::Spread;

const MARGIN: i32 = 10;
/// Of the title.
const HEAD: i32 = 24;
/// Of one bar with its name above it.
const ROW: i32 = 44;
/// Of the figures behind the longest bar.
const FIGURES: i32 = 190;

/// A bar for each series, at the number of workers with which it is fastest.
pub(super) fn bars(record: &Record, task: Task) -> anyhow::Result<Option<Chart>> {
    let all = series(record, task);
    let known: Vec<(&What, Spread)> = all.iter().filter_map(fastest).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let names: Vec<&What> = known.iter().map(|(what, _)| *what).collect();
    let daemons = known
        .iter()
        .filter(|(what, _)| what.subject == Subject::Daemon);
    let daemon = daemons
        .map(|(_, cpu)| cpu.median)
        .fold(f64::INFINITY, f64::min);
    let most = known
        .iter()
        .map(|(_, cpu)| cpu.max)
        .fold(f64::MIN_POSITIVE, f64::max);

    let height = 2 * MARGIN + HEAD + ROW * known.len() as i32;
    let svg = picture(height as u32, |area| {
        let title = "CPU-seconds per million events";
        area.draw_text(title, &text(FONT, &QUIET, Pos::default()), (MARGIN, MARGIN))?;
        for (index, (what, cpu)) in (0..).zip(&known) {
            let mut figures = format!("{:.3}", cpu.median);
            let times = cpu.median / daemon;
            if what.subject != Subject::Daemon && times.is_finite() && times > 0.0 {
                figures += &format!("  ({times:.1} × daemon)");
            }
            let top = MARGIN + HEAD + ROW * index;
            let name = clipped(&apart(what, &names));
            area.draw_text(&name, &text(FONT, &INK, Pos::default()), (MARGIN, top + 2))?;
            bar(area, top + 20, *cpu, most, color(&what.subject), &figures)?;
        }
        let foot = vec![(MARGIN, MARGIN + HEAD), (MARGIN, height - MARGIN)];
        area.draw(&PathElement::new(foot, GRID.stroke_width(1)))?;
        Ok(())
    })?;
    Ok(Some(Chart {
        name: slug(&format!("cpu {task}")),
        title: format!("CPU per event of {task}"),
        reading: "User and system time of the measured processes alone, without the sender: the median of the runs, with \
                  the lowest and the highest as a whisker. Shorter is better. Of several worker counts the fastest is \
                  shown. What stands in brackets is how many times the daemon's lowest median that is."
            .to_owned(),
        svg,
    }))
}

/// The point with the highest rate among those whose CPU is known.
fn fastest<'a>(series: &Series<'a>) -> Option<(&'a What, Spread)> {
    let known = series
        .points
        .iter()
        .filter_map(|point| Some((point.rate.median, &point.what, point.cpu?)));
    let fastest = known.max_by(|(one, ..), (other, ..)| one.total_cmp(other));
    fastest.map(|(_, what, cpu)| (what, cpu))
}

/// The median as a bar, the whisker over its end, and the figures behind both.
fn bar(
    area: &Area,
    top: i32,
    cpu: Spread,
    most: f64,
    color: RGBColor,
    figures: &str,
) -> anyhow::Result<()> {
    let width = f64::from(WIDTH as i32 - 2 * MARGIN - FIGURES);
    let place = |value: f64| MARGIN + (value / most * width).round() as i32;
    let corners = [(MARGIN, top), (place(cpu.median).max(MARGIN + 1), top + 14)];
    area.draw(&Rectangle::new(corners, color.filled()))?;
    let middle = top + 7;
    let thin = INK.stroke_width(1);
    let (low, high) = (place(cpu.min), place(cpu.max));
    let stroke = |from, to| area.draw(&PathElement::new(vec![from, to], thin));
    stroke((low, middle), (high, middle))?;
    for end in [low, high] {
        stroke((end, middle - 4), (end, middle + 4))?;
    }
    let beside = text(FONT, &INK, Pos::new(HPos::Left, VPos::Center));
    area.draw_text(figures, &beside, (high + 8, middle))?;
    Ok(())
}

/// One for each kind of subject.
fn color(subject: &Subject) -> RGBColor {
    let index = match subject {
        Subject::Daemon => 0,
        Subject::Peer(_) => 1,
        Subject::Revision(_) => 2,
    };
    look(index).color
}
