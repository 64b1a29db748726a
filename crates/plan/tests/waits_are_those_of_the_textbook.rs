//! Where a queue has a formula, the simulation must agree with it: else it plays some other game than it says.

mod common;

use common::Minute;
use millpond_plan::{Ask, Row, plan};

/// Time of the exponential distribution with a mean of a millisecond, below which the share `u` lies.
fn exponential(u: f64) -> f64 {
    -1e-3 * (1.0 - u).ln()
}

fn row(minute: &Minute, workers: usize, utilisation: f64) -> Row {
    let ask = Ask {
        workers: vec![workers],
        utilisations: vec![utilisation],
        batches: 400_000,
        ..Ask::default()
    };
    plan(&minute.measured(), &ask)
        .expect("a plan")
        .rows
        .remove(0)
}

/// The probability of having to queue, as in any table of Erlang's.
fn erlang(workers: usize, busy: f64) -> f64 {
    let term = |count: usize| (1..=count).fold(1.0, |term, step| term * busy / step as f64);
    let queued = term(workers) * workers as f64 / (workers as f64 - busy);
    queued / ((0..workers).map(term).sum::<f64>() + queued)
}

#[test]
fn of_times_that_are_exponential() {
    let minute = Minute {
        takes: exponential,
        ..Minute::default()
    };
    for (workers, used) in [(1, 0.5), (1, 0.7), (2, 0.7), (8, 0.85)] {
        let wait = row(&minute, workers, used).wait.expect("it keeps up");
        let (count, busy) = (workers as f64, used * workers as f64);
        let queued = erlang(workers, busy);
        let free = count * (1.0 - used);
        close("mean", wait.mean, 1e-3 * queued / free, 0.08);
        close("p99", wait.p99, 1e-3 * (100.0 * queued).ln() / free, 0.08);
    }
}

#[test]
fn of_times_that_are_all_the_same() {
    for used in [0.5, 0.7, 0.85] {
        let wait = row(&Minute::default(), 1, used).wait.expect("it keeps up");
        close("mean", wait.mean, 1e-3 * used / (2.0 * (1.0 - used)), 0.05);
        let (falls, share) = tail(used);
        close("p99", wait.p99, 1e-3 * (100.0 * share).ln() / falls, 0.05);
    }
}

/// Of times that are all one, the share of `share` exp(-`falls` t) waits for longer than t, if t is large.
fn tail(used: f64) -> (f64, f64) {
    // The root above 0 of used (exp(x) - 1) = x.
    let (mut low, mut high) = (1e-6, 20.0);
    for _ in 0..100 {
        let middle: f64 = (low + high) / 2.0;
        if used * middle.exp_m1() < middle {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low, (1.0 - used) / (used * low.exp() - 1.0))
}

#[test]
fn as_many_wait_as_come_while_one_waits() {
    for (workers, used) in [(1, 0.6), (4, 0.8), (16, 0.9)] {
        let row = row(&Minute::default(), workers, used);
        let wait = row.wait.expect("it keeps up");
        let waiting = row.waiting_events.expect("it keeps up");
        close("waiting", waiting, row.rate * wait.mean, 0.03);
    }
}

fn close(what: &str, seen: f64, expected: f64, within: f64) {
    let off = (seen / expected - 1.0).abs();
    assert!(
        off < within,
        "{what} is {seen:.3e}, expected {expected:.3e}"
    );
}
