//! The journal in front of the pipelines: opened, checked against the configuration, and kept in records
//! of whole chunks.

mod keep;
mod layout;
mod passage;
mod record;
mod resume;
mod verb;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use millpond_ingest::Resume;
use millpond_journal::{Files, Journal, Options, Report};

use crate::config::{Config, JournalConfig, Place};
use crate::error::StartError;
pub(crate) use keep::Keeper;
pub(crate) use passage::Passage;
pub(crate) use verb::run;

/// A journal that is open, and what it remembers.
pub(crate) struct OpenJournal {
    pub(crate) folder: PathBuf,
    pub(crate) journal: Journal<Files>,
    /// How far files were read, by source.
    pub(crate) resume: HashMap<String, Resume>,
    pub(crate) at: Place,
}

/// Opens the journal and sees whether its backlog fits the configuration.
///
/// # Errors
/// Names the folder, and what is wrong with it.
pub(crate) fn open(config: &Config, section: &JournalConfig) -> Result<OpenJournal, StartError> {
    let failed = |error: &dyn std::fmt::Display| {
        let folder = section.dir.display();
        StartError::failed_at(&section.at, format!("the journal in {folder}: {error}"))
    };
    let (journal, report) =
        open_folder(&section.dir, options(section)).map_err(|error| failed(&error))?;
    for damage in &report.damages {
        tracing::error!(%damage, "the journal is damaged; what is behind it is served, and nothing from there on is let go of until `millpond journal accept-damage`");
    }
    if let Some(torn) = &report.torn_tail {
        let from = torn.from;
        tracing::info!(
            from,
            "a write that was cut short was removed; it was never acknowledged"
        );
    }
    let found = resume::scan(&journal, config.reads_files()).map_err(|error| failed(&error))?;
    layout::check(&section.dir, config, found.backlog).map_err(|error| failed(&error))?;
    let records = journal.next_sequence() - journal.committed_sequence();
    if found.backlog {
        tracing::info!(records, "the journal holds events that were not delivered");
    }
    Ok(OpenJournal {
        folder: section.dir.clone(),
        journal,
        resume: found.resume,
        at: section.at.clone(),
    })
}

/// Opens the journal in a folder, which is made if it is not there.
pub(crate) fn open_folder(
    folder: &Path,
    options: Options,
) -> millpond_journal::Result<(Journal<Files>, Report)> {
    Journal::open(Files::open(folder)?, options)
}

/// A journal's options as configured.
pub(crate) fn options(section: &JournalConfig) -> Options {
    Options {
        segment_bytes: section.segment,
        max_bytes: section.max,
        ..Options::default()
    }
}
