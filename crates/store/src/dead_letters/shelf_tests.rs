use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::time::UNIX_EPOCH;

use millpond_journal::sim::{Fault, Sim};

use super::*;
use crate::{Filter, Id, Letter};

const SHARE: u64 = 64 << 10;

fn open(sim: &Sim) -> Result<Shelf<Sim>> {
    let sim = sim.clone();
    let storage: OpenStorage<Sim> = Box::new(move || Ok(sim.clone()));
    Shelf::open(
        Class::Accepted,
        Path::new("sim"),
        Bound::Share(SHARE),
        storage,
    )
}

fn append(shelf: &mut Shelf<Sim>, number: usize) -> Result<()> {
    append_all(shelf, number..number + 1).map_err(|refused| refused.error)
}

fn append_all(shelf: &mut Shelf<Sim>, numbers: Range<usize>) -> Result<(), NotTaken> {
    let events: Vec<_> = numbers
        .clone()
        .map(|number| format!("{number:0>200}"))
        .collect();
    let letters: Vec<_> = numbers
        .zip(&events)
        .map(|(number, event)| letter(number, event))
        .collect();
    let letters: Vec<_> = letters
        .iter()
        .map(|(record, kept)| Entry {
            record,
            kept: *kept,
        })
        .collect();
    shelf.append_all(&letters)
}

fn letter(number: usize, event: &str) -> (Vec<u8>, Kept<'_>) {
    let reason = if number.is_multiple_of(3) {
        "odd"
    } else {
        "even"
    };
    let letter = Letter {
        reason,
        event: event.as_bytes(),
        ..Letter::default()
    };
    let mut record = Vec::new();
    letter.write_record(&mut record);
    let kept = Kept {
        letter,
        replayed: false,
        copy_of: None,
    };
    (record, kept)
}

/// The numbers of the letters, each with its id and whether it was replayed.
fn letters(shelf: &mut Shelf<Sim>) -> Vec<(usize, Id, bool)> {
    let (begin, end) = shelf.extent().expect("no fault is left");
    let mut found = Vec::new();
    shelf
        .each(begin, end, |letter| {
            let number = std::str::from_utf8(letter.letter.event).expect("digits");
            found.push((number.parse().expect("digits"), letter.id, letter.replayed));
            Ok(())
        })
        .expect("readable");
    let counted: u64 = shelf
        .index()
        .groups()
        .values()
        .map(|count| count.letters)
        .sum();
    assert_eq!(
        counted,
        found.len() as u64,
        "the index counts what is there"
    );
    found
}

fn numbers(found: &[(usize, Id, bool)]) -> Vec<usize> {
    found.iter().map(|(number, ..)| *number).collect()
}

fn filter(condition: &str) -> Filter {
    Filter::parse([condition], UNIX_EPOCH).expect("understood")
}

/// A shelf with letters 0 to 99, those below 30 replayed.
fn filled(sim: &Sim) -> Shelf<Sim> {
    let mut shelf = open(sim).expect("new");
    (0..100).for_each(|number| append(&mut shelf, number).expect("room"));
    shelf.sync().expect("synced");
    let mut marks = Ranges::default();
    marks.add(0, 30);
    shelf.mark(&marks).expect("marked");
    shelf
}

#[test]
fn a_purge_takes_what_is_wanted_and_keeps_the_rest_in_order_with_its_marks() {
    let sim = Sim::new(1);
    let mut shelf = filled(&sim);
    let before = shelf.index().bytes();
    assert_eq!(shelf.purge(&filter("reason=odd")).expect("purged"), 34);
    let kept: Vec<usize> = (0..100).filter(|number| number % 3 != 0).collect();
    for _ in 0..2 {
        let found = letters(&mut shelf);
        assert_eq!(numbers(&found), kept);
        assert!(
            found
                .iter()
                .all(|&(number, _, replayed)| replayed == (number < 30))
        );
        assert!(
            shelf.index().bytes() < before * 3 / 4,
            "space is free again"
        );
        drop(shelf);
        shelf = open(&sim).expect("it is there");
    }
    assert_eq!(shelf.purge(&filter("replayed=true")).expect("purged"), 20);
    assert_eq!(numbers(&letters(&mut shelf)), kept[20..]);
    assert_eq!(shelf.purge(&Filter::default()).expect("purged"), 46);
    assert_eq!(letters(&mut shelf), []);
    append(&mut shelf, 100).expect("room");
    assert_eq!(numbers(&letters(&mut shelf)), [100]);
}

#[test]
fn a_power_cut_at_any_call_of_a_purge_loses_and_doubles_no_letter_that_stays() {
    let mut interrupted = 0;
    for call in 0.. {
        let sim = Sim::new(call);
        let mut shelf = filled(&sim);
        let begin = sim.calls();
        sim.inject(call, Fault::Stop);
        let purged = shelf.purge(&filter("reason=odd"));
        drop(shelf);
        if purged.is_ok() && sim.calls() < begin + call {
            break;
        }
        interrupted += u64::from(purged.is_err());
        sim.clear_faults();
        sim.cut_power();
        let mut shelf = open(&sim).expect("it opens after a power cut");
        let mut times = BTreeMap::<usize, u32>::new();
        for (number, _, replayed) in letters(&mut shelf) {
            assert_eq!(
                replayed,
                number < 30,
                "the mark of {number} is kept, call {call}"
            );
            *times.entry(number).or_default() += 1;
        }
        let doubled = times.values().any(|&times| times != 1);
        assert!(!doubled, "call {call}: {times:?}");
        let missing = (0..100).find(|number| number % 3 != 0 && !times.contains_key(number));
        assert_eq!(missing, None, "call {call}");
    }
    assert!(interrupted > 20, "{interrupted}");
}

#[test]
fn a_power_cut_at_any_call_of_a_mark_loses_no_letter_and_marks_no_other() {
    for call in 0.. {
        let sim = Sim::new(call);
        let mut shelf = filled(&sim);
        let begin = sim.calls();
        sim.inject(call, Fault::Stop);
        let mut marks = Ranges::default();
        for number in [50, 52, 99] {
            marks.add(number, number + 1);
        }
        let marked = shelf.mark(&marks);
        drop(shelf);
        let over = sim.calls() < begin + call;
        sim.clear_faults();
        sim.cut_power();
        let found = letters(&mut open(&sim).expect("it opens after a power cut"));
        assert_eq!(numbers(&found), (0..100).collect::<Vec<_>>(), "call {call}");
        let marks = [50, 52, 99].map(|number| found[number].2);
        assert!(
            marked.is_err() || marks == [true; 3],
            "call {call}: {marks:?}"
        );
        assert!(found.iter().all(|&(number, _, replayed)| {
            !replayed || number < 30 || [50, 52, 99].contains(&number)
        }));
        if over {
            return assert!(call > 0 && marked.is_ok());
        }
    }
}

#[test]
fn a_failed_disk_forgets_no_letter_that_was_synced_and_the_shelf_goes_on_when_it_is_back() {
    let sim = Sim::new(7);
    let mut shelf = filled(&sim);
    sim.inject(0, Fault::Error(io::ErrorKind::Other));
    append(&mut shelf, 100)
        .and_then(|()| shelf.sync())
        .expect_err("the disk fails");
    sim.clear_faults();
    append(&mut shelf, 101).expect("opened anew");
    shelf.sync().expect("the disk is back");
    let found = numbers(&letters(&mut shelf));
    assert!(found.starts_with(&(0..100).collect::<Vec<_>>()));
    assert!(found.ends_with(&[101]));
}

#[test]
fn a_disk_that_fails_amid_many_letters_loses_none_that_is_said_to_be_taken() {
    for call in 0.. {
        let sim = Sim::new(call);
        let mut shelf = filled(&sim);
        // More than are taken in at once, over the end of a segment.
        sim.inject(call, Fault::Error(io::ErrorKind::Other));
        let mut first = 100;
        let refused = append_all(&mut shelf, first..130);
        sim.clear_faults();
        if let Err(NotTaken { taken, .. }) = &refused {
            first += taken;
            append_all(&mut shelf, first..130).expect("the disk is back");
        }
        shelf.sync().expect("the disk is back");
        let found = numbers(&letters(&mut shelf));
        let lost: Vec<_> = (0..130).filter(|number| !found.contains(number)).collect();
        assert!(lost.is_empty(), "call {call}: {lost:?}");
        if refused.is_ok() {
            return assert!(call > 1, "no call failed");
        }
    }
}

#[test]
fn a_full_shelf_of_accepted_events_takes_no_more_until_some_are_purged() {
    let sim = Sim::new(1);
    let mut shelf = open(&sim).expect("new");
    let mut taken = 0;
    let error = loop {
        match append(&mut shelf, taken) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(shelf.index().full);
    assert_eq!(
        numbers(&letters(&mut shelf)),
        (0..taken).collect::<Vec<_>>()
    );
    let mut marks = Ranges::default();
    marks.add(0, taken as u64);
    shelf
        .mark(&marks)
        .expect("there is room to say that they were replayed");
    assert_eq!(
        shelf
            .purge(&filter("reason=odd"))
            .expect("there is room to purge"),
        taken.div_ceil(3) as u64
    );
    append(&mut shelf, taken).expect("there is room again");
    assert!(!shelf.index().full);
}
