use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::table::{self, Entry, From, cut, figures, names, words};
use super::{CALM, HEED, WRONG};
use crate::app::App;
use crate::format::{count, percent, rate, short, span};
use crate::overview::{Overview, Pipeline};

pub(super) fn draw(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    let Some(chosen) = now.pipelines.get(app.at) else {
        return;
    };
    let rows = now.pipelines.len() as u16 + 1;
    let parts = [
        Constraint::Length(rows.min(area.height / 2)),
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Min(0),
    ];
    let [list, _, about, _, stages] = Layout::vertical(parts).areas(area);
    pipelines(app, now, frame, list);
    frame.render_widget(Paragraph::new(way(chosen, area.width)), about);
    draw_stages(chosen, frame, stages);
}

fn pipelines(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    let columns = [
        names(
            "  pipeline",
            now.pipelines.iter().map(|one| one.name.as_str()),
        ),
        figures("in", 11),
        figures("delivered", 11),
        figures("waiting", 9),
        figures("oldest", 8),
        figures("parked", 6),
        words("state", 1),
    ];
    let rows: Vec<Entry> = now
        .pipelines
        .iter()
        .map(|one| {
            let (state, style) = match &one.paused {
                Some(paused) => (format!("paused: {}", paused.because), WRONG),
                None if now.begins("shards", &one.name) => ("! a hot key".to_owned(), HEED),
                None => ("runs".to_owned(), CALM),
            };
            let cells = vec![
                one.name.clone(),
                rate(one.in_per_second),
                rate(one.delivered_per_second),
                short(one.queue.events as f64),
                span(Some(one.queue.oldest_age_seconds)),
                count(one.parked_shards),
                state,
            ];
            Entry { cells, style }
        })
        .collect();
    table::draw(frame, area, &columns, &rows, From::Chosen(app.at));
}

/// Where its events come from and go to, and what became of them.
fn way(one: &Pipeline, width: u16) -> Vec<Line<'static>> {
    let key = one.key.as_ref().map(|key| format!(" by {key}"));
    let way = format!(
        "{}: {} -> {} shards{} -> {}",
        one.name,
        one.from.join(", "),
        one.shards.events.len(),
        key.unwrap_or_default(),
        one.to.join(", ")
    );
    let terms = &one.ledger;
    let became = format!(
        "{} received, {} delivered, {} filtered, {} dead letters, {} dropped, {} unaccounted",
        count(terms.received),
        count(terms.delivered),
        count(terms.filtered),
        count(terms.dead_lettered),
        count(terms.dropped),
        count(terms.unaccounted),
    );
    let style = if terms.unaccounted == 0 { CALM } else { WRONG };
    let width = usize::from(width);
    vec![
        Line::styled(cut(&way, width), HEED),
        Line::styled(cut(&became, width), style),
    ]
}

fn draw_stages(one: &Pipeline, frame: &mut Frame<'_>, area: Rect) {
    let columns = [
        words("stage", 2),
        figures("events", 12),
        figures("passed", 7),
        figures("time each", 10),
        figures("failed", 12),
        figures("failing", 10),
    ];
    let rows: Vec<Entry> = one
        .stages
        .iter()
        .map(|stage| {
            let share = match (stage.events_per_second, stage.passed_per_second) {
                (Some(all), Some(passed)) if all > 0.0 => Some(passed / all),
                _ => None,
            };
            let failing = stage.failed_per_second.is_some_and(|rate| rate > 0.0);
            let cells = vec![
                stage.name.clone(),
                rate(stage.events_per_second),
                percent(share),
                span(stage.seconds_per_event),
                count(stage.failed),
                if failing {
                    format!("! {}", rate(stage.failed_per_second))
                } else {
                    String::new()
                },
            ];
            Entry {
                cells,
                style: if failing { HEED } else { CALM },
            }
        })
        .collect();
    match rows.is_empty() {
        true => frame.render_widget(Paragraph::new("It has no stages."), area),
        false => table::draw(frame, area, &columns, &rows, From::Row(0)),
    }
}
