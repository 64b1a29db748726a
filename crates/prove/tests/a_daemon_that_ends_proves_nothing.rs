//! A daemon that does not run, or ends, is found out at once and by name.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use millpond_prove::{Fault, Options, Settings, prove};

#[test]
fn it_is_told_how_it_ended_and_what_it_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let binary = dir.path().join("daemon");
    fs::write(&binary, "#!/bin/sh\necho 'no such luck' >&2\nexit 3\n").expect("written");
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).expect("executable");
    let mut options = Options {
        binary,
        rounds: 3,
        seed: 1,
        events_per_round: 100,
        clients: 2,
        faults: vec![Fault::Kill],
        settings: Settings::default(),
        scratch_in: Some(dir.path().to_owned()),
        keep: None,
    };
    let mut out = Vec::new();
    let proved = prove(&options, &mut out).expect("a verdict");
    let text = String::from_utf8(out).expect("text");
    assert!(!proved && text.contains("NOT PROVED"), "{text}");
    assert!(text.contains("ended by itself: exit status: 3"), "{text}");
    assert!(text.contains("no such luck"), "{text}");

    options.binary = dir.path().join("nothing");
    let error = prove(&options, &mut Vec::new()).expect_err("nothing to run");
    let error = error.to_string();
    assert!(
        error.contains("cannot run") && error.contains("nothing"),
        "{error}"
    );
}
