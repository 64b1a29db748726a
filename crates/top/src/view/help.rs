use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

const HELP: &str = "
  Tab, right / Shift-Tab, left   the next view / the one before
  1 to 6                         that view
  down, up                       the next pipeline or row / the one before
  z                              charts over 15 minutes / a second a column
  ?                              this help, and back
  q, Esc, Ctrl-C                 leave

  Line          what flows and what is held up, from sources down to sinks
  Pipelines     the stages of each, with the time an event takes
  Shards        which shards are hot, by rate and by what waits
  Sinks         what each is doing, retries, breaker, what waits for it
  Dead letters  how many for which reason, and the last of them
  Ledger        what became of every event; unaccounted must be 0

  A dash is what is not known yet. Rates are of the last whole second.
  ! marks what holds the sources up or what is wrong.";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Paragraph::new(HELP), area);
}
