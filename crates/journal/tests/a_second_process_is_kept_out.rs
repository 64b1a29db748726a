//! Two writers on one journal would overwrite each other's records.

use std::process::Command;

use millpond_journal::{Error, Files, Journal, Options};

/// Set for the child, which is this very test run again.
const FOLDER: &str = "MILLPOND_JOURNAL_TEST_FOLDER";

#[test]
fn whoever_comes_second_is_told_and_may_come_later() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let refused = matches!(Files::open(&folder), Err(Error::Locked { .. }));
        assert!(refused, "the folder was free");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("made/on/the/way");
    let refuses = |folder: &std::path::Path| {
        Command::new(std::env::current_exe().unwrap())
            .arg("whoever_comes_second_is_told_and_may_come_later")
            .env(FOLDER, folder)
            .output()
            .unwrap()
            .status
            .success()
    };
    let (mut journal, _) =
        Journal::open(Files::open(&folder).unwrap(), Options::default()).unwrap();
    assert!(refuses(&folder), "another process is kept out");
    let error = Files::open(&folder).unwrap_err();
    assert!(
        matches!(error, Error::Locked { .. }),
        "and so is this one: {error}"
    );

    journal.append(&["kept"]).unwrap();
    journal.sync().unwrap();
    drop(journal);
    assert!(!refuses(&folder), "the lock goes with the journal");
    let (journal, report) =
        Journal::open(Files::open(&folder).unwrap(), Options::default()).unwrap();
    assert_eq!(report, Default::default());
    assert_eq!(journal.next_sequence(), 1);
}
