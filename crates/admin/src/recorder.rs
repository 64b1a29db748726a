use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::history::History;
use crate::live::{Hub, Listener};
use crate::moment::{Moment, Span};
use crate::observed::Observed;
use crate::overview::{self, Overview};
use crate::seen::Seen;

/// How often everything is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Looks once a second at what grows, so that there are rates and a past to show. What it sees goes
/// into a document only while somebody listens.
pub(crate) struct Recorder {
    observed: Arc<Observed>,
    started: f64,
    hub: Arc<Hub>,
    past: Mutex<Past>,
}

#[derive(Default)]
struct Past {
    before: Option<Moment>,
    last: Option<Moment>,
    history: History,
}

impl Past {
    /// What the rates of a document are of.
    fn span(&self) -> Option<Span<'_>> {
        let (before, after) = (self.before.as_ref()?, self.last.as_ref()?);
        Some(Span { before, after })
    }
}

impl Recorder {
    pub(crate) fn new(observed: Arc<Observed>) -> Self {
        Recorder {
            observed,
            started: now(),
            hub: Arc::default(),
            past: Mutex::default(),
        }
    }

    /// Looks for as long as the future is polled.
    pub(crate) async fn run(&self) {
        loop {
            self.look(Instant::now());
            async_std::task::sleep(TICK).await;
        }
    }

    fn look(&self, at: Instant) {
        let seen = Seen::read(&self.observed);
        let mut past = self.lock();
        past.before = past.last.take();
        past.last = Some(Moment::of(&seen, at));
        if let Some(span) = past.span() {
            let sample = overview::sample(&seen, span);
            past.history.add(now(), sample);
        }
        let heard = self.hub.is_heard();
        let document = heard.then(|| self.document(&seen, past.span()).to_string());
        drop(past);
        if let Some(document) = document {
            self.hub.publish(&document);
        }
    }

    fn document(&self, seen: &Seen<'_>, span: Option<Span<'_>>) -> Value {
        let overview = Overview {
            observed: &self.observed,
            seen,
            span,
            time: now(),
            started: self.started,
        };
        overview.document()
    }

    /// `/api/v1/overview`: how everything stands now, with the rates of the last whole second.
    pub(crate) fn overview(&self) -> Value {
        let seen = Seen::read(&self.observed);
        self.document(&seen, self.lock().span())
    }

    /// `/api/v1/history`
    pub(crate) fn history(&self) -> Value {
        self.lock().history.document()
    }

    /// `/api/v1/live`: the overview, once a second; none when too many listen.
    pub(crate) fn listen(&self) -> Option<Listener> {
        self.hub.listen(|| self.overview().to_string())
    }

    /// Every change leaves a whole past.
    fn lock(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since the Unix epoch, to the millisecond.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_millis() as f64 / 1e3)
}
