use std::thread;
use std::time::{Duration, Instant};

/// Lets time pass: between two looks at another process, or two requests of a paced load.
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}

/// Lets time pass until then.
pub(crate) fn pause_until(then: Instant) {
    pause(then.saturating_duration_since(Instant::now()));
}
