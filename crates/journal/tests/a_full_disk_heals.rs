//! A disk or a journal that is full refuses records before it accepts them, harms nothing that it
//! has, and goes on by itself once there is space.

mod support;

use std::io::ErrorKind;

use millpond_journal::sim::{Fault, Sim};
use millpond_journal::{Error, Journal};
use support::{read, small};

const RECORD: [u8; 100] = [7; 100];

/// Appends until it is refused.
fn fill(journal: &mut Journal<Sim>) -> Error {
    for _ in 0..1_000 {
        match journal.append(&[RECORD]) {
            Ok(_) => {}
            Err(error) => return error,
        }
    }
    panic!("a thousand records were accepted");
}

#[test]
fn a_full_disk_refuses_what_it_has_no_room_for_and_keeps_its_word_on_the_rest() {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
    sim.set_space(10_000);
    let error = fill(&mut journal);
    assert!(
        matches!(error, Error::DiskFull { .. }) && error.heals(),
        "{error}"
    );

    let accepted = journal.next_sequence();
    assert!(accepted > 5);
    assert_eq!(
        journal.sync().unwrap(),
        accepted,
        "all that was accepted has its place"
    );
    assert!(journal.append(&[RECORD]).unwrap_err().heals());

    sim.set_space(20_000);
    journal.append(&[RECORD]).unwrap();
    assert_eq!(journal.sync().unwrap(), accepted + 1);
    let (found, error) = read(&journal, 0);
    assert_eq!((found.len() as u64, error.is_none()), (accepted + 1, true));
}

#[test]
fn a_disk_that_is_full_for_a_moment_is_not_noticed_while_there_is_room() {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
    journal.append(&[RECORD]).unwrap();
    sim.inject(0, Fault::Error(ErrorKind::StorageFull));
    for _ in 0..40 {
        journal.append(&[RECORD]).unwrap();
    }
    assert_eq!(journal.sync().unwrap(), 41);
    assert_eq!(read(&journal, 0).0.len(), 41);
}

#[test]
fn a_full_journal_names_its_bound_and_goes_on_when_truncated() {
    let (mut journal, _) = Journal::open(Sim::new(1), small()).unwrap();
    let error = fill(&mut journal);
    let Error::Full {
        used,
        needed,
        bound,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((used, needed, bound), (8 * 1024, 1024, 8 * 1024));

    let all = journal.sync().unwrap();
    assert!(journal.append(&[RECORD]).unwrap_err().heals());
    journal.truncate(all / 2).unwrap();
    for _ in 0..8 {
        journal.append(&[RECORD]).unwrap();
    }
    assert_eq!(journal.sync().unwrap(), all + 8);
    assert_eq!(read(&journal, all / 2).0.len() as u64, all + 8 - all / 2);
}

#[test]
fn what_fits_in_no_segment_is_refused_by_size_and_bound() {
    let (mut journal, _) = Journal::open(Sim::new(1), small()).unwrap();
    let bound = 1024 - 48 - 32;
    journal.append(&[vec![1; bound - 4]]).unwrap();
    let error = journal.append(&[vec![1; bound - 3]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "records of {} bytes in one append, expected at most {bound}",
            bound + 1
        )
    );
    assert_eq!(journal.sync().unwrap(), 1, "the journal is none the worse");
}
