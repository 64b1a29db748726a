use crate::{StageError, Timestamp};

/// Spare objects kept by one line. More are freed, so that a burst of emissions does not stay in memory.
const MAX_SPARES: usize = 128;

/// Room for waiting emissions that a line keeps between slices.
const KEPT_ROOM: usize = 1024;

/// Where a stage sends to by name: an exit or a branch, resolved when the line is built.
///
/// A port is good only in the line whose blueprint handed it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(pub(crate) At);

/// The next place of an event in the flattened plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Stage(usize),
    /// Index of a list of exits.
    Leave(usize),
}

/// What a stage makes in addition to the event it was given.
#[derive(Debug)]
pub struct Output<E> {
    /// Emissions that wait for their turn. While a stage runs it appends here in order; once it
    /// returned, its part is reversed, so that the end of the vector is always what runs next.
    waiting: Vec<(At, E)>,
    spares: Vec<E>,
    clean: Option<fn(&mut E)>,
    now: Timestamp,
    /// Where an emission of the running stage goes.
    next: At,
    room: u32,
    max_emit: u32,
    overflowed: bool,
}

impl<E> Output<E> {
    /// Sends a new event to the next stage of the line. It goes all the way before the event in hand
    /// goes on, and after what was emitted earlier.
    pub fn emit(&mut self, event: E) {
        self.push(self.next, event);
    }

    /// Sends a new event to an exit or a branch.
    pub fn send(&mut self, port: Port, event: E) {
        self.push(port.0, event);
    }

    /// A used object to build an emission from, if there is one; its content is whatever was left in it.
    pub fn spare(&mut self) -> Option<E> {
        self.spares.pop()
    }

    /// Gives an object back to be a spare.
    pub fn recycle(&mut self, mut event: E) {
        if self.spares.len() < MAX_SPARES {
            if let Some(clean) = self.clean {
                clean(&mut event);
            }
            self.spares.push(event);
        }
    }

    /// The time that the caller gave for this event or tick.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn new(max_emit: u32, clean: Option<fn(&mut E)>) -> Self {
        Self {
            waiting: Vec::new(),
            spares: Vec::new(),
            clean,
            now: Timestamp::default(),
            next: At::Leave(0),
            room: max_emit,
            max_emit,
            overflowed: false,
        }
    }

    /// A new input begins: everything derived from it may be `max_emit` events.
    #[inline]
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.room = self.max_emit;
    }

    pub(crate) fn unlimited(&mut self) {
        self.room = u32::MAX;
    }

    pub(crate) fn limited(&mut self) {
        self.room = self.max_emit;
    }

    #[inline]
    pub(crate) fn aim(&mut self, next: At) {
        self.next = next;
    }

    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn pop(&mut self) -> Option<(At, E)> {
        self.waiting.pop()
    }

    /// Whether the running stage emitted nothing, nor tried to.
    #[inline]
    pub(crate) fn is_untouched(&self, mark: usize) -> bool {
        self.waiting.len() == mark && !self.overflowed
    }

    /// Whether the running stage emitted more than there was room for.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The error to end a stage with that did.
    #[cold]
    pub(crate) fn overflow(&self) -> StageError {
        let limit = self.max_emit;
        let message = format!("more than {limit} events derived from one input");
        StageError::new("max_emit", message)
    }

    /// The running stage returned `Ok`: what it emitted since `mark` may go, the first first.
    pub(crate) fn release(&mut self, mark: usize) {
        self.waiting[mark..].reverse();
    }

    /// Puts the event in hand behind what it gave rise to since `mark`, and releases all of it.
    pub(crate) fn release_before(&mut self, mark: usize, next: At, event: E) {
        self.waiting.push((next, event));
        self.release(mark);
    }

    /// Takes back what the running stage emitted since `mark`.
    pub(crate) fn roll_back(&mut self, mark: usize) {
        self.overflowed = false;
        while self.waiting.len() > mark {
            if let Some((_, event)) = self.waiting.pop() {
                self.room = self.room.saturating_add(1);
                self.recycle(event);
            }
        }
    }

    pub(crate) fn trim(&mut self) {
        if self.waiting.capacity() > KEPT_ROOM {
            self.waiting.shrink_to(KEPT_ROOM);
        }
    }

    fn push(&mut self, at: At, event: E) {
        if self.room == 0 {
            self.overflowed = true;
            self.recycle(event);
        } else {
            self.room -= 1;
            self.waiting.push((at, event));
        }
    }
}
