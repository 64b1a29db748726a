use ratatui::Frame;
use ratatui::layout::Rect;

use super::table::{self, Entry, From, figures, names, words};
use super::{CALM, WRONG};
use crate::app::App;
use crate::format::{bytes, count, plural, rate, short, span};
use crate::overview::{Overview, Sink};

pub(super) fn draw(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    let columns = [
        names("  sink", now.sinks.iter().map(|one| one.name.as_str())),
        figures("rows", 11),
        figures("bytes", 10),
        figures("p99", 8),
        figures("waiting", 9),
        figures("retries", 7),
        words("state", 1),
    ];
    let rows: Vec<Entry> = now
        .sinks
        .iter()
        .map(|one| {
            let calm = matches!(one.label.as_str(), "running" | "ended");
            let disk = one.buffer.as_ref().filter(|buffer| buffer.rows > 0);
            let disk = disk.map(|disk| format!(", {} on disk", short(disk.rows as f64)));
            let traffic = one
                .bytes_per_second
                .map(|rate| format!("{}/s", bytes(Some(rate))));
            let cells = vec![
                one.name.replace('_', " "),
                rate(one.delivered_per_second),
                traffic.unwrap_or("\u{2013}".to_owned()),
                span(one.p99_seconds),
                short(one.queue.events as f64),
                count(one.retries),
                format!("{}{}", doing(one), disk.unwrap_or_default()),
            ];
            Entry {
                cells,
                style: if calm { CALM } else { WRONG },
            }
        })
        .collect();
    let [list, about] = ratatui::layout::Layout::vertical([
        ratatui::layout::Constraint::Fill(1),
        ratatui::layout::Constraint::Length(3),
    ])
    .areas(area);
    table::draw(frame, list, &columns, &rows, From::Chosen(app.at));
    // The state is often longer than its column.
    if let Some(one) = now.sinks.get(app.at) {
        let kind = one.kind.replace('_', " ");
        let required = if one.required {
            "inputs wait for it"
        } else {
            "best effort"
        };
        let said = format!(
            "{} ({kind}, {required}): {}",
            one.name.replace('_', " "),
            doing(one)
        );
        let wrap = ratatui::widgets::Wrap { trim: true };
        frame.render_widget(ratatui::widgets::Paragraph::new(said).wrap(wrap), about);
    }
}

/// What a sink is doing, in the words of the live page.
pub(super) fn doing(one: &Sink) -> String {
    let status = &one.status;
    let held = status
        .seconds
        .map(|seconds| format!(" for {}", span(Some(seconds))));
    let held = held.unwrap_or_default();
    match one.label.as_str() {
        "retrying" => format!("retrying{held}: {}", status.error),
        "open" => {
            let failures = plural(status.failures, "failure", "failures");
            format!("breaker open{held}, {failures}: {}", status.error)
        }
        "half_open" => format!("breaker half open, tries a few rows: {}", status.error),
        "held" => format!("waits{held} for room among the dead letters"),
        "closed" => "its destination went away".to_owned(),
        other => other.to_owned(),
    }
}
