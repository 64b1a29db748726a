//! How long events take at fixed rates.

use super::axis::Axis;
use super::plot::{Line, Mark, Plot};
use super::series::{Task, apart, of, who};
use super::{Chart, slug};
use crate::bench::html::grouped;
use crate::bench::record::{Latency, Point, Record, What};

const PERCENTILES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];
/// A sender that was this far behind what was asked for did not measure that rate.
const BEHIND: f64 = 0.95;

/// A chart for each point that was measured at fixed rates.
pub(super) fn percentiles(record: &Record, task: Task) -> anyhow::Result<Vec<Chart>> {
    let points: Vec<&Point> = of(record, task)
        .filter(|point| !point.latency.is_empty())
        .collect();
    let names: Vec<&What> = points.iter().map(|point| &point.what).collect();
    points.iter().map(|point| chart(point, &names)).collect()
}

fn chart(point: &Point, others: &[&What]) -> anyhow::Result<Chart> {
    let lines: Vec<Line> = point.latency.iter().map(line).collect();
    let heights = || point.latency.iter().flat_map(millis);
    let least = heights().fold(f64::INFINITY, f64::min);
    let most = heights().fold(0.0, f64::max);
    let ticks = PERCENTILES.iter().enumerate();
    let plot = Plot {
        x: Axis {
            title: "percentile of the events".to_owned(),
            range: -0.25..4.25,
            ticks: ticks
                .map(|(index, name)| (index as f64, (*name).to_owned()))
                .collect(),
        },
        y: Axis::decades(
            "latency, ms (each line up is ten times as long)",
            least,
            most,
        ),
        lines,
        level: None,
    };
    let mut title = format!("Latency of {}", Task::of(&point.what));
    let apart = apart(&point.what, others);
    if apart != who(&point.what.subject) || others.len() > 1 {
        title += &format!(": {apart}");
    }
    Ok(Chart {
        name: slug(&format!("latency {}", point.what)),
        title,
        reading: "From the moment an event was due to be sent until its row was seen behind the daemon, at fixed rates: a sender \
                  that is held up does not hide the wait. Half of the events were as fast as p50 or faster, all but one in \
                  a hundred as p99. A line that bends up early means that some events wait; one that lies high \
                  throughout means that the rate is more than this machine carries."
            .to_owned(),
        svg: plot.draw()?,
    })
}

fn line(latency: &Latency) -> Line {
    let mut label = format!("{}/s", grouped(latency.asked as f64));
    if latency.sent < BEHIND * latency.asked as f64 {
        label += &format!(" (only {}/s sent)", grouped(latency.sent));
    }
    let places = millis(latency).into_iter().enumerate();
    let path: Vec<(f64, f64)> = places
        .map(|(index, millis)| (index as f64, millis.log10()))
        .collect();
    let mark = |at: &(f64, f64)| Mark {
        at: *at,
        whisker: None,
    };
    Line {
        label,
        marks: path.iter().map(mark).collect(),
        path,
        beyond: Vec::new(),
    }
}

/// The percentiles, none below the microsecond that the clock can tell.
fn millis(latency: &Latency) -> [f64; 5] {
    let Latency {
        p50_micros,
        p90_micros,
        p99_micros,
        p999_micros,
        max_micros,
        ..
    } = *latency;
    [p50_micros, p90_micros, p99_micros, p999_micros, max_micros]
        .map(|micros| micros.max(1) as f64 / 1e3)
}
