//! What was, as small charts.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};

use super::table::cut;
use super::{BAR, FAINT, HEED};
use crate::app::App;
use crate::format::{bytes, percent, rate, short, span};

/// Charts beside each other, and beneath each other.
const ACROSS: usize = 3;
const DOWN: usize = 3;

struct Chart {
    title: &'static str,
    column: &'static str,
    say: fn(Option<f64>) -> String,
    /// What fills the chart at least, so that a little is not drawn as much.
    least: f64,
}

const CHARTS: [Chart; ACROSS * DOWN] = [
    chart("in", "in_per_second", rate, 1.0),
    chart("waiting", "queued_events", events, 1.0),
    chart("workers busy", "workers_busy", percent, 1.0),
    chart("out", "out_per_second", rate, 1.0),
    chart("oldest that waits", "oldest_age_seconds", span, 1e-3),
    chart("processor", "cpu_cores", cores, 0.1),
    chart("latency, half", "p50_seconds", span, 1e-6),
    chart("latency, 99 %", "p99_seconds", span, 1e-6),
    chart("memory", "resident_bytes", bytes, 1.0),
];

const fn chart(
    title: &'static str,
    column: &'static str,
    say: fn(Option<f64>) -> String,
    least: f64,
) -> Chart {
    Chart {
        title,
        column,
        say,
        least,
    }
}

fn events(number: Option<f64>) -> String {
    number.map_or("\u{2013}".to_owned(), |number| {
        format!("{} events", short(number))
    })
}

fn cores(number: Option<f64>) -> String {
    number.map_or("\u{2013}".to_owned(), |number| format!("{number:.2} cores"))
}

/// How many of so many rows the charts take.
pub(super) fn height(all: u16) -> u16 {
    let each = match all {
        ..=22 => 2,
        23..=34 => 3,
        _ => 5,
    };
    1 + each * DOWN as u16
}

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let [title, grid] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let rows: [Rect; DOWN] = Layout::vertical([Constraint::Fill(1); DOWN]).areas(grid);
    let cells = rows.map(|row| {
        Layout::horizontal([Constraint::Fill(1); ACROSS])
            .spacing(2)
            .areas::<ACROSS>(row)
    });
    let width = usize::from(cells[0][0].width);
    let span = match app.whole_past {
        true => "the last 15 minutes (z: a second a column)".to_owned(),
        false => format!("the last {width} s (z: 15 minutes)"),
    };
    frame.render_widget(Line::styled(span, FAINT), title);
    for (chart, cell) in CHARTS.iter().zip(cells.as_flattened()) {
        one(app, chart, frame, *cell);
    }
}

fn one(app: &App, chart: &Chart, frame: &mut Frame<'_>, area: Rect) {
    let column = app.past.column(chart.column);
    let latest = column.last().copied().flatten();
    let [title, graph] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let said = cut(&(chart.say)(latest), usize::from(area.width));
    let heading = vec![
        Span::raw(chart.title),
        Span::raw(" "),
        Span::styled(said, HEED),
    ];
    frame.render_widget(Paragraph::new(Line::from(heading)), title);
    let seen = columns(column, usize::from(graph.width), app.whole_past);
    let most = seen
        .iter()
        .flatten()
        .fold(chart.least, |one, &other| one.max(other));
    // The chart is drawn in whole numbers; what is there at all is seen.
    let scaled = seen
        .iter()
        .map(|value| value.map(|value| (value / most * 1e4).ceil() as u64));
    let data: Vec<Option<u64>> = scaled.collect();
    frame.render_widget(
        Sparkline::default().data(data).max(10_000).style(BAR),
        graph,
    );
}

/// A value a column, the latest at the right: of each second, or the highest of each part of the whole.
fn columns(column: &[Option<f64>], width: usize, whole: bool) -> Vec<Option<f64>> {
    let width = width.max(1);
    let mut seen: Vec<Option<f64>> = match whole && column.len() > width {
        false => column[column.len().saturating_sub(width)..].to_vec(),
        true => (0..width)
            .map(|at| {
                let part = &column[at * column.len() / width..(at + 1) * column.len() / width];
                part.iter().flatten().copied().reduce(f64::max)
            })
            .collect(),
    };
    let missing = width - seen.len();
    seen.splice(0..0, std::iter::repeat_n(None, missing));
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_one_second_is_seen_in_the_whole_past_too() {
        let mut past = vec![Some(1.0); 900];
        past[450] = Some(9.0);
        past[899] = None;
        let seen = columns(&past, 30, true);
        assert_eq!(seen.len(), 30);
        assert_eq!(seen.iter().filter(|value| **value == Some(9.0)).count(), 1);
        assert_eq!(columns(&past, 3, false), [Some(1.0), Some(1.0), None]);
        assert_eq!(columns(&past[..1], 3, false), [None, None, Some(1.0)]);
    }
}
