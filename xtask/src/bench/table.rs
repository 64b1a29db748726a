//! What is printed at the end.

mod beside;
mod numbers;

pub(super) use beside::{beside, since};
use numbers::{fixed, grouped, mebibytes, millis};

use super::law::{Fit, Law};
use super::record::{Latency, Point, Record, Scaling};
use super::stats::Spread;

/// The figures of the record, in sections with an empty line between them.
pub(super) fn figures(record: &Record) -> String {
    let sections = [
        points(&record.points),
        latency(&record.points),
        scaling(&record.scaling),
    ];
    let there: Vec<String> = sections
        .into_iter()
        .filter(|section| !section.is_empty())
        .collect();
    there.join("\n")
}

fn points(points: &[Point]) -> String {
    let mut rows = Rows::new(
        "",
        &[
            "events/s",
            "min",
            "max",
            "CPU-s/M",
            "switches/k",
            "peak MiB",
            "queued",
            "ready ms",
        ],
    );
    let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
    for point in points {
        let rate = point.rate;
        let mark = if rate.is_wide() { "  wide" } else { "" };
        let queued = point.depth.iter().map(|depth| depth.events).max();
        let cells = [
            grouped(rate.median),
            grouped(rate.min),
            grouped(rate.max),
            fixed(median(point.cpu), 3),
            fixed(median(point.context_switches), 2),
            mebibytes(median(point.peak_resident)),
            queued.map_or_else(|| "n/a".into(), |events| grouped(events as f64)),
            fixed(
                median(point.start_to_ready_seconds).map(|seconds| seconds * 1e3),
                0,
            ),
        ];
        rows.add(&point.what.to_string(), &cells, mark);
    }
    let mut text = rows.text();
    text += "\nMedians; CPU and context switches are the measured process's alone, per million and per thousand events.\n\
             The sender shares the machine. Every run's counts added up.\n";
    if points.iter().any(|point| point.rate.is_wide()) {
        text += "wide: the runs differ by more than 1.3 times; the machine was not quiet.\n";
    }
    text
}

fn latency(points: &[Point]) -> String {
    if points.iter().all(|point| point.latency.is_empty()) {
        return String::new();
    }
    let mut rows = Rows::new(
        "latency in ms",
        &[
            "at", "p50", "p90", "p99", "p99.9", "max", "CPU-s/M", "peak MiB",
        ],
    );
    let mut late = false;
    for point in points {
        for latency in &point.latency {
            let behind = is_behind(latency);
            late |= behind;
            let cells = [
                format!("{}/s", grouped(latency.asked as f64)),
                millis(latency.p50_micros),
                millis(latency.p90_micros),
                millis(latency.p99_micros),
                millis(latency.p999_micros),
                millis(latency.max_micros),
                fixed(latency.cpu, 3),
                mebibytes(latency.peak_resident.map(|bytes| bytes as f64)),
            ];
            let mark = if behind { "  late" } else { "" };
            rows.add(&point.what.to_string(), &cells, mark);
        }
    }
    let mut text = rows.text();
    text += "\nFrom when an event was due to be sent until its row was read from a tcp sink.\n";
    if late {
        text += "late: the sender did not keep the rate, or was not let to.\n";
    }
    text
}

fn is_behind(latency: &Latency) -> bool {
    latency.sent < 0.99 * latency.asked as f64
}

fn scaling(all: &[Scaling]) -> String {
    let mut text = String::new();
    for Scaling { of, points, law } in all {
        let name = of.to_string();
        // The worker count is what varies.
        let name = name
            .rsplit_once(", ")
            .map_or(name.as_str(), |(name, _)| name);
        text += &format!("scaling of {name}\n");
        let efficiency = |(workers, _, efficiency): &(u32, f64, f64)| {
            format!("{workers}: {:.0} %", efficiency * 100.0)
        };
        let efficiencies: Vec<String> = points.iter().map(efficiency).collect();
        text += &format!("  efficiency by workers   {}\n", efficiencies.join("   "));
        text += &fits(law);
    }
    text
}

fn fits(law: &Law) -> String {
    let mut text = String::new();
    let quality = |fit: &Fit| {
        format!(
            "r² {:.3}, at most {:.1} % off",
            fit.r_squared,
            fit.worst * 100.0
        )
    };
    if let Some(fit) = &law.amdahl {
        text += &format!(
            "  Amdahl                  contention {:.4}; {}\n",
            fit.sigma,
            quality(fit)
        );
    }
    if let Some(fit) = &law.usl {
        let (sigma, kappa) = (fit.sigma, fit.kappa);
        text += &format!(
            "  USL                     contention {sigma:.4}, coherency {kappa:.5}; {}\n",
            quality(fit)
        );
    }
    text += &match &law.best {
        Ok(best) => format!(
            "  best                    {} worker{}, {} events/s\n",
            best.workers,
            if best.workers == 1 { "" } else { "s" },
            grouped(best.rate)
        ),
        Err(reason) => format!("  no prediction           {reason}\n"),
    };
    text
}

/// Lines with a name and cells to the right of it, as wide as they need to be.
struct Rows {
    lines: Vec<(String, Vec<String>, String)>,
}

impl Rows {
    fn new(title: &str, columns: &[&str]) -> Self {
        let mut rows = Self { lines: Vec::new() };
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        rows.add(title, &columns, "");
        rows
    }

    fn add(&mut self, name: &str, cells: &[String], mark: &str) {
        self.lines
            .push((name.to_owned(), cells.to_vec(), mark.to_owned()));
    }

    fn text(&self) -> String {
        let width = |text: &String| text.chars().count();
        let names = self
            .lines
            .iter()
            .map(|(name, ..)| width(name))
            .max()
            .unwrap_or(0);
        let columns = self.lines.first().map_or(0, |(_, cells, _)| cells.len());
        let widest = |column: usize| {
            let cells = self
                .lines
                .iter()
                .filter_map(|(_, cells, _)| cells.get(column));
            cells.map(width).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let mut text = String::new();
        for (name, cells, mark) in &self.lines {
            text += &format!("{name:names$}");
            for (cell, width) in cells.iter().zip(&widths) {
                text += &format!("  {cell:>width$}");
            }
            text += mark;
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::gather::tests::record;
    use crate::bench::scaling;

    #[test]
    fn the_table_shows_median_and_spread() {
        let table = figures(&record(&[1_000_000.0, 1_200_000.0, 1_100_000.4]));
        let line = table.lines().nth(1).unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        let expected =
            "w1 to file, 2 workers 1,100,000 1,000,000 1,200,000 0.500 0.50 40.0 1,100,000 10";
        assert_eq!(cells.join(" "), expected);
        assert!(!table.contains("wide"), "{table}");
    }

    #[test]
    fn a_wide_spread_and_an_unknown_figure_are_said() {
        let mut record = record(&[1_000_000.0, 1_400_000.0]);
        record.points[0].cpu = None;
        let table = figures(&record);
        for part in ["n/a", "  wide\n", "not quiet"] {
            assert!(table.contains(part), "{part} is missing: {table}");
        }
    }

    #[test]
    fn a_rate_that_was_not_kept_is_said() {
        let mut record = record(&[1e6]);
        record.points[0].latency = vec![Latency {
            asked: 50_000,
            sent: 49_900.0,
            events: 100_000,
            p50_micros: 450,
            p90_micros: 800,
            p99_micros: 1_300,
            p999_micros: 12_345,
            max_micros: 123_456,
            cpu: Some(0.5),
            peak_resident: None,
        }];
        let table = figures(&record);
        assert!(
            table.contains("50,000/s  0.45  0.80  1.30   12.3  123"),
            "{table}"
        );
        assert!(!table.contains("late:"), "{table}");
        record.points[0].latency[0].sent = 40_000.0;
        assert!(figures(&record).contains("late:"));
    }

    #[test]
    fn every_count_has_its_efficiency_and_no_law_is_made_of_two_points() {
        let mut record = record(&[1e6]);
        let mut second = record.points[0].clone();
        second.what.workers = 4;
        second.rate = Spread {
            min: 1.5e6,
            median: 1.5e6,
            max: 1.5e6,
        };
        record.points.push(second);
        record.scaling = scaling::scaling(&record.points);
        let table = figures(&record);
        assert!(table.contains("scaling of w1 to file\n"), "{table}");
        assert!(table.contains("2: 100 %   4: 75 %"), "{table}");
        assert!(table.contains("no prediction"), "{table}");
    }
}
