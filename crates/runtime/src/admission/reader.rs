use std::sync::Arc;
use std::sync::atomic::Ordering;

use millpond_delivery::{Settled, Ticket, TicketInfo};
use millpond_journal::{Error, Readers, Storage};
use millpond_queue::{Budget, Permit, monotonic_nanos};

use super::AdmissionOptions;
use super::keep::{Dispatch, DispatchError};
use super::late::LateOnes;
use super::state::{Cached, Following, Listener, Shared, State};

/// No record is charged less than this to the budget: it bounds how many can wait in a mailbox.
pub(super) const LEAST: usize = 4096;

/// The reading half.
pub(super) struct Reader<D: Dispatch, S: Storage> {
    pub(super) readers: Readers<S>,
    pub(super) dispatch: D,
    pub(super) shared: Arc<Shared<D::Batch>>,
    pub(super) replay: Budget,
    pub(super) window: u64,
    pub(super) late: LateOnes<S>,
    /// Records below this were there before the start.
    restored: u64,
}

enum Next<B> {
    Cached(u64, Cached<B>),
    /// It is only on disk.
    Disk(u64),
    /// The next one for the pipeline with this number, which catches up.
    Late(usize),
    End,
}

/// A record to hand on.
struct Ready<B> {
    batch: B,
    info: TicketInfo,
    permit: Arc<Permit>,
    listener: Option<Arc<dyn Settled>>,
    received_nanos: u64,
}

impl<D: Dispatch, S: Storage> Reader<D, S> {
    pub(super) fn new(
        readers: Readers<S>,
        dispatch: D,
        shared: Arc<Shared<D::Batch>>,
        options: &AdmissionOptions,
    ) -> Self {
        let restored = shared.lock().durable;
        Reader {
            readers,
            dispatch,
            shared,
            replay: options.replay.clone(),
            window: options.window,
            late: LateOnes::new(&options.brakes),
            restored,
        }
    }

    pub(super) fn run(mut self) {
        let mut disk = None;
        loop {
            let handed_on = match self.next() {
                Next::End => break,
                Next::Cached(sequence, cached) => {
                    disk = None;
                    self.pass(sequence, cached)
                }
                Next::Disk(sequence) => self.pass_from_disk(sequence, &mut disk),
                Next::Late(pipeline) => self.pass_late(pipeline),
            };
            if handed_on.is_err() {
                break;
            }
        }
        let Reader {
            dispatch, shared, ..
        } = self;
        drop(dispatch);
        // Those whose records stay in the journal hear that this process will not deliver them.
        let mut left = Vec::new();
        shared.change(|state| {
            left.extend(state.listeners.drain().map(|(_, listener)| listener));
            let cached = state.tail.drain(..);
            left.extend(cached.filter_map(|(_, cached)| match cached {
                Cached::Batch { info, listener, .. } => Some((info, listener?)),
                Cached::Summary => None,
            }));
            state.read = true;
        });
        not_now(left);
        shared.ended_late();
    }

    fn next(&mut self) -> Next<D::Batch> {
        loop {
            let late = self.look_at_late_ones();
            let mut state = self.shared.lock();
            if state.stopped {
                return Next::End;
            }
            if std::mem::take(&mut state.roused) && late.behind {
                continue;
            }
            // In turn, if there is something for both.
            let ready = late.ready.filter(|_| !self.late.had_its_turn());
            if let Some(pipeline) = ready {
                return Next::Late(self.late.take_turn(pipeline));
            }
            if let Some(next) = self.next_in_turn(&mut state) {
                return next;
            }
            if let Some(pipeline) = late.ready {
                return Next::Late(self.late.take_turn(pipeline));
            }
            if state.sealed && state.reading >= state.durable && !late.behind {
                return Next::End;
            }
            drop(match late.soon {
                Some(at_most) => self.shared.wait_for(state, at_most),
                None => self.shared.wait(state),
            });
        }
    }

    /// The next record for all pipelines that are level, if there is one and it may be handed on.
    fn next_in_turn(&self, state: &mut State<D::Batch>) -> Option<Next<D::Batch>> {
        let next = state.reading;
        let progress = self.shared.prefix.progress();
        // What one pipeline is owed holds up the commits, not the others.
        let done = match self.shared.is_open() {
            true => progress.settled_bytes,
            false => state.committed_bytes.min(progress.begun_bytes),
        };
        let ahead = progress.begun_bytes - done;
        if ahead >= self.window && ahead > 0 {
            // Woken by what settles or is committed.
            state.pressed = progress.settled_bytes > state.committed_bytes;
            return None;
        }
        if next >= state.durable {
            return None;
        }
        state.reading = next + 1;
        let cached = match state.tail.front() {
            Some((sequence, _)) if *sequence == next => state.tail.pop_front(),
            _ => None,
        };
        Some(match cached {
            Some((_, cached)) => Next::Cached(next, cached),
            None => Next::Disk(next),
        })
    }

    fn pass(&mut self, sequence: u64, cached: Cached<D::Batch>) -> Result<(), ()> {
        match cached {
            Cached::Summary => {
                self.shared.prefix.begin(sequence, 0);
                self.shared.ended(sequence, false);
                Ok(())
            }
            Cached::Batch {
                batch,
                info,
                permit,
                listener,
                received_nanos,
            } => self.hand_on(
                sequence,
                Ready {
                    batch,
                    info,
                    permit,
                    listener,
                    received_nanos,
                },
            ),
        }
    }

    /// Hands on the record `sequence`, and with it those that lie in the same frame, as far as they are
    /// not in memory.
    fn pass_from_disk(
        &mut self,
        sequence: u64,
        disk: &mut Option<millpond_journal::Reader<S>>,
    ) -> Result<(), ()> {
        if disk
            .as_ref()
            .is_none_or(|reader| reader.position() != sequence)
        {
            match self.readers.at(sequence) {
                Ok(reader) => *disk = Some(reader),
                Err(error) => return self.lost(sequence, &error),
            }
        }
        let Some(reader) = disk else { return Err(()) };
        let records = match reader.next_records() {
            Ok(Some(records)) => records,
            Ok(None) => {
                // It is durable, so it can be read.
                self.shared
                    .problem(sequence, "it is durable, and not there");
                return Err(());
            }
            Err(error) => return self.lost(sequence, &error),
        };
        let mut next = sequence;
        for (at, record) in records {
            if at != next {
                break;
            }
            let read = self.dispatch.read(record, at);
            let listener = {
                let mut state = self.shared.lock();
                if at > sequence {
                    if state.tail.front().is_some_and(|(front, _)| *front == at) {
                        break;
                    }
                    state.reading = at + 1;
                }
                state.listeners.remove(&at)
            };
            next = at + 1;
            match read {
                Ok(None) => {
                    self.shared.prefix.begin(at, 0);
                    self.shared.ended(at, false);
                }
                Ok(Some((batch, info))) => {
                    let bytes = record.len().max(LEAST);
                    let permit = Arc::new(self.replay.acquire_blocking(bytes));
                    let counts = &self.shared.counts;
                    counts
                        .replayed_events
                        .fetch_add(info.events, Ordering::Relaxed);
                    let ready = Ready {
                        batch,
                        info,
                        permit,
                        listener: listener.map(|(_, listener)| listener),
                        received_nanos: monotonic_nanos(),
                    };
                    hand_on(&self.shared, &mut self.dispatch, self.restored, at, ready)?;
                }
                Err(why) => {
                    self.shared.prefix.begin(at, 0);
                    self.shared.ended(at, true);
                    self.shared.problem(at, &why);
                    not_now(listener);
                }
            }
        }
        Ok(())
    }

    /// Passes over damage: what lies behind it is handed on, and nothing is committed from it on, until
    /// an operator accepts the loss.
    fn lost(&mut self, sequence: u64, error: &Error) -> Result<(), ()> {
        self.shared.prefix.begin(sequence, 0);
        self.shared.ended(sequence, true);
        match error {
            Error::Damaged(damage) if let Some(to) = damage.to => {
                self.shared.problem(sequence, &damage.to_string());
                let mut lost = Vec::new();
                self.shared.change(|state| {
                    state.reading = to.max(sequence + 1);
                    let gone = state.listeners.extract_if(|&at, _| at < to);
                    lost.extend(gone.map(|(_, listener)| listener));
                });
                not_now(lost);
                Ok(())
            }
            error => {
                self.shared.problem(
                    sequence,
                    &format!("nothing can be read from it on: {error}"),
                );
                Err(())
            }
        }
    }

    fn hand_on(&mut self, sequence: u64, ready: Ready<D::Batch>) -> Result<(), ()> {
        hand_on(
            &self.shared,
            &mut self.dispatch,
            self.restored,
            sequence,
            ready,
        )
    }
}

/// Tells them that this process will not do what they wait for.
fn not_now(listeners: impl IntoIterator<Item = Listener>) {
    for (info, listener) in listeners {
        listener.settled(&info, true);
    }
}

fn hand_on<D: Dispatch>(
    shared: &Arc<Shared<D::Batch>>,
    dispatch: &mut D,
    restored: u64,
    sequence: u64,
    ready: Ready<D::Batch>,
) -> Result<(), ()> {
    let Ready {
        batch,
        info,
        permit,
        listener,
        received_nanos,
    } = ready;
    let counts = &shared.counts;
    counts
        .passed_events
        .fetch_add(info.events, Ordering::Relaxed);
    if sequence < restored {
        counts
            .restored_events
            .fetch_add(info.events, Ordering::Relaxed);
    } else {
        counts
            .waiting_events
            .fetch_sub(info.events, Ordering::Relaxed);
    }
    shared.prefix.begin(sequence, info.bytes);
    let following = Following {
        shared: shared.clone(),
        sequence,
        listener,
    };
    let ticket = Ticket::new(info, Some(Arc::new(following)));
    match dispatch.dispatch(batch, permit, ticket, sequence, received_nanos) {
        Ok(()) => Ok(()),
        Err(DispatchError::Refused(why)) => {
            shared.problem(sequence, &why);
            Ok(())
        }
        Err(DispatchError::Gone) => Err(()),
    }
}
