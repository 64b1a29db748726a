use std::collections::BTreeMap;

use bytesize::ByteSize;
use serde_json::Value;

use super::Reader;
use crate::config::model::{Apart, Component, Journal};
use crate::config::problem::{join, nest};
use crate::config::sections::{Isolation, JournalSection, RuntimeSection};
use crate::config::workers::Workers;

/// The most that a journal takes in one record.
const RECORD_MAX: u64 = 16 << 20;
/// What may lie beside the longest line in a chunk, and what a record adds.
const BUFFER: u64 = 1 << 20;

/// The journal, and what has to fit into something else.
impl Reader<'_> {
    /// The journal, if its section is right by itself.
    pub(super) fn journal(&mut self, section: Value) -> Option<Journal> {
        let section: JournalSection = self.section("journal", Some(section))?;
        let (max, segment) = (section.max.as_u64(), section.segment.as_u64());
        if max < 2 * segment {
            let message = format!(
                "{} holds no two segments of {}, expected at least {}",
                section.max,
                section.segment,
                ByteSize(2 * segment)
            );
            self.problem("journal.max", &message);
            return None;
        }
        if section.dir.as_os_str().is_empty() {
            self.problem("journal.dir", "\"\" is no folder, expected a path");
            return None;
        }
        Some(Journal {
            dir: section.dir,
            max,
            segment,
            at: self.place("journal.dir"),
        })
    }

    /// How many workers there are, and how they run their stages in processes of their own, if they do.
    pub(super) fn apart(&mut self, runtime: &RuntimeSection) -> Option<(Workers, Option<Apart>)> {
        if runtime.isolation == Isolation::Thread {
            return Some((runtime.workers, None));
        }
        let Some(workers) = runtime.workers.unmoved() else {
            let message = "bounds are for workers that are threads, and `isolation` is \"process\": \
                           expected \"auto\" (as many as there are cores) or a number";
            self.problem("runtime.workers", message);
            return None;
        };
        let apart = Apart {
            memory: runtime.worker_memory.as_u64(),
            timeout: runtime.stage_timeout,
        };
        Some((workers, Some(apart)))
    }

    /// A line longer than the whole budget, or than a record of the journal, could not be taken in.
    /// `defaults`: also one that nobody chose.
    pub(super) fn fits(
        &mut self,
        sources: &BTreeMap<String, Option<Component>>,
        bound: ByteSize,
        what: &str,
        defaults: bool,
    ) {
        for source in sources.values().flatten() {
            // `max_decompressed` is as large as `max_body` unless somebody chose it.
            let sizes = [
                ("max_line", Some("1MiB")),
                ("max_body", Some("8MiB").filter(|_| source.kind == "http")),
                ("max_decompressed", None),
            ];
            for (key, default) in sizes {
                let default = default.filter(|_| defaults).map(Value::from);
                let Some(size) = source.params.get(key).or(default.as_ref()) else {
                    continue;
                };
                if serde_json::from_value(size.clone()).is_ok_and(|size: ByteSize| size > bound) {
                    let message = format!("{size} is more than {what}, expected at most {bound}");
                    self.problem(&nest(&source.at.key, key), &message);
                }
            }
        }
    }

    /// What a journal asks of the sources.
    pub(super) fn beside_journal(
        &mut self,
        journal: &Journal,
        sources: &BTreeMap<String, Option<Component>>,
    ) {
        let bound = ByteSize(journal.segment.min(RECORD_MAX) - BUFFER);
        self.fits(sources, bound, "what the journal keeps in one record", true);
    }

    /// Without a journal, no source can say that something is durable.
    pub(super) fn nothing_is_durable(&mut self) {
        for source in std::mem::take(&mut self.durable) {
            let key = nest(&join("sources", &source), "ack");
            let message = "\"durable\" needs a journal, and there is no section [journal]: \
                           expected \"received\" or \"delivered\"";
            self.problem(&key, message);
        }
    }
}
