//! The report: a page that needs nothing but itself, and its charts as files.

#[cfg(test)]
pub(super) mod sample;
mod tables;
#[cfg(test)]
mod tests;
mod text;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;

use super::chart::{self, Chart};
use super::record::Record;
pub(super) use text::{escaped, grouped};

/// Nothing is run, nothing is fetched, nothing is sent: not even by a name that finds a way past the escaping.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("html/style.css");

/// Writes `report.html` and a file for each chart into `folder`, and returns their paths.
pub(super) fn write(record: &Record, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let charts = chart::all(record)?;
    let mut files = vec![("report.html".to_owned(), page(record, &charts))];
    for chart in &charts {
        files.push((format!("{}.svg", chart.name), standalone(chart)));
    }
    let write = |(name, text): (String, String)| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}

/// The chart with a name and the colours of a dark page.
fn standalone(chart: &Chart) -> String {
    let (open, rest) = chart.svg.split_once('>').unwrap_or((&chart.svg, ""));
    let title = escaped(&chart.title);
    format!(
        "{open}>\n<title>{title}</title>\n<style>\n{}</style>{rest}",
        chart::style()
    )
}

fn page(record: &Record, charts: &[Chart]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Millpond bench</title>\n\
         <style>\n{STYLE}{}</style>\n</head>\n<body>\n",
        chart::style()
    );
    page += &header(record);
    page += "<main>\n";
    page += &tables::wide(&record.points);
    page += &tables::figures(&record.points);
    if !charts.is_empty() {
        page += "<section>\n<h2>Charts</h2>\n<div class=\"charts\">\n";
        page.extend(charts.iter().map(figure));
        page += "</div>\n</section>\n";
    }
    page += &tables::scaling(&record.scaling);
    page += &tables::latency(&record.points);
    page += "</main>\n</body>\n</html>\n";
    page
}

fn header(record: &Record) -> String {
    let machine = &record.machine;
    let unknown = || "unknown".to_owned();
    let began = UNIX_EPOCH
        .checked_add(Duration::from_secs(record.time))
        .filter(|_| record.time < 253_402_300_800)
        .map_or_else(unknown, |time| {
            humantime::format_rfc3339_seconds(time).to_string()
        });
    let runs = record.points.iter().map(|point| point.runs.len());
    let facts = [
        (
            "Command",
            format!("<code>{}</code>", escaped(&record.command)),
        ),
        (
            "Commit",
            record.commit.as_deref().map_or_else(unknown, escaped),
        ),
        (
            "Processor",
            machine.processor.as_deref().map_or_else(unknown, escaped),
        ),
        (
            "Cores",
            machine
                .cores
                .map_or_else(unknown, |cores| cores.to_string()),
        ),
        (
            "System",
            escaped(&format!("{}, {}", machine.os, machine.architecture)),
        ),
        (
            "Compiler",
            machine.rustc.as_deref().map_or_else(unknown, escaped),
        ),
        ("Began", began),
        ("Runs of each point", runs.max().unwrap_or(0).to_string()),
        ("Seed", record.seed.to_string()),
    ];
    let mut text = "<header>\n<h1>Millpond bench</h1>\n<dl>\n".to_owned();
    for (name, fact) in facts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "<div><dt>{name}</dt><dd>{fact}</dd></div>");
    }
    text + "</dl>\n</header>\n"
}

fn figure(chart: &Chart) -> String {
    let Chart {
        name, reading, svg, ..
    } = chart;
    let title = escaped(&chart.title);
    format!(
        "<figure id=\"{name}\">\n<h3>{title}</h3>\n<div role=\"img\" aria-label=\"{title}\">\n{svg}</div>\n\
         <figcaption>{}</figcaption>\n</figure>\n",
        escaped(reading)
    )
}
