use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use millpond_delivery::Taken;
use millpond_journal::{Error, Journal, Storage};
use millpond_queue::{Parcel, Permit, RoomReceiver, monotonic_nanos};

use tracing::Span;

use super::AdmissionOptions;
use super::keep::Keep;
use super::state::{Cached, Shared};

/// How often a full journal is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// The writing half.
pub(super) struct Writer<K: Keep, S: Storage> {
    pub(super) journal: Journal<S>,
    pub(super) keep: K,
    room: RoomReceiver<Taken<K::Batch>>,
    pub(super) shared: Arc<Shared<K::Batch>>,
    pub(super) options: AdmissionOptions,
    pub(super) record: Vec<u8>,
    /// The latest summary, once there is one: nothing from it on is let go of.
    pub(super) summary: Option<u64>,
    /// Records that the latest summary does not know of.
    pub(super) unsummed: bool,
    pub(super) summed_at: Instant,
    pub(super) committed_at: Instant,
    /// Appended and not synced.
    pub(super) group: Vec<(u64, Kept<K::Batch>)>,
    /// Of those among them that are followed.
    spans: Vec<Span>,
}

pub(super) enum Kept<B> {
    Batch {
        taken: Taken<B>,
        permit: Option<Arc<Permit>>,
        events: u64,
    },
    Summary,
}

/// Why the writer cannot go on.
pub(super) enum Halt {
    /// The journal has failed for good.
    Failed(Error),
    /// It is full, and nobody makes room any more.
    Full,
}

impl<K: Keep, S: Storage> Writer<K, S> {
    pub(super) fn new(
        journal: Journal<S>,
        keep: K,
        room: RoomReceiver<Taken<K::Batch>>,
        shared: Arc<Shared<K::Batch>>,
        options: AdmissionOptions,
    ) -> Self {
        let now = Instant::now();
        Writer {
            room,
            shared,
            options,
            record: Vec::new(),
            // The one from before the start lies there, or behind.
            summary: keep.remembers().then(|| journal.committed_sequence()),
            unsummed: keep.remembers(),
            summed_at: now,
            committed_at: now,
            group: Vec::new(),
            spans: Vec::new(),
            journal,
            keep,
        }
    }

    pub(super) fn run(mut self, on_failed: impl FnOnce(String)) {
        let written = self.write().and_then(|()| self.settle());
        let shared = self.shared.clone();
        match written {
            Ok(()) => {}
            Err(Halt::Full) => {
                shared.change(|state| state.sealed = true);
                self.refuse_the_rest("the journal is full");
                if let Err(Halt::Failed(error)) = self.settle() {
                    self.fail(&error, on_failed);
                }
            }
            Err(Halt::Failed(error)) => self.fail(&error, on_failed),
        }
    }

    /// Takes what comes until nothing more can.
    fn write(&mut self) -> Result<(), Halt> {
        while let Some(parcel) = self.next()? {
            self.take(parcel)?;
        }
        self.shared.change(|state| state.sealed = true);
        Ok(())
    }

    /// The next batch, while commits go on.
    fn next(&mut self) -> Result<Option<Parcel<Taken<K::Batch>>>, Halt> {
        loop {
            if self.is_at_rest() {
                return Ok(self.room.recv());
            }
            if let Some(parcel) = self.room.recv_timeout(self.options.commit_every) {
                return Ok(Some(parcel));
            }
            if self.room.is_ended() {
                return Ok(None);
            }
            self.commit_in_time()?;
        }
    }

    /// Nothing is left to commit.
    fn is_at_rest(&self) -> bool {
        self.journal.committed_sequence() == self.journal.next_sequence()
            || (self.summary == Some(self.journal.committed_sequence())
                && !self.unsummed
                && self.shared.settled() == self.journal.next_sequence())
    }

    /// Appends a batch and what else has arrived, and makes it all durable.
    fn take(&mut self, first: Parcel<Taken<K::Batch>>) -> Result<(), Halt> {
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(parcel) = next {
            bytes += self.append(parcel)?;
            next = if bytes < self.options.group_bytes {
                self.room.try_recv()
            } else {
                None
            };
        }
        if self.summed_at.elapsed() >= self.options.commit_every {
            self.append_summary()?;
        }
        self.sync()?;
        self.commit_in_time()
    }

    fn append(&mut self, parcel: Parcel<Taken<K::Batch>>) -> Result<usize, Halt> {
        let events = parcel.weight.events;
        let (taken, permit) = parcel.open();
        let info = &taken.info;
        let span = millpond_spans::journal(info.trace, info.events, info.bytes);
        self.spans.extend(span);
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        self.keep.write(&taken.batch, &mut record);
        let bytes = record.len();
        let appended = self.append_record(&record);
        self.record = record;
        let kept = Kept::Batch {
            taken,
            permit,
            events,
        };
        match appended {
            Ok(sequence) => {
                if let Kept::Batch { taken, .. } = &kept {
                    self.keep.kept(&taken.batch, sequence);
                }
                self.unsummed = true;
                self.group.push((sequence, kept));
                Ok(bytes)
            }
            Err(halt) => {
                // Told with the others that it is not durable.
                self.group.push((u64::MAX, kept));
                Err(halt)
            }
        }
    }

    /// Appends a record; a full journal or disk is waited for, as long as there is hope.
    fn append_record(&mut self, record: &[u8]) -> Result<u64, Halt> {
        loop {
            match self.journal.append(&[record]) {
                Ok(sequences) => {
                    if self.shared.lock().full.take().is_some() {
                        tracing::info!("the journal has room again");
                    }
                    return Ok(sequences.start);
                }
                Err(error) if error.heals() => self.wait_for_room(&error)?,
                Err(error) => return Err(Halt::Failed(error)),
            }
        }
    }

    fn wait_for_room(&mut self, error: &Error) -> Result<(), Halt> {
        self.sync()?;
        self.commit(self.shared.settled())?;
        let mut state = self.shared.lock();
        if state.full.is_none() {
            tracing::warn!(%error, "the journal takes nothing more for now; its sources wait");
            state.full_bytes = self.journal.used_bytes();
            state.full_from = state.committed_bytes;
        }
        state.full = Some(error.to_string());
        if state.stopped {
            return Err(Halt::Full);
        }
        drop(self.shared.wait_for(state, RETRY));
        Ok(())
    }

    /// Makes the group durable, tells its sources, and passes it to the reader.
    pub(super) fn sync(&mut self) -> Result<(), Halt> {
        if self.group.is_empty() {
            return Ok(());
        }
        let began = monotonic_nanos();
        let durable = self.journal.sync().map_err(Halt::Failed)?;
        self.spans.clear();
        let counts = &self.shared.counts;
        counts.syncs.observe(monotonic_nanos() - began, 1);
        let group = std::mem::take(&mut self.group);
        for (_, kept) in &group {
            if let Kept::Batch { taken, .. } = kept {
                counts
                    .kept_events
                    .fetch_add(taken.info.events, Ordering::Relaxed);
                counts
                    .kept_bytes
                    .fetch_add(taken.info.bytes, Ordering::Relaxed);
                counts
                    .waiting_events
                    .fetch_add(taken.info.events, Ordering::Relaxed);
                if let Some(listener) = &taken.listener {
                    listener.durable(&taken.info);
                }
            }
        }
        let mut done = 0;
        self.shared.change(|state| {
            state.durable = durable;
            for (sequence, kept) in group {
                let follows = match state.tail.back() {
                    Some((last, _)) => last + 1 == sequence,
                    None => state.reading == sequence,
                };
                match kept {
                    Kept::Summary => {
                        self.summary = Some(sequence);
                        if follows {
                            state.tail.push_back((sequence, Cached::Summary));
                        }
                    }
                    Kept::Batch {
                        taken,
                        permit,
                        events,
                    } => {
                        done += events;
                        let listener = taken
                            .listener
                            .filter(|listener| listener.waits_for_the_end());
                        let budget = &self.options.budget;
                        match permit {
                            Some(permit) if follows && budget.used() <= budget.capacity() / 2 => {
                                let cached = Cached::Batch {
                                    batch: taken.batch,
                                    info: taken.info,
                                    permit,
                                    listener,
                                    received_nanos: taken.received_nanos,
                                };
                                state.tail.push_back((sequence, cached));
                            }
                            _ => {
                                let listener = listener.map(|listener| (taken.info, listener));
                                state
                                    .listeners
                                    .extend(listener.map(|listener| (sequence, listener)));
                            }
                        }
                    }
                }
            }
        });
        self.room.done(done);
        Ok(())
    }

    fn fail(&mut self, error: &Error, on_failed: impl FnOnce(String)) {
        tracing::error!(%error, "the journal failed: nothing more is acknowledged");
        let reason = error.to_string();
        self.shared.change(|state| {
            state.failed = Some(reason.clone());
            state.sealed = true;
        });
        self.refuse("the journal failed");
        on_failed(reason);
        self.refuse_the_rest("the journal failed");
    }

    /// Refuses whatever still comes, so that no source waits for an answer.
    fn refuse_the_rest(&mut self, why: &str) {
        self.refuse(why);
        while let Some(parcel) = self.room.recv() {
            let events = parcel.weight.events;
            let (taken, permit) = parcel.open();
            self.group.push((
                u64::MAX,
                Kept::Batch {
                    taken,
                    permit,
                    events,
                },
            ));
            self.refuse(why);
        }
    }

    /// Tells the sources of what was not made durable.
    fn refuse(&mut self, why: &str) {
        let mut events = 0;
        for (_, kept) in self.group.drain(..) {
            if let Kept::Batch {
                taken, events: n, ..
            } = kept
            {
                events += n;
                if let Some(listener) = &taken.listener {
                    listener.settled(&taken.info, true);
                }
                self.room.done(n);
            }
        }
        if events > 0 {
            let counts = &self.shared.counts;
            counts.refused_events.fetch_add(events, Ordering::Relaxed);
            tracing::error!(events, why, "events were refused, and are not durable");
        }
    }
}
