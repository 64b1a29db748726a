use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::*;
use crate::config::config_of;

fn pipeline() -> Pipeline {
    let config = config_of(json!({
        "sources": { "in": { "type": "stdin" } },
        "pipelines": { "clicks": {
            "key": "user",
            "missing_key": "dead_letter",
            "max_emit": 7,
            "stages": [
                { "type": "filter", "field": "type", "in": ["click"] },
                { "type": "remove", "name": "forget", "fields": ["ip"] },
            ],
        } },
        "sinks": { "out": { "type": "blackhole" }, "other": { "type": "blackhole" } },
    }));
    config.expect("a good configuration").pipelines.remove(0)
}

fn crash<'a>(event: &'a [u8], location: &'a str) -> Crash<'a> {
    Crash {
        pipeline: "clicks",
        stage: "forget",
        message: "it \"panicked\"\non two lines",
        location: Some(location),
        event,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("readable");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

#[test]
fn what_is_kept_comes_back_whole_with_the_pipeline_as_it_was() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path().join("crashes");
    let pipeline = pipeline();
    let keep = Crashes::new(&folder).of(&pipeline);
    for event in [&b"{\"a\":1}"[..], b"\xff\n\x00 no text\n", b""] {
        let path = keep(&crash(event, "x.rs:1:2")).expect("kept");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let file = CrashFile::read(Path::new(&path)).expect("readable");
        assert_eq!(file.event, event);
        assert_eq!(
            (&*file.head.stage, &*file.head.pipeline),
            ("forget", "clicks")
        );
        assert_eq!(file.head.message, "it \"panicked\"\non two lines");
        assert_eq!(file.head.location.as_deref(), Some("x.rs:1:2"));
        let config = file.config().expect("it was one");
        let again = &config.pipelines[0];
        assert_eq!(file::config(again), file::config(&pipeline));
        assert_eq!(again.stages[1].name, "forget");
        assert_eq!((again.max_emit, again.to.len()), (7, 2));
        // Whatever is cut off is missed.
        let bytes = fs::read(&path).expect("there");
        for cut in 0..bytes.len().saturating_sub(2) {
            fs::write(&path, &bytes[..cut]).expect("written");
            let error = CrashFile::read(Path::new(&path)).expect_err("cut short");
            assert!(error.to_string().contains("no file of a crash"), "{error}");
        }
    }
}

#[test]
fn ten_of_a_kind_are_kept_and_all_together_are_bounded() {
    let folder = tempfile::tempdir().expect("a directory");
    let crashes = Crashes::new(folder.path());
    let keep = crashes.of(&pipeline());
    let kept = (0..1_000)
        .filter_map(|_| keep(&crash(b"{}", "x.rs:1:1")))
        .count();
    assert_eq!(kept, 10);
    let last = (2..200).filter_map(|line| keep(&crash(b"{}", &format!("x.rs:{line}:1"))));
    let last = last.collect::<Vec<_>>().pop();
    let names = files(folder.path());
    assert_eq!(names.len(), FILES);
    assert_eq!(names.last().map(|path| path.display().to_string()), last);

    // Another run counts those that are there, and clears away what was not finished.
    fs::write(folder.path().join(".00-clicks-1.crash"), "{").expect("written");
    let big = vec![b' '; 30 << 20];
    let keep = Crashes::new(folder.path()).of(&pipeline());
    for line in 0..3 {
        assert!(keep(&crash(&big, &format!("y.rs:{line}:1"))).is_some());
    }
    let names = files(folder.path());
    let sizes = names
        .iter()
        .map(|path| fs::metadata(path).expect("there").len());
    assert_eq!(sizes.filter(|&size| size > 1 << 20).count(), 2);
    assert!(!folder.path().join(".00-clicks-1.crash").exists());
}

#[test]
fn a_folder_that_cannot_be_written_costs_the_file_alone() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("file");
    fs::write(&path, "").expect("written");
    let keep = Crashes::new(&path).of(&pipeline());
    assert_eq!(keep(&crash(b"{}", "x.rs:1:1")), None);
}
