//! The charts of a record, each a drawing of its own.

mod axis;
mod cpu;
mod depth;
mod latency;
mod look;
mod over;
mod plot;
mod rates;
mod series;

use super::record::Record;
use series::Task;

pub(super) use look::style;
pub(super) use over::{Over, over_time, stacked};
pub(super) use series::workers;

/// A drawing, and how to read it.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// Its file's, without `.svg`.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) reading: String,
    /// Without a style: colours are those of a light page, and [`style`] turns them for a dark one.
    pub(super) svg: String,
}

/// Every chart that the record has figures for.
pub(super) fn all(record: &Record) -> anyhow::Result<Vec<Chart>> {
    let mut charts = Vec::new();
    for task in Task::all(record) {
        charts.extend(rates::throughput(record, task)?);
        charts.extend(rates::efficiency(record, task)?);
        charts.extend(cpu::bars(record, task)?);
        charts.extend(latency::percentiles(record, task)?);
        charts.extend(depth::over_time(record, task)?);
    }
    number(&mut charts);
    Ok(charts)
}

/// `text` as part of a file's name.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

/// Sets names apart that would be one file.
fn number(charts: &mut [Chart]) {
    for index in 1..charts.len() {
        let (before, rest) = charts.split_at_mut(index);
        let taken = |name: &str| before.iter().any(|chart| chart.name == name);
        let plain = rest[0].name.clone();
        let mut count = 2;
        while taken(&rest[0].name) {
            rest[0].name = format!("{plain}-{count}");
            count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_charts_never_share_a_file() {
        let chart = |name: &str| Chart {
            name: slug(name),
            title: String::new(),
            reading: String::new(),
            svg: String::new(),
        };
        let mut charts = ["a~1", "a/1", "a 1", "A-1-2", "../b"].map(chart);
        number(&mut charts);
        let names = charts.map(|chart| chart.name);
        assert_eq!(names, ["a-1", "a-1-2", "a-1-3", "a-1-2-2", "b"]);
    }
}
