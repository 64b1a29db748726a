//! Columns of words and figures.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::{CALM, FAINT, HEED};

/// A column: its heading, its width, and whether it holds figures, which stand to the right.
pub(super) struct Column(
    pub(super) &'static str,
    pub(super) Constraint,
    pub(super) bool,
);

/// A column of words that takes what room is left.
pub(super) fn words(heading: &'static str, share: u16) -> Column {
    Column(heading, Constraint::Fill(share), false)
}

/// A column of names, as wide as the longest of them unless that is very long.
pub(super) fn names<'a>(heading: &'static str, all: impl Iterator<Item = &'a str>) -> Column {
    let longest = all.map(|name| Span::raw(name).width()).max().unwrap_or(0);
    let width = (longest + 2).clamp(heading.len(), 24) as u16;
    Column(heading, Constraint::Length(width), false)
}

/// A column of figures.
pub(super) fn figures(heading: &'static str, width: u16) -> Column {
    Column(heading, Constraint::Length(width), true)
}

/// What is shown of a row, and how.
pub(super) struct Entry {
    pub(super) cells: Vec<String>,
    pub(super) style: Style,
}

impl Entry {
    pub(super) fn calm(cells: Vec<String>) -> Self {
        Entry { cells, style: CALM }
    }
}

/// Which of the rows are seen.
#[derive(Clone, Copy)]
pub(super) enum From {
    /// As many as there is room for, from this one on.
    Row(usize),
    /// Those around this one, which is marked.
    Chosen(usize),
}

/// Draws a table under its headings, and says how many rows there is no room for.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    columns: &[Column],
    rows: &[Entry],
    from: From,
) {
    let room = usize::from(area.height.saturating_sub(1));
    if room == 0 {
        return;
    }
    // The last line says what is not seen.
    let shown = if rows.len() > room { room - 1 } else { room };
    let last = rows.len().saturating_sub(shown);
    let (first, chosen) = match from {
        From::Row(row) => (row.min(last), None),
        From::Chosen(row) => (row.saturating_sub(shown / 2).min(last), Some(row)),
    };
    let cell = |text: String, column: &Column| match column.2 {
        true => Cell::from(Text::from(text).right_aligned()),
        false => Cell::from(text),
    };
    let heads = columns
        .iter()
        .map(|column| cell(column.0.to_owned(), column));
    let body = rows
        .iter()
        .enumerate()
        .skip(first)
        .take(shown)
        .map(|(place, entry)| {
            let marked = chosen == Some(place);
            let cells = entry.cells.iter().zip(columns).enumerate();
            let cells = cells.map(|(at, (text, column))| match (at, chosen) {
                (0, Some(_)) => cell(format!("{} {text}", if marked { ">" } else { " " }), column),
                _ => cell(text.clone(), column),
            });
            Row::new(cells).style(if marked {
                entry.style.patch(HEED)
            } else {
                entry.style
            })
        });
    let widths = columns.iter().map(|column| column.1);
    let table = Table::new(body, widths)
        .header(Row::new(heads).style(FAINT))
        .column_spacing(1);
    frame.render_widget(table, area);
    if rows.len() > shown {
        let (above, below) = (first, rows.len() - first - shown);
        let line = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        frame.render_widget(Paragraph::new(more(above, below)), line);
    }
}

/// What there is no room for.
pub(super) fn more(above: usize, below: usize) -> Line<'static> {
    Line::styled(
        format!("  {above} above, {below} below: up and down move"),
        FAINT,
    )
}

/// As much of a text as fits into some columns, with a mark where it was cut.
pub(super) fn cut(text: &str, width: usize) -> String {
    if Span::raw(text).width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for char in text.chars() {
        out.push(char);
        if Span::raw(out.as_str()).width() + 1 > width {
            out.pop();
            break;
        }
    }
    out.push('\u{2026}');
    out
}

/// A text in lines of at most so many columns, broken between words; what needs more than two is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    if Span::raw(text).width() <= width {
        return vec![text.to_owned()];
    }
    let breaks = text.match_indices(' ').map(|(at, _)| at);
    let fits = |at: &usize| Span::raw(&text[..*at]).width() <= width;
    match breaks.take_while(fits).last() {
        Some(at) => vec![text[..at].to_owned(), cut(&text[at..], width)],
        None => vec![cut(text, width)],
    }
}

/// A text in exactly so many columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    let used = Span::raw(cut.as_str()).width();
    cut + &" ".repeat(width.saturating_sub(used))
}

/// How full something is, in a bar of so many columns.
pub(super) fn bar(share: f64, width: usize) -> String {
    let full = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "\u{2588}".repeat(full) + &"\u{2591}".repeat(width - full)
}
