use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::*;
use crate::app::Wish;
use crate::feed::Heard;

fn app(pipelines: usize, shards: usize) -> App {
    let mut app = App::new(examples::ADDRESS.parse().unwrap());
    app.hear(Heard::Past(examples::past()));
    app.hear(Heard::Now(Box::new(examples::overview(pipelines, shards))));
    app
}

fn drawn(app: &App, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(app, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The signs on the screen, without what is only colour.
fn signs(app: &App, width: u16, height: u16) -> String {
    let buffer = drawn(app, width, height);
    let rows = buffer.content().chunks(usize::from(width));
    let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    let rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n")
}

/// All views, one after the other.
fn views_of(mut app: App, width: u16, height: u16) -> String {
    let mut all = Vec::new();
    for place in 0..View::ALL.len() {
        app.wish(Wish::To(place));
        all.push(signs(&app, width, height));
    }
    all.join(&format!("\n{}\n", "=".repeat(usize::from(width))))
}

#[test]
fn one_pipeline_on_a_small_terminal() {
    insta::assert_snapshot!(views_of(app(1, 256), 80, 24));
}

#[test]
fn twelve_pipelines_on_a_small_terminal() {
    insta::assert_snapshot!(views_of(app(12, 256), 80, 24));
}

#[test]
fn one_pipeline_on_a_large_terminal() {
    insta::assert_snapshot!(views_of(app(1, 256), 120, 40));
}

#[test]
fn twelve_pipelines_on_a_large_terminal() {
    insta::assert_snapshot!(views_of(app(12, 256), 120, 40));
}

#[test]
fn the_help_and_what_is_said_without_a_daemon() {
    let mut app = app(1, 8);
    app.wish(Wish::Help);
    let help = signs(&app, 80, 24);
    let mut alone = App::new(examples::ADDRESS.parse().unwrap());
    let waiting = signs(&alone, 80, 24);
    alone.hear(Heard::Lost(
        "no daemon answers at 127.0.0.1:7080: Connection refused".to_owned(),
    ));
    let lost = signs(&alone, 80, 24);
    insta::assert_snapshot!([help, waiting, lost].join("\n=====\n"));
}

#[test]
fn a_daemon_that_went_away_and_what_is_wrong_is_told_in_words() {
    let mut app = app(1, 8);
    if let Some(now) = &mut app.now {
        now.health.ready = false;
        now.health.reasons = (1..=5).map(|number| format!("reason {number}")).collect();
        now.totals.unaccounted = 7;
        now.dead_letters.full = true;
    }
    app.hear(Heard::Lost(
        "the daemon at 127.0.0.1:7080 went away".to_owned(),
    ));
    let seen = signs(&app, 80, 24);
    for words in [
        "CONNECTION LOST",
        "what was seen last",
        "NOT READY",
        "7 UNACCOUNTED",
        "! reason 1",
        "! and 3 more",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
}

#[test]
fn a_terminal_that_is_too_small_is_told_so_and_no_size_panics() {
    assert!(signs(&app(1, 8), 90, 20).contains("needs 80 columns and 24 rows; here are 90 and 20"));
    for (pipelines, shards) in [(1, 1), (12, 4_096)] {
        let mut app = app(pipelines, shards);
        for place in 0..View::ALL.len() {
            app.wish(Wish::To(place));
            for (width, height) in [
                (1, 1),
                (79, 24),
                (80, 24),
                (81, 25),
                (200, 24),
                (80, 100),
                (300, 90),
            ] {
                app.at = pipelines - 1;
                drawn(&app, width, height);
            }
        }
    }
}

#[test]
fn nothing_is_drawn_in_a_colour_that_could_hide_on_light_or_dark() {
    let mut app = app(12, 256);
    for place in 0..View::ALL.len() {
        app.wish(Wish::To(place));
        for cell in drawn(&app, 120, 40).content() {
            assert_eq!(cell.bg, Color::Reset, "the terminal's own background stays");
            assert!(
                matches!(cell.fg, Color::Reset | Color::Red | Color::Cyan),
                "{:?}",
                cell.fg
            );
        }
    }
}
