//! What the simulated storage says of a full disk, on a real file system that is full: a small one in
//! memory, which takes the right to mount it.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use millpond_journal::{Error, Files, Journal, Options};

static RECORD: [u8; 100_000] = [7; 100_000];

/// A file system of a few mebibytes, gone when dropped.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// `None` where mounting is not possible.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "millpond-test"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                support::skipped(why.trim());
                None
            }
            Err(error) => {
                support::skipped(error);
                None
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, so that it goes even if a test that failed still has files open.
        let unmounted = Command::new("umount")
            .arg("-l")
            .arg(self.folder.path())
            .status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn open(folder: &Path) -> Journal<Files> {
    let options = Options {
        segment_bytes: 1 << 20,
        max_bytes: 64 << 20,
        ..Options::default()
    };
    let files = Files::open(folder).expect("nobody else has it");
    let (journal, report) = Journal::open(files, options).expect("a full disk can be read");
    assert_eq!(report, Default::default());
    journal
}

fn count(journal: &Journal<Files>) -> u64 {
    let mut reader = journal.reader(0).expect("nothing was truncated");
    let mut count = 0;
    while let Some(records) = reader.next_records().expect("nothing is damaged") {
        count += records.filter(|(_, record)| *record == RECORD).count() as u64;
    }
    count
}

#[test]
fn it_refuses_while_full_loses_nothing_and_accepts_at_once_when_there_is_space() {
    let Some(disk) = Disk::mount("8m") else {
        return;
    };
    let ballast = disk.folder.path().join("ballast");
    std::fs::write(&ballast, vec![1; 3 << 20]).expect("it fits");
    let folder = disk.folder.path().join("journal");
    let mut journal = open(&folder);
    let mut accepted = 0;
    let error = loop {
        match journal.append(&[RECORD]) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 1_000, "a disk of 8 MiB takes everything");
    };
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert!(accepted > 20, "{accepted} records filled 5 MiB");
    let durable = journal.sync().expect("all that was accepted has its place");
    assert_eq!(durable, accepted);
    assert!(journal.append(&[RECORD]).is_err_and(|error| error.heals()));
    journal.truncate(0).expect("a position can be stored");
    assert_eq!(count(&journal), accepted);

    drop(journal);
    let mut journal = open(&folder);
    assert_eq!(count(&journal), accepted, "nor does an opening need space");
    while journal.append(&[RECORD]).is_ok() {
        accepted += 1;
        assert!(accepted < 1_000, "what the opening freed is all there is");
    }

    std::fs::remove_file(&ballast).expect("it is there");
    let begin = Instant::now();
    journal.append(&[RECORD]).expect("there is space");
    let durable = journal.sync().expect("there is space");
    assert_eq!(durable, accepted + 1);
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(count(&journal), accepted + 1);
    drop(journal);
    assert_eq!(count(&open(&folder)), accepted + 1);
}
