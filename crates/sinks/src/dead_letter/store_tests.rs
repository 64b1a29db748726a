use super::*;
use crate::testing::records;

const MAX: u64 = 64 << 10;

fn store(dir: &Path) -> DeadLetterStore {
    DeadLetterStore::open(dir, MAX).expect("opened")
}

fn all_lines(dir: &Path) -> Vec<String> {
    segments(dir)
        .expect("listed")
        .iter()
        .flat_map(|(number, _)| {
            let text = fs::read_to_string(dir.join(file_name(*number))).expect("readable");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

fn size(dir: &Path) -> u64 {
    let found = segments(dir).expect("listed");
    found.iter().map(|(_, bytes)| bytes).sum()
}

#[test]
fn a_full_store_drops_its_oldest_counts_them_and_stays_in_bounds() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = store(dir.path());
    let view = store.view();
    let letters: Vec<_> = (0..2_000).map(|i| format!("{i:0>99}")).collect();
    for batch in letters.chunks(77) {
        let rows = records(batch.iter().map(String::as_str));
        store.write(&[Rows::whole(&rows)]).expect("written");
        assert!(size(dir.path()) <= MAX);
    }
    let kept = all_lines(dir.path());
    assert_eq!(
        kept,
        letters[letters.len() - kept.len()..],
        "the newest, in order"
    );
    assert_eq!(view.dropped(), (letters.len() - kept.len()) as u64);
    assert!(
        kept.len() as u64 * 100 > MAX - 2 * (MAX / 16),
        "no more is dropped than needed"
    );
    assert_eq!(view.bytes(), size(dir.path()));
    assert_eq!(
        view.segments(),
        segments(dir.path()).expect("listed").len() as u64
    );
}

#[test]
fn a_restart_goes_on_where_the_store_ended() {
    let dir = tempfile::tempdir().expect("a directory");
    let rows = records((0..100).map(|_| "0123456789012345678901234567890123456789012345678"));
    for _ in 0..4 {
        let mut store = store(dir.path());
        store.write(&[Rows::whole(&rows)]).expect("written");
    }
    let found = segments(dir.path()).expect("listed");
    assert_eq!(
        found.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(store(dir.path()).view().bytes(), 20_000);
    let mut small = DeadLetterStore::open(dir.path(), 9_000).expect("opened");
    assert!(
        size(dir.path()) <= 9_000,
        "a smaller bound holds from the start"
    );
    assert!(small.view().dropped() > 200);
    small.write(&[Rows::whole(&rows)]).expect("written");
    assert!(size(dir.path()) <= 9_000);
}

#[test]
fn a_letter_torn_by_a_crash_does_not_run_into_the_next_one() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join(file_name(7)), "{\"a\":1}\n{\"b\"").expect("written");
    let mut store = store(dir.path());
    let rows = records(["c"]);
    store.write(&[Rows::whole(&rows)]).expect("written");
    assert_eq!(all_lines(dir.path()), ["{\"a\":1}", "{\"b\"", "c"]);
    assert!(dir.path().join(file_name(7)).exists());
}

#[test]
fn letters_larger_than_a_segment_and_than_the_store_keep_the_bound() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = store(dir.path());
    let (large, huge) = ("x".repeat(40 << 10), "y".repeat(MAX as usize));
    let rows = records(["a", &large, &huge, "b", &large, "c"]);
    store.write(&[Rows::whole(&rows)]).expect("written");
    assert!(size(dir.path()) <= MAX);
    let kept: Vec<_> = all_lines(dir.path())
        .into_iter()
        .map(|line| line[..1].to_owned())
        .collect();
    assert_eq!(kept, ["b", "x", "c"]);
    assert_eq!(
        store.view().dropped(),
        3,
        "the huge one, and two to make room"
    );
}

#[test]
fn two_stores_never_share_a_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = store(dir.path());
    let second = DeadLetterStore::open(dir.path(), MAX);
    assert!(matches!(second.err(), Some(SinkError::InUse { .. })));
    drop(first);
    store(dir.path());
}

#[test]
fn strangers_in_the_directory_are_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in [
        "notes.txt",
        "dead-letters-1.ndjson",
        "dead-letters-x.ndjson",
    ] {
        fs::write(dir.path().join(name), "mine").expect("written");
    }
    store(dir.path());
    assert_eq!(segments(dir.path()).expect("listed"), [(1, 0)]);
}

#[test]
fn a_bad_table_names_its_key_and_what_was_expected() {
    for (max, path, key) in [("1KiB", "x", "max"), ("1GiB", "", "path")] {
        let table = serde_json::json!({ "path": path, "max": max });
        let config: DeadLetterConfig = serde_json::from_value(table).expect("well-formed");
        let error = config.validate().expect_err("refused");
        assert_eq!(error.key, key);
        assert!(error.message.contains("expected"), "{error}");
    }
    let config = DeadLetterConfig::new("x");
    assert_eq!(config.max, ByteSize::gib(1));
    config.validate().expect("valid");
}
