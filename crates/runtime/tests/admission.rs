//! Batches of numbers through a journal, with a source and a pipeline that the test plays itself.
#![allow(clippy::unwrap_used)]

#[path = "admission/rig.rs"]
mod rig;

use std::io::ErrorKind;

use millpond_journal::sim::{Fault, Sim};
use millpond_journal::{Journal, Options};

use rig::{Rig, eventually, parse, small};

/// The numbers that a journal still holds, and its summaries.
fn held(sim: &Sim) -> (Vec<u64>, Vec<u64>) {
    let (journal, _) = Journal::open(sim.clone(), small()).unwrap();
    let mut reader = journal.reader(journal.committed_sequence()).unwrap();
    let (mut numbers, mut summaries) = (Vec::new(), Vec::new());
    while let Some(records) = reader.next_records().unwrap() {
        for (_, record) in records {
            match parse(record) {
                (b'n', number) => numbers.push(number),
                (_, number) => summaries.push(number),
            }
        }
    }
    (numbers, summaries)
}

#[test]
fn everything_comes_through_in_order_and_the_journal_lets_go_of_it() {
    let sim = Sim::new(1);
    let mut rig = Rig::open(&sim, small(), None);
    let door = rig.door.take().unwrap();
    let source = std::thread::spawn(move || (0..500).for_each(|number| door.send(number, 1_000)));
    let delivered: Vec<_> = rig.deliver_all().into_iter().map(|(_, n)| n).collect();
    source.join().unwrap();
    assert_eq!(delivered, (0..500).collect::<Vec<_>>());
    let heard = rig.heard.clone();
    assert!(rig.admission.finish(None));
    assert_eq!(heard.durable.lock().unwrap().len(), 500);
    assert_eq!(heard.settled.lock().unwrap().len(), 500);
    assert_eq!(held(&sim), (vec![], vec![]));
}

#[test]
fn what_was_not_delivered_comes_again_after_a_restart_before_anything_new() {
    let sim = Sim::new(2);
    let mut rig = Rig::open(&sim, small(), None);
    (0..10).for_each(|number| rig.send(number, 100));
    let kept: Vec<_> = (0..10).map(|_| rig.next()).collect();
    eventually("durability", || {
        rig.heard.durable.lock().unwrap().len() == 10
    });
    // The third of them never ends: 0 and 1 may be let go of, nothing else.
    let mut lost = None;
    for given in kept {
        if given.number == 2 {
            lost = Some(given);
        } else {
            rig.deliver(given);
        }
    }
    eventually("the commit", || rig.admission.view().state().committed == 2);
    rig.door = None;
    assert!(rig.admission.finish(None), "the process ends without it");
    drop(lost);

    let rig = Rig::open(&sim, small(), None);
    rig.send(10, 100);
    let again: Vec<_> = (0..9).map(|_| rig.deliver(rig.next()).1).collect();
    assert_eq!(again, (2..=10).collect::<Vec<_>>());
    assert_eq!(rig.admission.view().state().restored_events, 8);
}

#[test]
fn a_burst_goes_to_disk_with_memory_bounded_and_order_kept() {
    let sim = Sim::new(3);
    let mut rig = Rig::open(&sim, small(), None);
    // 20 times the budget, of which the pipeline takes nothing at first.
    let count = 2_500;
    let first = {
        (0..count).for_each(|number| rig.send(number, 8 << 10));
        eventually("durability", || {
            rig.heard.durable.lock().unwrap().len() == count as usize
        });
        let held = rig.budget.used();
        assert!(
            held <= rig.budget.capacity() / 2 + (64 << 10),
            "{held} bytes in memory"
        );
        rig.next()
    };
    rig.door = None;
    let mut numbers = vec![rig.deliver(first).1];
    numbers.extend(rig.deliver_all().into_iter().map(|(_, number)| number));
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    let state = rig.admission.view().state();
    assert!(state.replayed_events > 2_000, "{state:?}");
    assert_eq!(state.waiting_events, 0);
    assert!(rig.admission.finish(None));
    assert_eq!(rig.heard.settled.lock().unwrap().len(), count as usize);
    assert_eq!(held(&sim), (vec![], vec![]));
}

#[test]
fn no_more_than_the_window_is_ever_out() {
    let sim = Sim::new(4);
    let mut rig = Rig::with(&sim, small(), None, |mut options| {
        options.window = 10_000;
        options
    });
    (0..100).for_each(|number| rig.send(number, 1_000));
    rig.door = None;
    let mut out = Vec::new();
    let mut taken = 0;
    while let Ok(given) = rig.given.recv() {
        out.push(given);
        taken += 1;
        out.extend(rig.given.try_iter().inspect(|_| taken += 1));
        assert!(out.len() <= 11, "{} are out", out.len());
        rig.deliver(out.remove(0));
    }
    assert_eq!(taken, 100);
}

#[test]
fn a_sync_that_fails_acknowledges_nothing_and_stops_the_journal() {
    for call in 1..6 {
        let sim = Sim::new(5);
        let rig = Rig::open(&sim, small(), None);
        rig.send(0, 100);
        rig.deliver(rig.next());
        eventually("rest", || rig.admission.view().state().committed == 1);
        sim.inject(call, Fault::Error(ErrorKind::Other));
        let mut number = 1;
        // One at a time, so that the fault meets a sync sooner or later.
        while rig.failed.try_recv().is_err() {
            rig.send(number, 100);
            let heard = &rig.heard;
            eventually("an answer", || {
                heard.durable.lock().unwrap().contains(&number)
                    || heard.again.lock().unwrap().contains(&number)
            });
            rig.given.try_iter().for_each(|given| {
                rig.deliver(given);
            });
            number += 1;
            assert!(number < 100, "the fault never struck");
        }
        let refused = rig.heard.again.lock().unwrap().clone();
        let durable = rig.heard.durable.lock().unwrap().clone();
        assert!(refused.is_disjoint(&durable));
        assert!(rig.admission.view().state().failed.is_some());
    }
}

#[test]
fn a_full_journal_makes_its_sources_wait_and_heals_as_the_pipeline_catches_up() {
    let sim = Sim::new(6);
    let options = Options {
        max_bytes: 3 * (64 << 10),
        ..small()
    };
    let mut rig = Rig::open(&sim, options, None);
    let door = rig.door.take().unwrap();
    let source = std::thread::spawn(move || (0..300).for_each(|n| door.send(n, 4 << 10)));
    let view = rig.admission.view();
    eventually("a full journal", || view.state().full.is_some());
    let full = view.backlog();
    assert_eq!((full.waiting, full.left), (full.capacity, 0));
    assert!(full.capacity > 100 << 10, "{full:?}");
    let delivered: Vec<_> = rig.deliver_all().into_iter().map(|(_, n)| n).collect();
    source.join().unwrap();
    eventually("all of it has left", || {
        let drained = view.backlog();
        drained.waiting < drained.capacity && drained.left >= 300 * (4 << 10)
    });
    assert_eq!(delivered, (0..300).collect::<Vec<_>>());
    let state = rig.admission.view().state();
    assert_eq!((state.full, state.refused_events), (None, 0));
}

#[test]
fn a_full_journal_refuses_what_it_never_took_when_the_process_has_to_end() {
    let sim = Sim::new(7);
    let options = Options {
        max_bytes: 2 * (64 << 10),
        ..small()
    };
    let mut rig = Rig::open(&sim, options, None);
    (0..100).for_each(|number| rig.send(number, 4 << 10));
    let view = rig.admission.view();
    eventually("a full journal", || view.state().full.is_some());
    rig.door = None;
    rig.admission.stopper().stop();
    assert!(rig.admission.finish(None));
    let (durable, again) = (
        rig.heard.durable.lock().unwrap().len(),
        rig.heard.again.lock().unwrap().len(),
    );
    assert_eq!(view.state().refused_events, 100 - durable as u64);
    assert!(
        again >= 100 - durable,
        "all of them heard that they are to do it again"
    );
    let (journal, _) = Journal::open(sim.clone(), small()).unwrap();
    assert_eq!(journal.next_sequence(), durable as u64);
}

#[test]
fn a_batch_that_nobody_takes_stays_in_the_journal() {
    let sim = Sim::new(8);
    let mut rig = Rig::open(&sim, small(), None);
    rig.send(0, 10);
    rig.send(u64::MAX, 10);
    rig.send(2, 10);
    rig.door = None;
    let delivered: Vec<_> = rig.deliver_all().into_iter().map(|(_, n)| n).collect();
    assert_eq!(delivered, [0, 2]);
    let view = rig.admission.view();
    assert!(rig.admission.finish(None));
    assert_eq!(view.state().held_records, 1);
    assert_eq!(held(&sim).0, [u64::MAX, 2]);
}

#[test]
fn the_latest_summary_outlives_the_records_it_sums_up() {
    let sim = Sim::new(9);
    let mut rig = Rig::open(&sim, small(), Some(0));
    for number in 0..200 {
        rig.send(number, 2_000);
        rig.deliver(rig.next());
    }
    rig.door = None;
    rig.deliver_all();
    assert!(rig.admission.finish(None));
    let (numbers, summaries) = held(&sim);
    assert_eq!(numbers, []);
    assert_eq!(summaries.last(), Some(&199));

    // And a run in which nothing comes.
    let mut rig = Rig::open(&sim, small(), Some(199));
    rig.door = None;
    assert!(rig.deliver_all().is_empty());
    assert!(rig.admission.finish(None));
    assert_eq!(held(&sim), (vec![], vec![199]));
}

#[test]
fn whatever_call_the_machine_dies_at_nothing_acknowledged_is_lost() {
    for at in 0..120 {
        let sim = Sim::new(at);
        let rig = Rig::open(&sim, small(), at.is_multiple_of(2).then_some(0));
        sim.inject(at, Fault::Stop);
        let mut delivered = std::collections::BTreeSet::new();
        let mut number = 0;
        while rig.failed.try_recv().is_err() {
            rig.send(number, 3_000);
            let heard = &rig.heard;
            eventually("an answer", || {
                heard.durable.lock().unwrap().contains(&number)
                    || heard.again.lock().unwrap().contains(&number)
            });
            number += 1;
            // Half of what comes is delivered before the machine dies.
            for given in rig.given.try_iter() {
                if given.number % 2 == 0 || given.number < 20 {
                    delivered.insert(rig.deliver(given).1);
                } else {
                    std::mem::forget(given);
                }
            }
        }
        let acknowledged = rig.heard.durable.lock().unwrap().clone();
        drop(rig);
        sim.cut_power();
        let (held, _) = held(&sim);
        for number in acknowledged.difference(&delivered) {
            assert!(held.contains(number), "{number} is lost, dead at call {at}");
        }
        assert!(held.is_sorted());
    }
}
