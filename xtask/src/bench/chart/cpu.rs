//! What an event costs, of everything that did the same work.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Chart;
use super::look::{GRID, INK, QUIET, look, text};
use super::plot::{FONT, WIDTH, picture};
use super::series::{Series, apart, series};
use crate::bench::record::{Record, Subject, What, Workload};
use crate::bench::stats::Spread;

const MARGIN: i32 = 10;
/// Of one bar with its name above it.
const ROW: i32 = 44;
/// Of the figures behind the longest bar.
const FIGURES: i32 = 190;

/// A bar for each series, at the number of workers with which it is fastest.
pub(super) fn bars(record: &Record, workload: Workload) -> anyhow::Result<Option<Chart>> {
    let fastest = |series: &Series| {
        let known = series
            .points
            .iter()
            .filter_map(|point| Some((*point, point.cpu?)));
        known
            .max_by(|(a, _), (b, _)| a.rate.median.total_cmp(&b.rate.median))
            .map(|(point, cpu)| (point.what.clone(), cpu))
    };
    let known: Vec<(What, Spread)> = series(record, workload)
        .iter()
        .filter_map(fastest)
        .collect();
    if known.is_empty() {
        return Ok(None);
    }
    let names: Vec<&What> = known.iter().map(|(what, _)| what).collect();
    let most = known
        .iter()
        .map(|(_, cpu)| cpu.max)
        .fold(f64::MIN_POSITIVE, f64::max);
    let daemon = known
        .iter()
        .filter(|(what, _)| what.subject == Subject::Daemon);
    let least = daemon
        .map(|(_, cpu)| cpu.median)
        .fold(f64::INFINITY, f64::min);
    let peers = known
        .iter()
        .any(|(what, _)| what.subject != Subject::Daemon);
    let width = f64::from(WIDTH as i32 - 2 * MARGIN - FIGURES);
    let place = |value: f64| MARGIN + (value / most * width).round() as i32;

    let height = 2 * MARGIN + 20 + ROW * known.len() as i32;
    let svg = picture(height as u32, |area| {
        let middle = Pos::new(HPos::Left, VPos::Center);
        let title = "CPU-seconds per million events";
        area.draw_text(title, &text(FONT, &QUIET, Pos::default()), (MARGIN, MARGIN))?;
        for (index, (what, cpu)) in known.iter().enumerate() {
            let top = MARGIN + 24 + ROW * index as i32;
            let (from, to) = (top + 20, top + 34);
            let color = look(color(&what.subject)).color;
            area.draw_text(
                &apart(what, &names),
                &text(FONT, &INK, Pos::default()),
                (MARGIN, top + 2),
            )?;
            let corners = [(MARGIN, from), (place(cpu.median).max(MARGIN + 1), to)];
            area.draw(&Rectangle::new(corners, color.filled()))?;
            let bar = (from + to) / 2;
            let whisker = vec![(place(cpu.min), bar), (place(cpu.max), bar)];
            area.draw(&PathElement::new(whisker, INK.stroke_width(1)))?;
            for end in [cpu.min, cpu.max] {
                area.draw(&PathElement::new(
                    vec![(place(end), bar - 4), (place(end), bar + 4)],
                    INK.stroke_width(1),
                ))?;
            }
            let mut figures = format!("{:.3}", cpu.median);
            if peers && least.is_finite() && least > 0.0 && what.subject != Subject::Daemon {
                figures += &format!("  ({:.1} × daemon)", cpu.median / least);
            }
            area.draw_text(
                &figures,
                &text(FONT, &INK, middle),
                (place(cpu.max) + 8, bar),
            )?;
        }
        let ends = vec![(MARGIN, MARGIN + 24), (MARGIN, height - MARGIN)];
        area.draw(&PathElement::new(ends, GRID.stroke_width(1)))?;
        Ok(())
    })?;
    Ok(Some(Chart {
        name: format!("cpu-{workload}"),
        title: format!("CPU per event of {workload}"),
        reading: "User and system time of the measured processes alone, without the sender: the median of the runs, with \
                  the lowest and the highest as a whisker. Shorter is better. Of several worker counts the fastest is shown. What stands in brackets is how many times \
                  the daemon's lowest median that is."
            .to_owned(),
        svg,
    }))
}

/// One for each kind of subject.
fn color(subject: &Subject) -> usize {
    match subject {
        Subject::Daemon => 0,
        Subject::Revision(_) => 2,
        Subject::Peer(_) => 1,
    }
}
