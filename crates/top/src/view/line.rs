//! The line from the sources down to the sinks, and the charts beneath it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::table::{bar, cut, more, pad};
use super::{BAR, FAINT, HEED, WRONG, charts};
use crate::app::App;
use crate::format::{bytes, count, percent, plural, rate, short};
use crate::overview::{Overview, Pipeline, Queue, Sink};

/// Columns of a bar.
const METER: usize = 8;

/// A place that events go through.
struct Place {
    kind: &'static str,
    name: String,
    share: Option<f64>,
    holds: String,
    flow: String,
    badge: Option<(String, Style)>,
}

pub(super) fn draw(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    let graphs = charts::height(area.height);
    let [line, past] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(graphs)]).areas(area);
    let places = places(now);
    let longest = places
        .iter()
        .map(|place| Span::raw(&place.name).width())
        .max();
    let name = longest.unwrap_or(0).clamp(6, usize::from(area.width) / 5);
    let width = usize::from(area.width);
    let rows: Vec<Vec<Line<'_>>> = places.iter().map(|place| row(place, name, width)).collect();
    let lines = fitting(&rows, app.at, usize::from(line.height));
    frame.render_widget(Paragraph::new(lines), line);
    charts::draw(app, frame, past);
}

/// The rows from one on that there is room for, and how many there is none for.
fn fitting<'a>(rows: &[Vec<Line<'a>>], from: usize, room: usize) -> Vec<Line<'a>> {
    let all: usize = rows.iter().map(Vec::len).sum();
    if all <= room {
        return rows.concat();
    }
    let fits = |first: usize| {
        let mut left = room.saturating_sub(1);
        let taken = rows[first..].iter().take_while(|row| {
            let fit = row.len() <= left;
            left = left.saturating_sub(row.len());
            fit
        });
        taken.count()
    };
    let last = (0..rows.len()).find(|&first| first + fits(first) == rows.len());
    let first = from.min(last.unwrap_or(0));
    let shown = fits(first);
    let mut lines = rows[first..first + shown].concat();
    lines.push(more(first, rows.len() - first - shown));
    lines
}

fn row(place: &Place, name: usize, width: usize) -> Vec<Line<'static>> {
    let meter = match place.share {
        Some(share) => format!("{} {:>5}", bar(share, METER), percent(Some(share))),
        None => " ".repeat(METER + 6),
    };
    let left = width.saturating_sub(8 + name + 1 + METER + 6 + 1);
    let flow = if place.flow.is_empty() {
        0
    } else {
        (left / 2).min(34)
    };
    let mut lines = vec![Line::from(vec![
        Span::styled(pad(place.kind, 8), FAINT),
        Span::styled(pad(&place.name, name), HEED),
        Span::raw(" "),
        Span::styled(meter, BAR),
        Span::raw(" "),
        Span::raw(pad(&place.holds, left - flow - 1)),
        Span::raw(" "),
        Span::raw(cut(&place.flow, flow)),
    ])];
    if let Some((text, style)) = &place.badge {
        let text = format!("        ! {text}");
        lines.push(Line::styled(cut(&text, width), *style));
    }
    lines
}

fn places(now: &Overview) -> Vec<Place> {
    let mut all = Vec::new();
    for source in &now.sources {
        let waits = source.waiting.filter(|&share| share >= 0.01);
        all.push(Place {
            kind: "source",
            name: source.name.clone(),
            share: None,
            holds: plural(source.connections, "connection", "connections"),
            flow: format!("{} out", rate(source.events_per_second)),
            badge: waits.map(|share| (format!("waits {} of its time", percent(Some(share))), HEED)),
        });
    }
    let budget = &now.budget;
    let (used, capacity) = (budget.used_bytes as f64, budget.capacity_bytes as f64);
    all.push(Place {
        kind: "memory",
        name: "budget".to_owned(),
        share: Some(used / capacity.max(1.0)),
        holds: format!("{} of {}", bytes(Some(used)), bytes(Some(capacity))),
        flow: String::new(),
        badge: None,
    });
    if let Some(journal) = &now.journal {
        let problem = journal.failed.clone().or_else(|| journal.full.clone());
        all.push(Place {
            kind: "journal",
            name: String::new(),
            share: Some(journal.queue.share()),
            holds: format!("{} durable, waiting", short(journal.waiting_events as f64)),
            flow: flow(journal.in_per_second, journal.out_per_second),
            badge: problem
                .map(|why| (why, WRONG))
                .or_else(|| begins(now, "journal", "")),
        });
    }
    all.extend(now.pipelines.iter().map(|one| shards(now, one)));
    let (workers, process) = (&now.workers, &now.process);
    let bounds = match workers.min == workers.max {
        true => plural(workers.running, "worker", "workers"),
        false => format!("{} of {} to {}", workers.running, workers.min, workers.max),
    };
    let cores = process
        .cpu_cores
        .map_or("\u{2013}".to_owned(), |cores| format!("{cores:.2}"));
    let again = match workers.restarts {
        0 => String::new(),
        some => plural(some, "restart", "restarts"),
    };
    all.push(Place {
        kind: "workers",
        name: String::new(),
        share: Some(workers.busy.unwrap_or(0.0)),
        holds: format!("{bounds}, {cores} of {} cores", process.cores),
        flow: again,
        badge: begins(now, "workers", ""),
    });
    all.extend(now.sinks.iter().map(|one| room(now, one)));
    all
}

fn shards(now: &Overview, one: &Pipeline) -> Place {
    let parked = (one.parked_shards > 0).then(|| {
        let shards = plural(one.parked_shards, "shard waits", "shards wait");
        (format!("{shards} for a sink"), HEED)
    });
    let paused = one.paused.as_ref();
    let paused = paused.map(|paused| (format!("paused: {}", paused.because), WRONG));
    Place {
        kind: "shards",
        name: one.name.clone(),
        share: Some(one.queue.share()),
        holds: holds(&one.queue),
        flow: flow(one.in_per_second, one.begun_per_second),
        badge: paused
            .or_else(|| begins(now, "shards", &one.name))
            .or(parked),
    }
}

fn room(now: &Overview, one: &Sink) -> Place {
    let trouble = !matches!(one.label.as_str(), "running" | "ended");
    let state = trouble.then(|| (super::sinks::doing(one), WRONG));
    let disk = one.buffer.as_ref().filter(|buffer| buffer.rows > 0);
    let disk = disk.map(|buffer| format!(", {} on disk", count(buffer.rows)));
    let best_effort = if one.required { "" } else { ", best effort" };
    let badge = match (state, begins(now, "sink", &one.name)) {
        (Some((state, style)), Some((here, _))) => Some((format!("{here}: {state}"), style)),
        (state, here) => state.or(here),
    };
    Place {
        kind: "sink",
        name: one.name.replace('_', " "),
        share: Some(one.queue.share()),
        holds: holds(&one.queue) + &disk.unwrap_or_default() + best_effort,
        flow: flow(one.routed_per_second, one.delivered_per_second),
        badge,
    }
}

fn begins(now: &Overview, place: &str, name: &str) -> Option<(String, Style)> {
    let here = now.begins(place, name);
    here.then(|| ("pressure begins here".to_owned(), HEED))
}

fn holds(queue: &Queue) -> String {
    if queue.events == 0 && queue.bytes == 0 {
        return "empty".to_owned();
    }
    let size = bytes(Some(queue.bytes as f64));
    format!("{} events, {size}", short(queue.events as f64))
}

fn flow(coming: Option<f64>, going: Option<f64>) -> String {
    let brief = |number: Option<f64>| number.map_or("\u{2013}".to_owned(), short);
    format!("{} in, {} out /s", brief(coming), brief(going))
}
