//! Progress bars: one over the whole bench, one over the run that is under way.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(super) struct Progress {
    all: ProgressBar,
    pub(super) run: ProgressBar,
}

impl Progress {
    /// Bars on stderr, which show nothing where that is no terminal.
    pub(super) fn new(runs: u64) -> Self {
        let bars = MultiProgress::new();
        let bar = |length, template| {
            let bar = bars.add(ProgressBar::new(length));
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        };
        Self {
            all: bar(runs, "{bar:30} {pos:>4} of {len} runs    {eta:>4} left"),
            run: bar(0, "{bar:30} {percent:>3} %  {msg}"),
        }
    }

    /// A run begins.
    pub(super) fn begin(&self, events: u64, message: String) {
        self.run.reset();
        self.run.set_length(events);
        self.run.set_message(message);
    }

    /// As many runs as this are over, or will not take place.
    pub(super) fn end(&self, runs: u64) {
        self.all.inc(runs);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.run.finish_and_clear();
        self.all.finish_and_clear();
    }
}
