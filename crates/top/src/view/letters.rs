use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::HEED;
use super::table::{self, Entry, From, figures, words};
use crate::app::App;
use crate::format::{bytes, count, plural, span};
use crate::overview::Overview;

pub(super) fn draw(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    let letters = &now.dead_letters;
    let all: u64 = letters.groups.iter().map(|group| group.letters).sum();
    let full = if letters.full {
        ", FULL: sources wait"
    } else {
        ""
    };
    let deleted = match letters.deleted {
        0 => String::new(),
        some => format!(", {} deleted to make room", count(some)),
    };
    let size = bytes(Some(letters.bytes as f64));
    let title = format!(
        "{}, {size}{deleted}{full}",
        plural(all, "letter", "letters")
    );
    let parts = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Fill(1),
    ];
    let [head, _, groups, _, latest] = Layout::vertical(parts).areas(area);
    frame.render_widget(Line::styled(title, HEED), head);
    if letters.groups.is_empty() {
        return;
    }
    let ago = |seconds: f64| format!("{} ago", span(Some((now.time - seconds).max(0.0))));
    let columns = [
        words("pipeline", 1),
        words("stage", 1),
        words("reason", 2),
        figures("letters", 12),
        figures("the last", 12),
    ];
    let rows: Vec<Entry> = letters
        .groups
        .iter()
        .map(|group| {
            Entry::calm(vec![
                group.pipeline.clone(),
                group.stage.clone(),
                group.reason.clone(),
                count(group.letters),
                ago(group.newest_micros as f64 / 1e6),
            ])
        })
        .collect();
    table::draw(frame, groups, &columns, &rows, From::Row(app.at));
    let columns = [
        words("latest", 1),
        words("pipeline", 1),
        words("stage", 1),
        words("reason", 2),
        figures("bytes", 9),
        figures("when", 12),
    ];
    let rows: Vec<Entry> = letters
        .latest
        .iter()
        .map(|letter| {
            let replayed = if letter.replayed { ", replayed" } else { "" };
            Entry::calm(vec![
                letter.id.clone(),
                letter.pipeline.clone(),
                letter.stage.clone(),
                format!("{}{replayed}", letter.reason),
                bytes(Some(letter.bytes as f64)),
                ago(letter.time),
            ])
        })
        .collect();
    table::draw(frame, latest, &columns, &rows, From::Row(app.at));
}
