//! How hot each shard is: a hot key is one high cell.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::table::cut;
use super::{BAR, FAINT, HEED};
use crate::app::App;
use crate::format::{count, percent, plural, rate};
use crate::overview::Overview;

/// From nothing to the most.
const STEPS: [&str; 9] = [
    "\u{b7}", "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}",
    "\u{2588}",
];

pub(super) fn draw(app: &App, now: &Overview, frame: &mut Frame<'_>, area: Rect) {
    let Some(one) = now.pipelines.get(app.at) else {
        return;
    };
    let key = one
        .key
        .as_ref()
        .map_or("without a key".to_owned(), |key| format!("by {key}"));
    let title = format!(
        "{}: {} {key} (pipeline {} of {}, up and down choose)",
        one.name,
        plural(one.shards.events.len() as u64, "shard", "shards"),
        app.at + 1,
        now.pipelines.len()
    );
    let parts = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ];
    let [head, _, rates, depths, legend] = Layout::vertical(parts).areas(area);
    frame.render_widget(Line::styled(title, HEED), head);
    let per_second = one.shards.per_second.as_deref();
    let arrive = |value: u64| rate(Some(value as f64));
    heat(frame, rates, "events a second", per_second, arrive);
    let wait = |value: u64| format!("{} waiting", count(value));
    heat(
        frame,
        depths,
        "events that wait",
        Some(&one.shards.events),
        wait,
    );
    let steps = format!(
        "{} to {}: from nothing to the most of any shard",
        STEPS[0], STEPS[8]
    );
    frame.render_widget(Line::styled(steps, FAINT), legend);
}

fn heat(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    values: Option<&[u64]>,
    say: impl Fn(u64) -> String,
) {
    let (room, width) = (usize::from(area.height), usize::from(area.width));
    let values = values.unwrap_or_default();
    let all: u64 = values.iter().sum();
    let most = values.iter().copied().max().unwrap_or(0);
    let mut busiest: Vec<usize> = (0..values.len()).filter(|&at| values[at] > 0).collect();
    busiest.sort_by_key(|&at| std::cmp::Reverse(values[at]));
    let said: Vec<String> = busiest
        .iter()
        .take(if width < 100 { 2 } else { 3 })
        .map(|&at| {
            let share = percent(Some(values[at] as f64 / all.max(1) as f64));
            format!("shard {at}: {}, {share}", say(values[at]))
        })
        .collect();
    let said = match said.is_empty() {
        true => "nothing in any shard".to_owned(),
        false => format!("most in {}", said.join("; ")),
    };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{title}: "), FAINT),
        Span::raw(cut(&said, width.saturating_sub(title.len() + 2))),
    ])];
    // The number of the first shard stands before each line of cells.
    let across = width.saturating_sub(7).max(1) / 8 * 8;
    let across = across.max(8);
    let fit = room.saturating_sub(2).max(1) * across;
    for (line, part) in values.chunks(across).take(fit / across).enumerate() {
        let cells = part.iter().map(|&value| STEPS[step(value, most)]);
        lines.push(Line::from(vec![
            Span::styled(format!("{:>6} ", line * across), FAINT),
            Span::styled(cells.collect::<String>(), BAR),
        ]));
    }
    if values.len() > fit {
        let line = format!(
            "       {} more shards do not fit",
            count((values.len() - fit) as u64)
        );
        lines.truncate(room.saturating_sub(1).max(1));
        lines.push(Line::styled(line, FAINT));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// Something is never drawn as nothing.
fn step(value: u64, most: u64) -> usize {
    let share = value as f64 / most.max(1) as f64;
    (share * (STEPS.len() - 1) as f64).ceil() as usize
}
