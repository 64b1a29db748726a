//! How many events wait, over the time of a run.

use super::axis::{Axis, unit};
use super::plot::{Line, Mark, Plot};
use super::series::{Task, apart, series, workers};
use super::{Chart, slug};
use crate::bench::record::{Depth, Record, What};

/// More samples than this are one drawing's dots on top of each other.
const SAMPLES: usize = 240;
/// On each line.
const MARKS: usize = 6;

/// A chart for each series in which something was sampled, a line for each number of workers.
pub(super) fn over_time(record: &Record, task: Task) -> anyhow::Result<Vec<Chart>> {
    let mut all = series(record, task);
    all.retain(|series| series.points.iter().any(|point| !point.depth.is_empty()));
    let names: Vec<&What> = all.iter().map(|series| &series.what).collect();
    let mut charts = Vec::new();
    for series in &all {
        let sampled = series.points.iter().filter(|point| !point.depth.is_empty());
        let samples = sampled.clone().flat_map(|point| &point.depth);
        let most = samples.clone().map(|depth| depth.events).max().unwrap_or(0) as f64;
        let last = samples.map(|depth| depth.seconds).fold(0.0, f64::max);
        let (divisor, name) = unit(most);
        let lines = sampled.enumerate().map(|(index, point)| {
            let path = peaks(&point.depth).map(|(seconds, events)| (seconds, events / divisor));
            line(index, workers(point.what.workers), path.collect())
        });
        let plot = Plot {
            x: Axis::from_zero("seconds since the first byte was sent", last),
            y: Axis::from_zero(&format!("{name}events waiting"), most / divisor),
            lines: lines.collect(),
            level: None,
        };
        let apart = match &names[..] {
            [_] => String::new(),
            _ => format!(": {}", apart(&series.what, &names)),
        };
        charts.push(Chart {
            name: slug(&format!("depth {task}{apart}")),
            title: format!("Queue depth of {task}{apart}"),
            reading: "Events in the daemon's queues while the sender sends as fast as it can, in the run with the median \
                      rate. A level line is back-pressure at work: the sender waits, memory does not grow. A line near 0 \
                      means that the workers wait for the sender."
                .to_owned(),
            svg: plot.draw()?,
        });
    }
    Ok(charts)
}

/// Few enough marks to leave the line to be seen, not at the same places as those of the line before.
fn line(index: usize, label: String, path: Vec<(f64, f64)>) -> Line {
    let between = path.len().div_ceil(MARKS).max(1);
    let marked = path
        .iter()
        .skip((index * between / 3) % between)
        .step_by(between);
    let mark = |at: &(f64, f64)| Mark {
        at: *at,
        whisker: None,
    };
    Line {
        label,
        marks: marked.map(mark).collect(),
        path,
        beyond: Vec::new(),
    }
}

/// The samples, or the deepest of each stretch where there are too many to draw.
fn peaks(depth: &[Depth]) -> impl Iterator<Item = (f64, f64)> {
    let stretch = depth.len().div_ceil(SAMPLES).max(1);
    let deepest = |stretch: &[Depth]| stretch.iter().max_by_key(|depth| depth.events).copied();
    let peaks = depth.chunks(stretch).filter_map(deepest);
    peaks.map(|depth| (depth.seconds, depth.events as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_peak_among_many_samples_is_still_seen() {
        let sample = |index: u32| Depth {
            seconds: f64::from(index),
            events: if index == 7_777 {
                1_000_000
            } else {
                u64::from(index % 3)
            },
        };
        let depth: Vec<Depth> = (0..10_000).map(sample).collect();
        let drawn: Vec<(f64, f64)> = peaks(&depth).collect();
        assert!(drawn.len() <= SAMPLES && drawn.contains(&(7_777.0, 1_000_000.0)));
        assert_eq!(peaks(&depth[..5]).count(), 5);
        assert_eq!(peaks(&[]).count(), 0);
    }
}
