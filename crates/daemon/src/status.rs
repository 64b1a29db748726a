//! The live status: one line on a terminal, rewritten once a second, or a log line now and then.

mod line;

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::wire::Seen;
use line::{Sample, render};

/// Whether stderr ends in a status line that whoever writes next has to clear.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// What to write to stderr before anything else: takes a status line away.
pub(crate) fn clearing() -> &'static [u8] {
    if SHOWN.swap(false, Ordering::Relaxed) {
        b"\r\x1b[2K"
    } else {
        b""
    }
}

/// How the status is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Rewritten on the terminal.
    Line,
    /// As a log line.
    Log,
    Off,
}

/// Shows how a running line does.
pub(crate) struct Status {
    mode: Mode,
    last: Option<Sample>,
    next: Instant,
}

impl Status {
    /// On a terminal a line, unless `quiet`; elsewhere nothing, or log lines where `chatty`.
    pub(crate) fn new(quiet: bool, chatty: bool) -> Self {
        let mode = match (quiet, io::stderr().is_terminal()) {
            (false, true) => Mode::Line,
            _ if chatty => Mode::Log,
            _ => Mode::Off,
        };
        Status {
            mode,
            last: None,
            next: Instant::now(),
        }
    }

    /// How long whoever calls [`Status::show`] may wait before the next call.
    pub(crate) fn every(&self) -> Duration {
        match self.mode {
            Mode::Line => Duration::from_secs(1),
            Mode::Log => Duration::from_secs(10),
            Mode::Off => Duration::from_secs(3_600),
        }
    }

    /// Shows how things stand, if it is time.
    pub(crate) fn show(&mut self, seen: &Seen) {
        let now = Instant::now();
        if self.mode == Mode::Off || now < self.next {
            return;
        }
        self.next = now + self.every();
        let sample = Sample::of(seen);
        if let Some(last) = &self.last {
            let line = render(last, &sample);
            match self.mode {
                Mode::Line => draw(&line),
                Mode::Log => tracing::info!("{line}"),
                Mode::Off => {}
            }
        }
        self.last = Some(sample);
    }

    /// Takes the line away.
    pub(crate) fn end(&mut self) {
        self.mode = Mode::Off;
        // There is nowhere to report that stderr is gone.
        let _ = io::stderr().lock().write_all(clearing());
    }
}

fn draw(line: &str) {
    let columns =
        rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col));
    // A line that wraps could not be cleared.
    let fitting: String = line.chars().take(columns.saturating_sub(1)).collect();
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[2K{fitting}").and_then(|()| stderr.flush());
    SHOWN.store(true, Ordering::Relaxed);
}
