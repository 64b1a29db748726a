//! Every byte of a small journal is damaged in turn, and every file cut everywhere and removed: each
//! record is served as it was written, or reported as lost.

mod support;

use std::collections::BTreeMap;

use millpond_journal::sim::Sim;
use millpond_journal::{Error, Journal, Report, Storage};
use support::{read, small};

/// A journal of several segments and groups as it lies on disk, and what it holds.
struct Specimen {
    files: BTreeMap<String, Vec<u8>>,
    records: Vec<Vec<u8>>,
    committed: u64,
    /// The first sequence of the last group, which may be taken for a write that was cut short.
    last_group: u64,
}

fn specimen(committed: u64) -> Specimen {
    make(16, |group, _| if group < 9 { 0 } else { committed })
}

/// One whose segments were all in use before, and are full of what is done with.
fn used_specimen() -> Specimen {
    make(60, |_, records| records.saturating_sub(14))
}

/// One whose last group is the first of its segment, with nothing before it to tell how it should go on.
fn begun_specimen() -> Specimen {
    let in_use = |specimen: &Specimen| {
        let files = specimen.files.iter();
        let segments = files.filter(|(name, _)| name.ends_with(".segment"));
        let written = segments.filter(|(_, bytes)| bytes.iter().any(|&byte| byte != 0));
        written.count()
    };
    let specimens: Vec<_> = (10..20).map(|groups| make(groups, |_, _| 0)).collect();
    let at = specimens
        .windows(2)
        .position(|pair| in_use(&pair[0]) < in_use(&pair[1]));
    let at = at.expect("ten groups fill a segment") + 1;
    specimens.into_iter().nth(at).expect("it was found")
}

/// Groups of one to four frames; `committed` says what is done with after each of them.
fn make(groups: usize, committed: impl Fn(usize, u64) -> u64) -> Specimen {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).expect("nothing is there yet");
    let mut records = Vec::new();
    let mut last_group = 0;
    for group in 0..groups {
        last_group = records.len() as u64;
        for number in 0..=group % 4 {
            let record = vec![b'a' + group as u8; 40 + 20 * number];
            journal.append(&[&record]).expect("there is room");
            records.push(record);
        }
        journal.sync().expect("no fault is injected");
        let committed = committed(group, records.len() as u64);
        journal.truncate(committed).expect("that much is durable");
    }
    let committed = journal.committed_sequence();
    drop(journal);
    let names = sim.list().expect("no fault is injected");
    let files = names.into_iter().map(|name| {
        let bytes = sim.contents(&name).expect("it was listed");
        (name, bytes)
    });
    Specimen {
        files: files.collect(),
        records,
        committed,
        last_group,
    }
}

impl Specimen {
    fn each_file(&self, mut damage: impl FnMut(&str, &[u8])) {
        assert!(self.files.len() >= 4, "{:?}", self.files.keys());
        for (name, bytes) in &self.files {
            damage(name, bytes);
        }
    }

    /// Opens the journal with `bytes` in place of `name`, or without it, and compares.
    fn check(&self, name: &str, bytes: Option<&[u8]>, what: &str) -> Report {
        let sim = Sim::new(1);
        for (other, original) in &self.files {
            match bytes {
                Some(bytes) if other == name => sim.put(name, bytes),
                None if other == name => {}
                _ => sim.put(other, original),
            }
        }
        let what = format!("{name}, {what}");
        let (mut journal, report) =
            Journal::open(sim.clone(), small()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let begin = journal.committed_sequence();
        assert!(
            begin <= self.committed || report.checkpoint_unreadable,
            "{what}: {begin}"
        );

        let (mut found, error) = read(&journal, begin);
        if let Some(first) = report.damages.first() {
            assert!(
                matches!(error, Some(Error::Damaged(_))),
                "{what}: {error:?}"
            );
            assert_eq!(
                found.last().map_or(begin, |(last, _)| last + 1),
                first.from,
                "{what}"
            );
            let passed = first.to.map(|to| journal.truncate(to));
            assert!(
                passed.is_none_or(|passed| passed.is_err()),
                "{what}: passed over"
            );
            let kept = bytes.is_none_or(|bytes| {
                !name.ends_with(".segment") || sim.contents(name).as_deref() == Some(bytes)
            });
            assert!(kept, "{what}: the damaged file was changed");
            journal.accept_damage().expect("no fault is injected");
            let (all, error) = read(&journal, begin);
            assert!(error.is_none(), "{what}: {error:?}");
            found = all;
        } else {
            assert!(error.is_none(), "{what}: {error:?}");
        }
        self.compare(&found, begin, &report, &what);
        goes_on(sim, journal, &what);
        report
    }

    /// Whether each record was found as it was, or is among what the report gives up.
    fn compare(&self, found: &[(u64, Vec<u8>)], begin: u64, report: &Report, what: &str) {
        let found: BTreeMap<u64, &Vec<u8>> = found.iter().map(|(at, bytes)| (*at, bytes)).collect();
        for (at, bytes) in (0..).zip(&self.records).skip(begin as usize) {
            let lost = report
                .damages
                .iter()
                .any(|damage| damage.from <= at && damage.to.is_none_or(|to| at < to));
            let torn = report
                .torn_tail
                .as_ref()
                .is_some_and(|torn| torn.from <= at);
            match found.get(&at) {
                Some(found) => assert_eq!(*found, bytes, "{what}: record {at}"),
                None if lost => {}
                None => {
                    assert!(torn, "{what}: record {at} is gone in silence, {report:?}");
                    assert!(
                        at >= self.last_group,
                        "{what}: record {at} was synced before another"
                    );
                }
            }
        }
        let end = self.records.len() as u64;
        assert!(
            found.keys().all(|at| *at < end),
            "{what}: records were made up"
        );
    }
}

/// New records are taken in, and are there after another opening.
fn goes_on(sim: Sim, mut journal: Journal<Sim>, what: &str) {
    let first = journal.next_sequence();
    journal
        .append(&["new"])
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    journal
        .sync()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    drop(journal);
    sim.cut_power();
    let (mut journal, _) =
        Journal::open(sim, small()).unwrap_or_else(|error| panic!("{what}, again: {error}"));
    journal.accept_damage().expect("no fault is injected");
    let (found, error) = read(&journal, first);
    assert!(error.is_none(), "{what}, again: {error:?}");
    assert_eq!(found, [(first, b"new".to_vec())], "{what}, again");
}

#[test]
fn any_byte_may_flip() {
    let mut damaged = 0;
    for specimen in [specimen(0), specimen(13), used_specimen()] {
        specimen.each_file(|name, bytes| {
            for offset in 0..bytes.len() {
                for mask in [1 << (offset % 8), 0xff] {
                    let mut bytes = bytes.to_vec();
                    bytes[offset] ^= mask;
                    let what = format!("byte {offset} ^ {mask}, committed {}", specimen.committed);
                    let report = specimen.check(name, Some(&bytes), &what);
                    damaged += usize::from(!report.damages.is_empty());
                }
            }
        });
    }
    assert!(damaged > 3_000, "{damaged} flips did damage");
}

#[test]
fn any_half_sector_may_turn_to_zeros_or_noise() {
    for specimen in [specimen(0), used_specimen(), begun_specimen()] {
        specimen.each_file(|name, bytes| {
            for begin in (0..bytes.len()).step_by(256) {
                for noise in [false, true] {
                    let mut random = fastrand::Rng::with_seed(begin as u64);
                    let mut bytes = bytes.to_vec();
                    let end = bytes.len().min(begin + 256);
                    bytes[begin..end].fill_with(|| if noise { random.u8(..) } else { 0 });
                    let what = format!("noise {noise} from {begin} on");
                    specimen.check(name, Some(&bytes), &what);
                }
            }
        });
    }
}

#[test]
fn the_only_group_of_a_segment_may_turn_to_noise_when_no_checkpoint_tells_of_it() {
    let mut specimen = begun_specimen();
    specimen.files.remove("checkpoint");
    let mut torn = 0;
    specimen.each_file(|name, bytes| {
        let mut bytes = bytes.to_vec();
        fastrand::Rng::with_seed(1).fill(&mut bytes[..256]);
        let report = specimen.check(name, Some(&bytes), "noise, and no checkpoint");
        torn += u32::from(report.torn_tail.is_some());
    });
    assert!(torn > 0, "the last segment in use was among them");
}

#[test]
fn any_file_may_be_cut_anywhere() {
    for specimen in [specimen(0), specimen(13), used_specimen()] {
        specimen.each_file(|name, bytes| {
            for length in 0..bytes.len() {
                specimen.check(name, Some(&bytes[..length]), &format!("cut to {length}"));
            }
        });
    }
}

#[test]
fn any_file_may_be_missing() {
    for specimen in [specimen(0), specimen(13), used_specimen()] {
        specimen.each_file(|name, _| {
            specimen.check(name, None, "removed");
        });
    }
}

#[test]
fn a_journal_that_nothing_can_be_told_of_is_left_alone() {
    let specimen = specimen(0);
    let sim = Sim::new(1);
    for (name, bytes) in specimen.files {
        sim.put(&name, &vec![0x55; bytes.len()]);
    }
    let before = sim.calls();
    let opened = Journal::open(sim.clone(), small()).map(|_| ());
    assert!(matches!(opened, Err(Error::Unreadable)), "{opened:?}");
    assert_eq!(sim.calls(), before, "nothing was changed");
}
