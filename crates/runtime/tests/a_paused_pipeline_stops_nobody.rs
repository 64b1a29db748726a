//! Behind a journal the reader goes on without a pipeline that is paused, and reads again what it missed: nothing is
//! lost, doubled or overtaken, whenever it is paused and resumed, and memory is bounded.
#![allow(clippy::unwrap_used)]

#[path = "late/line.rs"]
mod line;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use line::{EACH, KEYS, Line, MEMORY, PADDING, first};
use millpond_journal::Journal;
use millpond_journal::sim::{Fault, Sim};

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::park_timeout(Duration::from_micros(200));
    }
}

/// Every number came out once, those of a key in order.
fn is_whole(out: &[u64], records: u64, what: &str) {
    let mut last = HashMap::new();
    for &number in out {
        let before = last.insert(number % KEYS, number);
        assert!(
            before < Some(number),
            "{number} came out of {what} after {before:?}"
        );
    }
    assert_eq!(out.len() as u64, records * EACH, "{what}");
}

#[test]
fn others_run_on_in_bounded_memory_and_it_gets_everything_in_order() {
    // Eight times the memory.
    let records = 8 * MEMORY / PADDING as u64;
    let line = Line::start(&Sim::new(1), 0, 64 << 20);
    (0..100).for_each(|record| line.send(record));
    until("it has begun", || line.came_out(0) > 0);
    line.pause(0);
    (100..records).for_each(|record| line.send(record));
    let mut most = 0;
    until("the other one is done", || {
        most = most.max(line.budget.used() + line.replay.used());
        line.came_out(1) as u64 == records * EACH
    });
    assert!(most <= MEMORY, "{most} bytes are in memory");
    let arrears = line.brake(0).arrears();
    until("what it had is given back", || {
        line.came_out(0) as u64 + arrears.events() == records * EACH
    });
    let had = line.came_out(0) as u64;
    until("it has nothing else", || {
        line.ledgers[0].totals().live == arrears.given_back()
    });
    let settled = line.heard.settled.lock().unwrap().len() as u64;
    assert!(
        settled * EACH <= had,
        "nobody is told of what it has not run"
    );
    let state = line.admission.view().state();
    assert!(state.committed < state.durable, "nothing is let go of");

    assert!(line.brake(0).resume());
    let ledgers = line.ledgers.clone();
    let (out, heard) = line.end();
    is_whole(&out[0], records, "p");
    is_whole(&out[1], records, "q");
    assert_eq!(heard.settled.lock().unwrap().len() as u64, records);
    assert!(heard.again.lock().unwrap().is_empty());
    for ledger in ledgers {
        let totals = ledger.totals();
        let all = records * EACH;
        assert_eq!((totals.received, totals.delivered), (all, all));
        assert_eq!((totals.live, totals.dropped()), (0, 0));
    }
}

#[test]
fn paused_and_resumed_at_any_time_nothing_is_lost_doubled_or_overtaken() {
    let records = 600;
    for seed in 0..8 {
        let mut luck = fastrand::Rng::with_seed(seed);
        let line = Line::start(&Sim::new(seed), luck.u64(0..3_000), 64 << 20);
        let (mut sent, mut paused) = (0, 0);
        while sent < records {
            let next = (sent + luck.u64(1..40)).min(records);
            (sent..next).for_each(|record| line.send(record));
            sent = next;
            let pipeline = luck.usize(0..4);
            if pipeline < 2 {
                line.pause(pipeline);
                paused += 1;
            }
            let somebody = luck.usize(0..2);
            if luck.bool() {
                line.brake(somebody).resume();
            }
            if luck.bool() {
                let (other, had) = (1 - somebody, line.came_out(1 - somebody));
                let is_on = || line.brake(other).paused().is_none();
                let bound = Instant::now() + Duration::from_millis(2);
                while is_on() && line.came_out(other) == had && Instant::now() < bound {
                    std::thread::yield_now();
                }
            }
        }
        assert!(paused > 5, "{paused}");
        (0..2).for_each(|pipeline| {
            line.brake(pipeline).resume();
        });
        let ledgers = line.ledgers.clone();
        let (out, heard) = line.end();
        is_whole(&out[0], records, "p");
        is_whole(&out[1], records, "q");
        assert_eq!(heard.settled.lock().unwrap().len() as u64, records);
        for ledger in ledgers {
            let totals = ledger.totals();
            assert_eq!(totals.received, records * EACH, "seed {seed}");
            assert_eq!((totals.live, totals.dropped()), (0, 0), "seed {seed}");
        }
    }
}

#[test]
fn what_it_has_not_run_is_in_the_journal_whenever_the_power_goes() {
    for seed in 0..12 {
        let mut luck = fastrand::Rng::with_seed(seed);
        let sim = Sim::new(seed);
        let mut line = Line::start(&sim, 500, 64 << 20);
        sim.inject(luck.u64(20..150), Fault::Stop);
        let view = line.admission.view();
        let mut record = 0;
        while view.state().failed.is_none() {
            line.send(record);
            record += 1;
            match luck.usize(0..30) {
                0 => line.pause(0),
                1 => drop(line.brake(0).resume()),
                _ => {}
            }
        }
        let came_out: Vec<BTreeSet<u64>> = (0..2)
            .map(|pipeline| {
                let till = line.tills[pipeline].lock().unwrap();
                till.iter().copied().collect()
            })
            .collect();
        let durable = line.heard.durable.lock().unwrap().clone();
        line.door = None;
        line.admission.stopper().stop();
        (0..2).for_each(|pipeline| line.brake(pipeline).leave());
        line.runtime.join(None).unwrap();
        assert!(line.admission.finish(None));
        sim.cut_power();
        let (journal, _) = Journal::open(sim, line::small(64 << 20)).unwrap();
        let mut held = BTreeSet::new();
        let mut reader = journal.reader(journal.committed_sequence()).unwrap();
        while let Some(records) = reader.next_records().unwrap() {
            held.extend(records.map(|(_, record)| first(record)));
        }
        for record in durable.difference(&held) {
            for number in *record..record + EACH {
                assert!(
                    came_out.iter().all(|out| out.contains(&number)),
                    "{number} is lost, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn a_journal_that_is_full_holds_up_the_sources_until_it_is_resumed() {
    let line = Line::start(&Sim::new(3), 0, 4 * (64 << 10));
    (0..10).for_each(|record| line.send(record));
    until("it has begun", || line.came_out(0) > 0);
    line.pause(0);
    let view = line.admission.view();
    let records = 300;
    let door = line.door.clone().unwrap();
    let source = std::thread::spawn(move || (10..records).for_each(|record| door.send(record)));
    until("the journal is full", || view.state().full.is_some());
    assert!(line.brake(0).resume());
    source.join().unwrap();
    until("everything came out", || {
        line.came_out(0) as u64 == records * EACH
    });
    assert!(view.state().full.is_none());
    let (out, _) = line.end();
    is_whole(&out[0], records, "p");
    is_whole(&out[1], records, "q");
}
