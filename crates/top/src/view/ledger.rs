use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::table::{self, Column, Entry, From, figures};
use super::{CALM, WRONG};
use crate::app::App;
use crate::format::{count, short};
use crate::overview::{Ledger, Overview};

pub(super) fn draw(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    let rows = |count: usize| Constraint::Fill(count as u16 + 2);
    let parts = [
        rows(now.pipelines.len()),
        Constraint::Length(1),
        rows(now.sinks.len()),
    ];
    let [pipelines, _, sinks] = Layout::vertical(parts).areas(area);
    // Whole numbers where there is room for them.
    let wide = area.width >= 110;
    let say = |number| {
        if wide {
            count(number)
        } else {
            short(number as f64)
        }
    };
    let width = if wide { 11 } else { 6 };
    let figures = |long, brief| figures(if wide { long } else { brief }, width);
    let name = |heading| Column(heading, Constraint::Fill(1), false);

    let columns = [
        name("pipeline"),
        figures("received", "in"),
        figures("delivered", "deliv."),
        figures("filtered", "filt."),
        figures("consumed", "cons."),
        figures("absorbed", "abs."),
        figures("letters", "lett."),
        figures("dropped", "drop."),
        Column("live", Constraint::Length(6), true),
        Column("unacc.", Constraint::Length(6), true),
    ];
    let of = |name: &str, terms: &Ledger, some: &[u64]| {
        let mut cells = vec![name.replace('_', " ")];
        cells.extend(some.iter().map(|&term| say(term)));
        cells.push(short(terms.live as f64));
        cells.push(count(terms.unaccounted));
        Entry {
            cells,
            style: if terms.unaccounted == 0 { CALM } else { WRONG },
        }
    };
    let all: Vec<Entry> = now
        .pipelines
        .iter()
        .map(|one| {
            let terms = &one.ledger;
            let some = [
                terms.received,
                terms.delivered,
                terms.filtered,
                terms.consumed,
                terms.absorbed,
                terms.dead_lettered,
                terms.dropped,
            ];
            of(&one.name, terms, &some)
        })
        .collect();
    table::draw(frame, pipelines, &columns, &all, From::Row(app.at));

    let columns = [
        name("sink"),
        figures("routed", "routed"),
        figures("delivered", "deliv."),
        figures("letters", "lett."),
        figures("dropped", "drop."),
        Column("live", Constraint::Length(6), true),
        Column("unacc.", Constraint::Length(6), true),
    ];
    let all: Vec<Entry> = now
        .sinks
        .iter()
        .map(|one| {
            let terms = &one.ledger;
            let some = [
                terms.received,
                terms.delivered,
                terms.dead_lettered,
                terms.dropped,
            ];
            of(&one.name, terms, &some)
        })
        .collect();
    table::draw(frame, sinks, &columns, &all, From::Row(app.at));
}
