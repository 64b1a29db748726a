//! What is drawn, a view a file.

mod charts;
#[cfg(test)]
pub(crate) mod examples;
mod help;
mod ledger;
mod letters;
mod line;
mod pipelines;
mod shards;
mod sinks;
mod table;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use crate::app::{App, Link, View};
use crate::format::{age, count};
use crate::overview::Overview;

/// Below this there is no room for the columns.
const LEAST: (u16, u16) = (80, 24);

/// What is right, or not worth a look.
const CALM: Style = Style::new();
/// What goes with something, in the terminal's own way to write that.
const FAINT: Style = Style::new().add_modifier(Modifier::DIM);
/// What somebody should look at. The words say it, too.
const HEED: Style = Style::new().add_modifier(Modifier::BOLD);
/// What is wrong. The words say it, too.
const WRONG: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
/// Bars and charts: a colour of the terminal's palette, so that it suits what is behind it.
const BAR: Style = Style::new().fg(Color::Cyan);

/// Draws everything.
pub(crate) fn draw(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let said = format!(
            "millpond top needs {} columns and {} rows; here are {} and {}. q leaves.",
            LEAST.0, LEAST.1, area.width, area.height
        );
        frame.render_widget(Paragraph::new(said).wrap(Wrap { trim: true }), area);
        return;
    }
    let notices = notices(app, area.width);
    let parts = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(notices.len() as u16),
        Constraint::Length(1),
        Constraint::Min(0),
    ];
    let [title, tabs, said, _, body] = Layout::vertical(parts).areas(area);
    frame.render_widget(headline(app), title);
    frame.render_widget(views(app), tabs);
    frame.render_widget(Paragraph::new(notices), said);
    match &app.now {
        _ if app.help => help::draw(frame, body),
        None => frame.render_widget(Paragraph::new(nothing(app)).wrap(Wrap { trim: true }), body),
        Some(now) => view(app, now, frame, body),
    }
}

fn view(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    match app.view {
        View::Line => line::draw(app, now, frame, area),
        View::Pipelines => pipelines::draw(app, now, frame, area),
        View::Shards => shards::draw(app, now, frame, area),
        View::Sinks => sinks::draw(app, now, frame, area),
        View::Letters => letters::draw(app, now, frame, area),
        View::Ledger => ledger::draw(app, now, frame, area),
    }
}

fn nothing(app: &App) -> String {
    match &app.link {
        Link::Lost(why) => format!("{why}\n\nLooking for it again, once in a while."),
        _ => format!("Asking the daemon at {} ...", app.address),
    }
}

/// Who it is, how it is heard, how it stands.
fn headline(app: &App) -> Line<'static> {
    let mut spans = vec![Span::styled("millpond", HEED)];
    let mut say = |text: String, style| spans.extend([Span::raw("  "), Span::styled(text, style)]);
    if let Some(now) = &app.now {
        say(now.build.version.clone(), FAINT);
        say(format!("up {}", age(now.uptime_seconds)), CALM);
    }
    let (link, style) = match app.link {
        Link::Waiting => ("connecting", CALM),
        Link::Live => ("live", CALM),
        Link::Silent => ("NO NEWS", HEED),
        Link::Lost(_) => ("CONNECTION LOST", WRONG),
    };
    say(link.to_owned(), style);
    if let Some(now) = &app.now {
        let (health, style) = match (now.health.live, now.health.ready) {
            (_, true) => ("ready", CALM),
            (true, false) => ("NOT READY", HEED),
            (false, false) => ("NOT ALIVE", WRONG),
        };
        say(health.to_owned(), style);
        match now.totals.unaccounted {
            0 => say("every event accounted for".to_owned(), CALM),
            lost => say(format!("{} UNACCOUNTED", count(lost)), WRONG),
        }
    }
    Line::from(spans)
}

fn views(app: &App) -> Line<'static> {
    let mut spans = Vec::new();
    for (place, view) in View::ALL.into_iter().enumerate() {
        let chosen = view == app.view;
        let style = if chosen {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            CALM
        };
        // Chosen is also told without colours.
        let text = match chosen {
            true => format!("[{} {}]", place + 1, view.title()),
            false => format!(" {} {} ", place + 1, view.title()),
        };
        spans.push(Span::styled(text, style));
    }
    spans.push(Span::styled("  ? help", FAINT));
    Line::from(spans)
}

/// Where pressure begins, and why it is not ready: what to read first.
fn notices(app: &App, width: u16) -> Vec<Line<'static>> {
    let Some(now) = &app.now else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let mut say = |text: String, style| {
        let parts = table::wrap(&text, usize::from(width));
        lines.extend(parts.into_iter().map(|part| Line::styled(part, style)));
    };
    if let Link::Lost(why) = &app.link {
        say(format!("! {why}; below is what was seen last."), WRONG);
    }
    match now.pressure {
        None => say(now.pressure(), FAINT),
        Some(_) => say(format!("! {}", now.pressure()), HEED),
    }
    let reasons = now.notices();
    let style = if now.health.live { HEED } else { WRONG };
    reasons
        .iter()
        .take(3)
        .for_each(|reason| say(format!("! {reason}"), style));
    if reasons.len() > 3 {
        say(format!("! and {} more", reasons.len() - 3), style);
    }
    lines
}
