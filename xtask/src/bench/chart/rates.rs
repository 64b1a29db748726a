//! How the rate, and what each worker adds to it, goes with the number of workers.

use super::axis::{Axis, unit};
use super::plot::{Line, Mark, Plot};
use super::series::{Task, apart, series, without_workers};
use super::{Chart, slug};
use crate::bench::law::Fit;
use crate::bench::record::{Record, Scaling, What};

/// Steps of a curve; places are whole pixels, and shorter steps would show it.
const STEPS: u32 = 32;

/// Events per second by workers, with the fitted curve; `None` if only one worker count was measured.
pub(super) fn throughput(record: &Record, task: Task) -> anyhow::Result<Option<Chart>> {
    let all = series(record, task);
    if all.iter().all(|series| series.points.len() < 2) {
        return Ok(None);
    }
    let names: Vec<&What> = all.iter().map(|series| &series.what).collect();
    let scaling: Vec<&Scaling> = scalings(record, task).collect();
    let mut counts: Vec<u32> = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    for series in &all {
        let mut line = Line {
            label: apart(&series.what, &names),
            ..Line::default()
        };
        for point in &series.points {
            counts.push(point.what.workers);
            line.marks.push(Mark {
                at: (f64::from(point.what.workers), point.rate.median),
                whisker: Some((point.rate.min, point.rate.max)),
            });
        }
        let law = scaling
            .iter()
            .find(|scaling| without_workers(&scaling.of) == series.what);
        if let Some((Some(usl), law)) = law.map(|scaling| (scaling.law.usl, &scaling.law)) {
            let first = series.points[0].what.workers;
            let last = series.points[series.points.len() - 1].what.workers;
            line.path = curve(&usl, first, last);
            if let Ok(best) = &law.best
                && best.workers > last
            {
                line.beyond = curve(&usl, last, best.workers);
                counts.push(best.workers);
            }
        }
        lines.push(line);
    }
    let heights = lines.iter().flat_map(|line| {
        let marks = line.marks.iter().filter_map(|mark| mark.whisker);
        marks
            .map(|(_, high)| high)
            .chain(line.path.iter().chain(&line.beyond).map(|(_, y)| *y))
    });
    let (divisor, name) = unit(heights.clone().fold(0.0, f64::max));
    let y = Axis::from_zero(
        &format!("{name}events/s"),
        heights.fold(0.0, f64::max) / divisor,
    );
    for line in &mut lines {
        scale(line, divisor);
    }
    let plot = Plot {
        x: Axis::at("workers", counts),
        y,
        lines,
        level: None,
    };
    Ok(Some(Chart {
        name: slug(&format!("throughput {task}")),
        title: format!("Throughput of {task}"),
        reading: "A mark is the median of the runs at a number of workers, its whisker reaches from the slowest run to \
                  the fastest. The curve is the Universal Scalability Law fitted to the marks, dashed where nothing was \
                  measured; the more it bends, the more workers wait for each other. A long whisker, or marks beside the \
                  curve, mean that the machine was not quiet."
            .to_owned(),
        svg: plot.draw()?,
    }))
}

/// What each worker does, compared with the smallest number of them; `None` where nothing was fitted.
pub(super) fn efficiency(record: &Record, task: Task) -> anyhow::Result<Option<Chart>> {
    let scaling: Vec<&Scaling> = scalings(record, task).collect();
    let names: Vec<What> = scaling
        .iter()
        .map(|scaling| without_workers(&scaling.of))
        .collect();
    let names: Vec<&What> = names.iter().collect();
    if scaling.is_empty() {
        return Ok(None);
    }
    let line = |(scaling, name): (&&Scaling, &&What)| {
        let places = scaling.points.iter();
        let path: Vec<(f64, f64)> = places
            .map(|(workers, _, efficiency)| (f64::from(*workers), efficiency * 100.0))
            .filter(|(_, percent)| percent.is_finite())
            .collect();
        let mark = |at: &(f64, f64)| Mark {
            at: *at,
            whisker: None,
        };
        Line {
            label: apart(name, &names),
            marks: path.iter().map(mark).collect(),
            path,
            beyond: Vec::new(),
        }
    };
    let lines: Vec<Line> = scaling.iter().zip(&names).map(line).collect();
    let heights = lines
        .iter()
        .flat_map(|line| line.path.iter().map(|(_, y)| *y));
    let counts = scaling
        .iter()
        .flat_map(|scaling| scaling.points.iter().map(|(workers, ..)| *workers));
    let plot = Plot {
        x: Axis::at("workers", counts),
        y: Axis::from_zero("efficiency, %", heights.fold(100.0, f64::max)),
        lines,
        level: Some(100.0),
    };
    Ok(Some(Chart {
        name: slug(&format!("efficiency {task}")),
        title: format!("Efficiency of {task}"),
        reading: "What each worker does, as a share of what it did at the smallest number of workers. 100 %, the dashed \
                  line, is perfect scaling: twice the workers, twice the events. Beyond the machine's cores it must fall \
                  for work that keeps a core busy, and need not for work that waits."
            .to_owned(),
        svg: plot.draw()?,
    }))
}

fn scalings(record: &Record, task: Task) -> impl Iterator<Item = &Scaling> {
    let all = record.scaling.iter();
    all.filter(move |scaling| Task::of(&scaling.of) == task)
}

fn curve(law: &Fit, from: u32, to: u32) -> Vec<(f64, f64)> {
    let (from, to) = (f64::from(from), f64::from(to));
    let place = |step: u32| from + (to - from) * f64::from(step) / f64::from(STEPS);
    (0..=STEPS)
        .map(place)
        .map(|workers| (workers, law.rate(workers)))
        .collect()
}

fn scale(line: &mut Line, divisor: f64) {
    for (_, y) in line.path.iter_mut().chain(&mut line.beyond) {
        *y /= divisor;
    }
    for mark in &mut line.marks {
        mark.at.1 /= divisor;
        mark.whisker = mark
            .whisker
            .map(|(low, high)| (low / divisor, high / divisor));
    }
}
