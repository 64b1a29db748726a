use super::*;
use crate::{Error, Found, Letter, Letters};

const MAX: u64 = 64 << 10;

fn record(class: Class, event: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    let stage = match class {
        Class::Rejects => "decode",
        Class::Accepted => "explode",
    };
    Letter {
        class,
        stage,
        reason: "because",
        event,
        ..Letter::default()
    }
    .write_record(&mut record);
    record
}

fn put(store: &DeadLetters, class: Class, event: &[u8]) -> Result<(), Error> {
    let appended = store.append([&record(class, event)[..]]);
    appended.map_err(|refused| refused.error)
}

fn read<T>(folder: &Path, mut of: impl FnMut(&Found<'_>) -> T) -> Vec<T> {
    let mut all = Vec::new();
    let letters = Letters::open(folder).expect("readable");
    letters
        .each(&Filter::default(), |found| {
            all.push(of(found));
            Ok::<_, Error>(true)
        })
        .expect("readable");
    all
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder");
    let entry = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry");
    let of = |entry: fs::DirEntry| {
        let metadata = entry.metadata().expect("it is there");
        if metadata.is_dir() {
            size(&entry.path())
        } else {
            metadata.len()
        }
    };
    entries.map(entry).map(of).sum()
}

#[test]
fn rejects_drop_their_oldest_counted_and_within_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), MAX).expect("new");
    for number in 0..600_u32 {
        put(&store, Class::Rejects, format!("{number:0>99}").as_bytes()).expect("room is made");
        // The checkpoints and the locks come on top.
        assert!(number % 50 > 0 || size(folder.path()) <= MAX + (16 << 10));
    }
    store.sync().expect("synced");
    let kept = read(folder.path(), |found| {
        String::from_utf8(found.letter.event.to_vec())
    });
    let expected = (600 - kept.len()..600).map(|number| Ok(format!("{number:0>99}")));
    assert_eq!(kept, expected.collect::<Vec<_>>(), "the newest, in order");
    assert_eq!(store.view().deleted(), 600 - kept.len() as u64);
    let counts = store.view().groups(Class::Rejects);
    let counted: u64 = counts.values().map(|count| count.letters).sum();
    assert_eq!(counted, kept.len() as u64);
    assert!(
        kept.len() as u64 * 100 > MAX / 8,
        "no more is dropped than needed: {}",
        kept.len()
    );
    assert!(store.view().bytes() <= MAX);
}

#[test]
fn junk_pushes_out_no_accepted_event_and_a_full_store_still_takes_junk() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), MAX).expect("new");
    let mut accepted = 0_u64;
    while put(&store, Class::Accepted, &[b'a'; 500]).is_ok() {
        accepted += 1;
    }
    assert!(store.view().is_full() && accepted > 10);
    for _ in 0..300 {
        put(&store, Class::Rejects, &[b'r'; 100]).expect("room is made");
    }
    store.sync().expect("synced");
    let classes = read(folder.path(), |found| found.id.class);
    let found = classes.iter().filter(|class| **class == Class::Accepted);
    assert_eq!(found.count() as u64, accepted);
    assert_eq!(
        store.purge(&Filter::default()).expect("purged"),
        classes.len() as u64
    );
    put(&store, Class::Accepted, b"a").expect("there is room again");
    assert!(!store.view().is_full());
}

#[test]
fn an_original_that_does_not_fit_keeps_its_beginning_its_length_and_its_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), MAX).expect("new");
    let huge: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    put(&store, Class::Accepted, &huge).expect("its beginning fits");
    put(&store, Class::Accepted, b"small").expect("fits");
    store.sync().expect("synced");
    let found = read(folder.path(), |found| {
        (found.letter.event.to_vec(), found.letter.truncated)
    });
    let truncated = found[0].1.expect("it was cut");
    assert_eq!(truncated.length, 100_000);
    assert_eq!(truncated.hash, xxhash_rust::xxh3::xxh3_64(&huge));
    assert_eq!(found[0].0, huge[..1024]);
    assert_eq!(found[1], (b"small".to_vec(), None));
}

#[test]
fn letters_marks_and_counts_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), MAX).expect("new");
    for class in Class::ALL {
        (0..5).for_each(|_| put(&store, class, b"{}").expect("room"));
    }
    store.sync().expect("synced");
    let [first, third] = [0, 2].map(|sequence| Id {
        class: Class::Accepted,
        sequence,
    });
    store.mark_replayed(&[third, first]).expect("marked");
    let counts = Class::ALL.map(|class| store.view().groups(class));
    assert!(
        DeadLetters::open(folder.path(), MAX)
            .err()
            .expect("in use")
            .is_locked()
    );
    drop(store);
    let store = DeadLetters::open(folder.path(), MAX).expect("free again");
    assert_eq!(Class::ALL.map(|class| store.view().groups(class)), counts);
    let replayed = read(folder.path(), |found| (found.id, found.replayed));
    let marked: Vec<Id> = replayed
        .iter()
        .filter(|(_, replayed)| *replayed)
        .map(|(id, _)| *id)
        .collect();
    assert_eq!((replayed.len(), marked), (10, vec![first, third]));
    let latest = store.view().latest();
    let shown: Vec<Id> = latest
        .iter()
        .filter(|letter| letter.replayed)
        .map(|letter| letter.id)
        .collect();
    assert_eq!((latest.len(), shown), (10, vec![third, first]));
}

#[test]
fn a_store_that_may_be_smaller_than_it_was_makes_room_and_one_of_unknown_size_can_be_purged() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), 16 << 20).expect("new");
    for number in 0..1_000_u32 {
        put(&store, Class::Rejects, &number.to_le_bytes().repeat(200)).expect("room");
        put(&store, Class::Accepted, &number.to_le_bytes()).expect("room");
    }
    store.sync().expect("synced");
    drop(store);
    let store = DeadLetters::open(folder.path(), MAX).expect("opened");
    for number in 0..1_000_u32 {
        put(&store, Class::Rejects, &number.to_le_bytes().repeat(20)).expect("room is made");
    }
    store.sync().expect("synced");
    let deleted = store.view().deleted();
    assert!(deleted > 1_000, "{deleted}");
    assert!(store.view().is_full() || put(&store, Class::Accepted, b"a").is_err());
    assert_eq!(
        read(folder.path(), |found| found.id.class)
            .into_iter()
            .filter(|class| *class == Class::Accepted)
            .count(),
        1_000,
        "none is deleted for being too many"
    );
    drop(store);
    let store = DeadLetters::open_as_it_is(folder.path()).expect("opened");
    let half = Filter::parse(["class=accepted"], std::time::UNIX_EPOCH).expect("understood");
    assert_eq!(store.purge(&half).expect("there is room to purge"), 1_000);
    let left = read(folder.path(), |found| found.id.class);
    assert!(!left.is_empty() && left.iter().all(|class| *class == Class::Rejects));
}

#[test]
fn the_letters_of_both_journals_come_oldest_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), MAX).expect("new");
    for time_micros in 0..200 {
        let class = Class::ALL[(time_micros % 7 % 2) as usize];
        let mut record = Vec::new();
        Letter {
            class,
            time_micros,
            ..Letter::default()
        }
        .write_record(&mut record);
        store
            .append([&record[..]])
            .map_err(|refused| refused.error)
            .expect("room");
    }
    store.sync().expect("synced");
    let times = read(folder.path(), |found| found.letter.time_micros);
    assert_eq!(times, (0..200).collect::<Vec<_>>());
}

#[test]
fn strangers_in_the_folder_are_left_alone_and_a_record_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("dead-letters-000001.ndjson");
    fs::write(&old, "{}\n").expect("written");
    let store = DeadLetters::open(folder.path(), MAX).expect("new");
    assert_eq!(fs::read(&old).expect("still there"), b"{}\n");
    let NotTaken { taken, error } = store
        .append([&record(Class::Accepted, b"{}")[..], b"{}"])
        .expect_err("no letter");
    assert_eq!(taken, 1);
    assert!(error.to_string().contains("expected a letter"), "{error}");
}

/// Records of both classes, some of each in turn.
fn mixed(count: usize) -> Vec<Vec<u8>> {
    let class = |number: usize| Class::ALL[number / 7 % 2];
    (0..count)
        .map(|number| record(class(number), format!("{number:0>60}").as_bytes()))
        .collect()
}

fn append_all(store: &DeadLetters, records: &[Vec<u8>]) -> Result<(), NotTaken> {
    store.append(records.iter().map(Vec::as_slice))
}

#[test]
fn letters_taken_in_at_once_are_kept_counted_and_shown_like_those_that_come_one_by_one() {
    let records = mixed(1_000);
    let kept = [1, records.len()].map(|at_once| {
        let folder = tempfile::tempdir().expect("a folder");
        let store = DeadLetters::open(folder.path(), 4 << 20).expect("new");
        for some in records.chunks(at_once) {
            append_all(&store, some).expect("room");
        }
        store.sync().expect("synced");
        let letters = read(folder.path(), |found| {
            (found.id, found.letter.event.to_vec())
        });
        assert_eq!(letters.len(), records.len());
        let view = store.view();
        let groups = Class::ALL.map(|class| view.groups(class));
        (letters, groups, view.latest(), view.bytes())
    });
    assert_eq!(kept[0], kept[1]);
}

#[test]
fn a_store_that_fills_up_amid_letters_says_how_many_it_took_and_takes_the_rest_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), 1 << 20).expect("new");
    let records: Vec<_> = (0..6_000)
        .map(|number| record(Class::Accepted, format!("{number:0>60}").as_bytes()))
        .collect();
    let (mut taken, mut found) = (0, Vec::new());
    for fill in 0.. {
        let refused = append_all(&store, &records[taken..]);
        store.sync().expect("synced");
        found.extend(read(folder.path(), |found| found.letter.event.to_vec()));
        let Err(NotTaken { taken: more, error }) = refused else {
            assert!(fill > 0, "it never was full");
            break;
        };
        assert!(matches!(error, Error::Full { .. }), "{error}");
        assert!(more > 100 && store.view().is_full(), "{more}");
        taken += more;
        assert_eq!(found.len(), taken, "what was taken is there, and no more");
        store.purge(&Filter::default()).expect("purged");
    }
    let all: Vec<_> = (0..6_000)
        .map(|number| format!("{number:0>60}").into_bytes())
        .collect();
    assert!(found == all, "each is there once, in order");
}

#[test]
fn rejects_that_come_all_at_once_drop_their_oldest_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DeadLetters::open(folder.path(), 1 << 20).expect("new");
    let records: Vec<_> = (0..6_000)
        .map(|number| record(Class::Rejects, format!("{number:0>60}").as_bytes()))
        .collect();
    append_all(&store, &records).expect("room is made");
    store.sync().expect("synced");
    let kept = read(folder.path(), |found| {
        String::from_utf8(found.letter.event.to_vec())
    });
    let expected = (6_000 - kept.len()..6_000).map(|number| Ok(format!("{number:0>60}")));
    assert_eq!(kept, expected.collect::<Vec<_>>(), "the newest, in order");
    let view = store.view();
    assert_eq!(view.deleted(), 6_000 - kept.len() as u64);
    let counted = view.groups(Class::Rejects).into_values();
    assert_eq!(
        counted.map(|count| count.letters).sum::<u64>(),
        kept.len() as u64
    );
    let last = view.latest().first().map(|letter| letter.id.sequence);
    assert_eq!(last, Some(5_999));
    assert!(view.bytes() <= 1 << 19);
}
