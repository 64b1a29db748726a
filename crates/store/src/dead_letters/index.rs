//! What the writer knows of the letters without reading them: how many there are, in runs by time.

use std::collections::{BTreeMap, VecDeque};

use super::batch::Entry;
use super::latest::{self, Latest};
use super::record::Kept;

/// What letters have in common that are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The pipeline that they were in.
    pub pipeline: String,
    /// Where they failed.
    pub stage: String,
    /// Why.
    pub reason: String,
}

/// How many letters of a group there are, and when they were set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub letters: u64,
    /// How many of them have been replayed, where that is known.
    pub replayed: u64,
    /// The first of them, in microseconds since the Unix epoch.
    pub oldest_micros: u64,
    /// The last of them.
    pub newest_micros: u64,
}

impl Default for Count {
    fn default() -> Self {
        Count {
            letters: 0,
            replayed: 0,
            oldest_micros: u64::MAX,
            newest_micros: 0,
        }
    }
}

impl Count {
    pub(crate) fn add(&mut self, time_micros: u64, replayed: bool) {
        self.merge(&Count {
            letters: 1,
            replayed: u64::from(replayed),
            oldest_micros: time_micros,
            newest_micros: time_micros,
        });
    }

    /// Takes in the letters of `other`.
    pub fn merge(&mut self, other: &Count) {
        self.letters += other.letters;
        self.replayed += other.replayed;
        self.oldest_micros = self.oldest_micros.min(other.oldest_micros);
        self.newest_micros = self.newest_micros.max(other.newest_micros);
    }
}

/// A run of records that follow each other: what is counted, and let go of, together.
#[derive(Debug, Default)]
struct Run {
    /// The sequence behind its last record.
    end: u64,
    bytes: u64,
    groups: BTreeMap<Group, Count>,
}

/// The runs of one journal, oldest first.
#[derive(Debug)]
pub(crate) struct Index {
    runs: VecDeque<Run>,
    /// A run with as many bytes is followed by another.
    run_bytes: u64,
    bytes: u64,
    /// Letters that were deleted to make room.
    pub(crate) deleted: u64,
    /// Whether a letter waits for room.
    pub(crate) full: bool,
    /// The letters that came last.
    pub(crate) latest: Latest,
}

impl Index {
    pub(crate) fn new(run_bytes: u64) -> Self {
        Index {
            runs: VecDeque::new(),
            run_bytes,
            bytes: 0,
            deleted: 0,
            full: false,
            latest: Latest::default(),
        }
    }

    /// What comes next is let go of apart from what came before.
    pub(crate) fn begin_run(&mut self) {
        if self.runs.back().is_none_or(|run| run.bytes > 0) {
            self.runs.push_back(Run::default());
        }
    }

    /// Takes in the record at `sequence`, of so many bytes; `kept`: it is a letter that counts.
    pub(crate) fn add(&mut self, sequence: u64, bytes: u64, kept: Option<&Kept<'_>>) {
        self.count(sequence, bytes, kept);
        if let Some(kept) = kept {
            self.latest.add(sequence, &kept.letter, kept.replayed);
        }
    }

    /// Takes in letters that follow each other from `first` on.
    pub(crate) fn add_all(&mut self, first: u64, letters: &[Entry<'_>]) {
        for (sequence, letter) in (first..).zip(letters) {
            self.count(sequence, letter.held(), Some(&letter.kept));
        }
        // Those before the last few would be shown to nobody.
        let before = letters.len().saturating_sub(latest::KEPT);
        for (sequence, Entry { kept, .. }) in (first..).zip(letters).skip(before) {
            self.latest.add(sequence, &kept.letter, kept.replayed);
        }
    }

    fn count(&mut self, sequence: u64, bytes: u64, kept: Option<&Kept<'_>>) {
        if self
            .runs
            .back()
            .is_none_or(|run| run.bytes >= self.run_bytes)
        {
            self.begin_run();
        }
        let Some(run) = self.runs.back_mut() else {
            return;
        };
        run.end = sequence + 1;
        run.bytes += bytes;
        self.bytes += bytes;
        let Some(Kept {
            letter, replayed, ..
        }) = kept
        else {
            return;
        };
        // Junk comes by the million, and mostly for one reason: its group is found without making its name.
        let same = |group: &Group| {
            group.reason == letter.reason
                && group.stage == letter.stage
                && group.pipeline == letter.pipeline
        };
        if let Some((_, count)) = run.groups.iter_mut().find(|(group, _)| same(group)) {
            return count.add(letter.time_micros, *replayed);
        }
        let group = Group {
            pipeline: letter.pipeline.to_owned(),
            stage: letter.stage.to_owned(),
            reason: letter.reason.to_owned(),
        };
        let count = run.groups.entry(group).or_default();
        count.add(letter.time_micros, *replayed);
    }

    /// The sequence behind the oldest run and how many letters it holds, if there is another behind it.
    pub(crate) fn oldest(&self) -> Option<(u64, u64)> {
        let run = self.runs.front().filter(|_| self.runs.len() > 1)?;
        Some((
            run.end,
            run.groups.values().map(|count| count.letters).sum(),
        ))
    }

    /// Lets go of runs that end at or before `sequence`.
    pub(crate) fn forget_below(&mut self, sequence: u64) {
        while let Some(run) = self.runs.front()
            && run.end <= sequence
        {
            self.bytes -= run.bytes;
            self.runs.pop_front();
        }
        self.latest.forget_below(sequence);
    }

    /// What the records take up.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many letters there are of each group.
    pub(crate) fn groups(&self) -> BTreeMap<Group, Count> {
        let mut groups = BTreeMap::<Group, Count>::new();
        for (group, count) in self.runs.iter().flat_map(|run| &run.groups) {
            match groups.get_mut(group) {
                Some(known) => known.merge(count),
                None => drop(groups.insert(group.clone(), *count)),
            }
        }
        groups
    }
}
