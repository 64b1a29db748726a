//! Folders that belong to one store each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millpond_sinks::DeadLetterConfig;

use super::{Reader, Sink, join, nest};
use crate::config::model::Journal;
use crate::config::sections::RuntimeSection;

/// Where files of crashes go: among the letters that name them, when nobody says.
pub(super) fn crashes(given: Option<PathBuf>, letters: &DeadLetterConfig) -> PathBuf {
    given.unwrap_or_else(|| letters.path.join("crashes"))
}

impl Reader<'_> {
    /// Sees that no two stores are to be kept in one folder.
    pub(super) fn own_folders(
        &mut self,
        letters: Option<&DeadLetterConfig>,
        journal: Option<&Option<Journal>>,
        runtime: Option<&RuntimeSection>,
        sinks: &BTreeMap<String, Option<Sink>>,
    ) {
        let mut taken: BTreeMap<PathBuf, String> = BTreeMap::new();
        let mut take = |folder: &Path, key: &str, what: String| {
            if let Some(other) = taken.get(folder) {
                let message = format!("{folder:?} has {other}, expected a folder of its own");
                self.problem(key, &message);
            }
            taken.insert(folder.to_owned(), what);
        };
        if let Some(letters) = letters {
            take(
                &letters.path,
                "dead_letters.path",
                "the dead letters".to_owned(),
            );
        }
        if let Some(journal) = journal.and_then(Option::as_ref) {
            take(&journal.dir, "journal.dir", "the journal".to_owned());
        }
        if let Some(crashes) = runtime.and_then(|runtime| runtime.crashes.as_deref()) {
            take(crashes, "runtime.crashes", "files of crashes".to_owned());
        }
        for (name, sink) in sinks {
            let options = sink.as_ref().map(|sink| &sink.options);
            if let Some(buffer) = options.and_then(|options| options.buffer.as_ref()) {
                let key = nest(&join("sinks", name), "buffer.dir");
                take(&buffer.dir, &key, format!("the buffer of sink {name:?}"));
            }
        }
    }
}
