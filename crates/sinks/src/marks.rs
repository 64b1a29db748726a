use std::collections::HashMap;

use millpond_delivery::Lane;
use millpond_event::Position;

use crate::{Place, Rows};

/// More stretches than these in one lane are joined, the oldest first: rows in between may come twice
/// then, but only if a crash reaches back that far.
const MOST_GAPS: usize = 64;

/// How far a lane has come in a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Every row before this place is there, but for those in the gaps.
    pub until: Place,
    /// Stretches of rows that were set aside, from the first place of each to the one behind it, in
    /// order: whether their letters were written before a crash, nobody here knows.
    pub gaps: Vec<(Place, Place)>,
}

impl Default for Reached {
    fn default() -> Self {
        Reached {
            until: Place {
                position: Position {
                    sequence: 0,
                    ordinal: 0,
                },
                output: 0,
            },
            gaps: Vec::new(),
        }
    }
}

impl Reached {
    fn has(&self, place: Place) -> bool {
        let in_gap = |&(from, until): &(Place, Place)| from <= place && place < until;
        place < self.until && !self.gaps.iter().any(in_gap)
    }

    /// Takes a stretch out of the gaps.
    fn close(&mut self, from: Place, until: Place) {
        if self.gaps.last().is_none_or(|last| last.1 <= from) {
            return;
        }
        let around = |gap: (Place, Place)| [(gap.0, gap.1.min(from)), (gap.0.max(until), gap.1)];
        let gaps = std::mem::take(&mut self.gaps).into_iter();
        self.gaps = gaps
            .flat_map(around)
            .filter(|(from, until)| from < until)
            .collect();
    }

    fn wrote(&mut self, from: Place, until: Place) {
        self.close(from, until);
        self.until = self.until.max(until);
    }

    fn set_aside(&mut self, from: Place, until: Place) {
        self.close(from, until);
        match self.gaps.last_mut() {
            // Nothing was written since.
            Some(last) if last.1 <= from && self.until <= last.0 => last.1 = until,
            _ => {
                self.gaps.push((from, until));
                self.gaps.sort_unstable();
            }
        }
        if self.gaps.len() > MOST_GAPS {
            let (from, _) = self.gaps.remove(0);
            self.gaps[0].0 = from;
        }
    }
}

/// What a destination that keeps it beside its rows knows of the lanes: which rows it has, so that none
/// is written a second time.
///
/// After a crash a row comes twice in one run where it was both in a disk buffer and not committed in the
/// journal: from the buffer first, and then from its event, which is run again. A lane's rows come in the
/// order of their places, so one that lies before what its lane has reached was written, by this run or
/// an earlier one, or was set aside.
#[derive(Debug, Default)]
pub struct Marks {
    stored: HashMap<Lane, Reached>,
    /// The lanes that have moved since.
    moved: HashMap<Lane, Reached>,
    /// What was set aside since: to undo what was written does not undo this.
    aside: Vec<(Lane, Place, Place)>,
}

impl Marks {
    /// Goes on from what the destination holds.
    pub fn found(lanes: impl IntoIterator<Item = (Lane, Reached)>) -> Self {
        Marks {
            stored: lanes.into_iter().collect(),
            ..Marks::default()
        }
    }

    /// Leaves out the rows that the destination has, or will have with those before them.
    pub fn fresh<'a>(&self, batches: &[Rows<'a>]) -> Fresh<'a> {
        let mut fresh = Fresh::default();
        let mut count = 0;
        // How far these batches have come.
        let mut coming: HashMap<&Lane, Reached> = HashMap::new();
        for &rows in batches {
            let Some((lane, from, until)) = stretch(&rows) else {
                count += rows.len();
                fresh.rows.push(rows);
                continue;
            };
            let reached = coming.entry(lane).or_insert_with(|| self.reached(lane));
            let mut rest = rows;
            while from < reached.until && !rest.is_empty() {
                let has = |row: usize| rest.place(row).is_some_and(|place| reached.has(place));
                let known = (0..rest.len()).take_while(|&row| has(row)).count();
                let unknown = (known..rest.len()).take_while(|&row| !has(row)).count();
                let (head, tail) = rest.split_at(known).1.split_at(unknown);
                fresh.skipped.add(count, known);
                count += unknown;
                fresh
                    .rows
                    .extend(Some(head).filter(|head| !head.is_empty()));
                rest = tail;
            }
            count += rest.len();
            fresh
                .rows
                .extend(Some(rest).filter(|rest| !rest.is_empty()));
            reached.wrote(from, until);
        }
        fresh
    }

    fn reached(&self, lane: &Lane) -> Reached {
        let reached = self.moved.get(lane).or_else(|| self.stored.get(lane));
        reached.cloned().unwrap_or_default()
    }

    /// These rows are written; not stored yet.
    pub fn wrote(&mut self, batches: &[Rows<'_>]) {
        for (lane, from, until) in batches.iter().filter_map(stretch) {
            lane_of(&mut self.moved, &self.stored, lane).wrote(from, until);
        }
    }

    /// These rows will not be written, and what will tell of them elsewhere may not be durable yet.
    pub fn set_aside(&mut self, batches: &[Rows<'_>]) {
        for (lane, from, until) in self.fresh(batches).rows.iter().filter_map(stretch) {
            lane_of(&mut self.moved, &self.stored, lane).set_aside(from, until);
            self.aside.push((lane.clone(), from, until));
        }
    }

    /// The lanes to be stored with what was written.
    pub fn moved(&self) -> impl ExactSizeIterator<Item = (&Lane, &Reached)> {
        self.moved.iter()
    }

    /// All lanes as they are stored.
    pub fn stored(&self) -> impl ExactSizeIterator<Item = (&Lane, &Reached)> {
        self.stored.iter()
    }

    /// What has moved is stored.
    pub fn store(&mut self) {
        self.stored.extend(self.moved.drain());
        self.aside.clear();
    }

    /// What was written and is not stored will be written again.
    pub fn undo(&mut self) {
        self.moved.clear();
        for (lane, from, until) in &self.aside {
            lane_of(&mut self.moved, &self.stored, lane).set_aside(*from, *until);
        }
    }
}

fn lane_of<'a>(
    moved: &'a mut HashMap<Lane, Reached>,
    stored: &HashMap<Lane, Reached>,
    lane: &Lane,
) -> &'a mut Reached {
    let before = || stored.get(lane).cloned().unwrap_or_default();
    moved.entry(lane.clone()).or_insert_with(before)
}

/// From the place of the first row that has one to behind that of the last.
fn stretch<'a>(rows: &Rows<'a>) -> Option<(&'a Lane, Place, Place)> {
    let lane = rows.lane()?;
    let from = (0..rows.len()).find_map(|row| rows.place(row))?;
    let last = (0..rows.len()).rev().find_map(|row| rows.place(row))?;
    let output = last.output.saturating_add(1);
    Some((lane, from, Place { output, ..last }))
}

/// What is left of batches without the rows that the destination has.
#[derive(Debug, Default)]
pub struct Fresh<'a> {
    /// The rows to be written.
    pub rows: Vec<Rows<'a>>,
    /// Those that need not be.
    pub skipped: Skipped,
}

/// How many rows were left out, and before which of the others.
#[derive(Debug, Default)]
pub struct Skipped(Vec<(usize, usize)>);

impl Skipped {
    fn add(&mut self, before: usize, rows: usize) {
        if rows > 0 {
            self.0.push((before, rows));
        }
    }

    /// Adds those of a later batch, which `before` rows go before, and of which `written` leading rows are
    /// written.
    pub fn append(&mut self, before: usize, later: &Skipped, written: usize) {
        let later = later.0.iter().filter(|(at, _)| *at <= written);
        self.0.extend(later.map(|&(at, rows)| (before + at, rows)));
    }

    /// With `written` leading rows written, how many are done with those that were left out.
    pub fn done(&self, written: usize) -> usize {
        let before = self.0.iter().filter(|(at, _)| *at <= written);
        written + before.map(|(_, rows)| rows).sum::<usize>()
    }
}

#[cfg(test)]
#[path = "marks_tests.rs"]
mod tests;
