use std::collections::VecDeque;

use millpond_delivery::Hold;
use millpond_store::Kept;

use super::piece::Pieces;

/// What the sink has been given and has not answered, in order.
#[derive(Default)]
pub(super) struct Flights {
    queue: VecDeque<Flight>,
    /// The number of the first.
    first: u64,
    /// Those that a sink abandoned, for good.
    abandoned: u64,
    spare: Vec<Pieces>,
}

/// A parcel that the sink has been given.
pub(super) struct Flight {
    /// Its rows, until they are on disk.
    pub(super) copy: Option<Pieces>,
    /// The inputs that wait for it, until it is on disk.
    pub(super) hold: Option<Hold>,
    /// Where its last record lies.
    pub(super) kept: Option<Kept>,
    answered: Option<Answer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    Abandoned,
}

/// Copies that are put by to be used again.
const SPARES: usize = 8;
/// One that has grown beyond this is freed.
const MOST_SPARE_BYTES: usize = 1 << 20;

impl Flights {
    /// The next flight's number.
    pub(super) fn next(&self) -> u64 {
        self.first + self.queue.len() as u64
    }

    /// The sink is about to be given rows that are in memory alone.
    pub(super) fn begin(&mut self, copy: Pieces, hold: Hold) {
        self.queue.push_back(Flight {
            copy: Some(copy),
            hold: Some(hold),
            kept: None,
            answered: None,
        });
    }

    /// The sink is about to be given rows that came from disk.
    pub(super) fn begin_kept(&mut self, kept: Kept) {
        self.queue.push_back(Flight {
            copy: None,
            hold: None,
            kept: Some(kept),
            answered: None,
        });
    }

    pub(super) fn answer(&mut self, number: u64, abandoned: bool) {
        let at = number.checked_sub(self.first);
        let at = at.and_then(|at| usize::try_from(at).ok());
        let Some(flight) = at.and_then(|at| self.queue.get_mut(at)) else {
            return;
        };
        flight.answered = Some(match abandoned {
            true => Answer::Abandoned,
            false => Answer::Done,
        });
        self.abandoned += u64::from(abandoned);
    }

    /// Lets go of those in front that are done; returns where the last record lies that is done with them.
    pub(super) fn land(&mut self) -> Option<Kept> {
        let mut settled = None;
        while self
            .queue
            .front()
            .is_some_and(|flight| flight.answered == Some(Answer::Done))
        {
            let Some(flight) = self.queue.pop_front() else {
                break;
            };
            self.first += 1;
            settled = flight.kept.or(settled);
            self.spare.extend(
                flight.copy.filter(|copy| {
                    self.spare.len() < SPARES && copy.capacity() <= MOST_SPARE_BYTES
                }),
            );
        }
        settled
    }

    /// Memory for the copy of another one.
    pub(super) fn spare(&mut self) -> Pieces {
        self.spare.pop().unwrap_or_default()
    }

    /// Those whose rows are in memory alone.
    pub(super) fn unkept(&mut self) -> impl Iterator<Item = &mut Flight> {
        self.queue.iter_mut().filter(|flight| flight.copy.is_some())
    }

    /// Whether the sink takes no more: it has abandoned something.
    pub(super) fn are_halted(&self) -> bool {
        self.abandoned > 0
    }

    /// Whether the sink has something that it has not answered.
    pub(super) fn are_awaited(&self) -> bool {
        self.queue.iter().any(|flight| flight.answered.is_none())
    }

    /// Whether the sink has answered for everything that it was given.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
