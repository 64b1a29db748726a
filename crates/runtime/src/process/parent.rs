//! The parent's side: what a worker asks of its child, and what it makes of the answer.

use std::io;
use std::ops::Range;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use millpond_engine::LineStats;

use super::death::Death;
use super::exchange::{take_over, write_request};
use super::haul::Haul;
use super::link::{Failure, Link};
use super::reply::{Broken, Expected, Reply};
use super::suspects::Suspects;
use super::view::ProcessesView;
use super::wire::Wire;
use crate::codec::Codec;

/// How long to wait before a child that did not start is started again: at first, and at most.
const WAIT: Range<Duration> = Duration::from_millis(10)..Duration::from_secs(1);

/// How children are started and what they are told.
#[derive(Clone)]
pub struct Processes {
    /// Makes the command that starts one. It must call [`serve`](super::serve) with the socket that it finds
    /// as its standard input.
    pub command: Arc<dyn Fn() -> Command + Send + Sync>,
    /// The text that it builds its lines from.
    pub hello: Arc<[u8]>,
    /// How long a request may take.
    pub deadline: Duration,
    /// Remembers suspects beyond the end of this process, where events are kept that long.
    pub suspects: Option<Arc<Suspects>>,
}

impl Processes {
    /// Starts a child and ends it again, to see whether that works, and logs what it has to say.
    ///
    /// # Errors
    /// Why not.
    pub fn try_one(&self, output_bytes: u64) -> io::Result<()> {
        let link = self.start(&self.hello, output_bytes)?;
        if !link.notice().is_empty() {
            tracing::warn!("{}", link.notice());
        }
        Ok(())
    }

    fn start(&self, hello: &[u8], output_bytes: u64) -> io::Result<Link> {
        Link::start((self.command)(), hello, self.deadline, output_bytes)
    }
}

/// Something that a shard asks of a child.
pub(crate) struct Errand<'a, C: Codec> {
    pub(crate) codec: &'a C,
    pub(crate) pipeline: usize,
    pub(crate) shard: u32,
    /// What the child is to have been told, where it is not what all are told at first.
    pub(crate) hello: Option<&'a Arc<[u8]>>,
    pub(crate) stats: &'a LineStats,
    pub(crate) stages: usize,
    /// By exit. Untouched where the child dies.
    pub(crate) outputs: &'a mut [C::Output],
    pub(crate) what: Asked<'a, C>,
}

/// What is asked.
pub(crate) enum Asked<'a, C: Codec> {
    /// Runs events of a haul; `base` is the ordinal of the first one in its consignment.
    Run {
        haul: &'a Haul<C>,
        events: Range<usize>,
        base: u32,
    },
    /// Tells a line the time, in microseconds.
    Tick(u64),
    /// Tells a line that its input has ended.
    Finish(u64),
}

/// Makes the children of workers.
pub(crate) trait Remotes<C: Codec>: Send + Sync {
    /// The child of a worker.
    fn remote(self: Arc<Self>, worker: usize) -> Box<dyn Remote<C>>;

    fn view(&self) -> &ProcessesView;
}

/// The child of a worker.
pub(crate) trait Remote<C: Codec>: Send {
    /// Carries out an errand. A child that is not there is started before, however often that takes.
    ///
    /// # Errors
    /// The child died over it.
    fn carry_out(&mut self, errand: Errand<'_, C>) -> Result<Reply, Death>;

    /// Takes a reply back, for its memory.
    fn recycle(&mut self, reply: Reply);

    /// Where suspects are remembered.
    fn suspects(&self) -> Option<&Suspects>;

    /// The how many-th child of its worker it is.
    fn generation(&self) -> u64;

    /// See [`Wire::is_runnable`].
    fn is_runnable(&self, codec: &C, batch: &C::Batch) -> bool;

    /// See [`Wire::batch_bytes`].
    fn batch_bytes(&self, codec: &C, batch: &C::Batch) -> u64;

    /// See [`Wire::event_bytes`].
    fn event_bytes(&self, codec: &C, batch: &C::Batch, index: usize) -> usize;

    /// See [`Wire::item`].
    fn item(&self, codec: &C, bytes: &[u8]) -> Option<C::Item>;

    /// An event is set aside because children died of it.
    fn set_aside(&self);
}

/// The children of a runtime's workers.
pub(crate) struct Children {
    processes: Processes,
    output_bytes: u64,
    view: ProcessesView,
}

impl Children {
    pub(crate) fn new(processes: Processes, output_bytes: u64, workers: usize) -> Self {
        Children {
            processes,
            output_bytes,
            view: ProcessesView::new(workers),
        }
    }
}

impl<C: Wire> Remotes<C> for Children {
    fn remote(self: Arc<Self>, worker: usize) -> Box<dyn Remote<C>> {
        let mut child = Child {
            hello: self.processes.hello.clone(),
            shared: self,
            worker,
            link: None,
            generation: 0,
            request: Vec::new(),
            said: Vec::new(),
            reply: Reply::default(),
        };
        child.ensure(None);
        Box::new(child)
    }

    fn view(&self) -> &ProcessesView {
        &self.view
    }
}

struct Child {
    shared: Arc<Children>,
    worker: usize,
    link: Option<Link>,
    /// What it was told.
    hello: Arc<[u8]>,
    generation: u64,
    request: Vec<u8>,
    said: Vec<u8>,
    reply: Reply,
}

impl Child {
    /// A child that runs and was told this, or what all are told at first; started if there is none.
    fn ensure(&mut self, hello: Option<&Arc<[u8]>>) -> &mut Link {
        let Children {
            processes,
            output_bytes,
            view,
            ..
        } = &*self.shared;
        let hello = hello.unwrap_or(&processes.hello);
        if !Arc::ptr_eq(&self.hello, hello) {
            // It has nothing that would be missed.
            self.link = None;
            self.hello = hello.clone();
        }
        let link = self.link.take();
        let link = link.unwrap_or_else(|| {
            let worker = self.worker;
            let failed = |error| {
                tracing::error!(worker, %error, "the process of a worker did not start; trying again");
            };
            self.generation += 1;
            until_it_starts(|| processes.start(hello, *output_bytes), failed)
        });
        view.started(self.worker, link.id());
        self.link.insert(link)
    }

    /// One request and its answer.
    fn exchange<C: Wire>(&mut self, errand: Errand<'_, C>) -> Result<(), Failure> {
        self.request.clear();
        write_request(&errand, &mut self.request);
        let events = match &errand.what {
            Asked::Run { events, .. } => u32::try_from(events.len()).unwrap_or(u32::MAX),
            Asked::Tick(_) | Asked::Finish(_) => 0,
        };
        let expected = Expected {
            events,
            exits: errand.outputs.len(),
            stages: errand.stages,
        };
        self.ensure(errand.hello);
        let Child {
            link: Some(link),
            request,
            said,
            reply,
            ..
        } = self
        else {
            return Err(Failure::Gone);
        };
        let until = link.until();
        link.send(&[request])?;
        let head = link.head(until)?;
        said.resize(head.said as usize, 0);
        link.fill(said, until)?;
        reply.read(said, &expected)?;
        if reply.rows_bytes() != head.rows {
            let (said, sent) = (reply.rows_bytes(), head.rows);
            return Err(Broken(format!("{said} bytes of rows in {sent}")).into());
        }
        take_over(errand, reply, link, until)
    }

    fn bury(&mut self, failure: Failure) -> Death {
        let Some(link) = self.link.take() else {
            return Death::ended(None, String::new());
        };
        let id = link.id();
        let death = link.bury(failure);
        if let Some(unsaid) = self.shared.view.died(self.worker, &death) {
            let (worker, reason) = (self.worker, death.how.name());
            tracing::error!(
                worker,
                process = id,
                reason,
                unsaid,
                "the process of a worker is replaced, and what it was given is run again: it {death}"
            );
        }
        death
    }
}

impl<C: Wire> Remote<C> for Child {
    fn carry_out(&mut self, errand: Errand<'_, C>) -> Result<Reply, Death> {
        match self.exchange(errand) {
            Ok(()) => Ok(std::mem::take(&mut self.reply)),
            Err(failure) => Err(self.bury(failure)),
        }
    }

    fn recycle(&mut self, reply: Reply) {
        self.reply = reply;
    }

    fn suspects(&self) -> Option<&Suspects> {
        self.shared.processes.suspects.as_deref()
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn is_runnable(&self, codec: &C, batch: &C::Batch) -> bool {
        codec.is_runnable(batch)
    }

    fn batch_bytes(&self, codec: &C, batch: &C::Batch) -> u64 {
        codec.batch_bytes(batch)
    }

    fn event_bytes(&self, codec: &C, batch: &C::Batch, index: usize) -> usize {
        codec.event_bytes(batch, index)
    }

    fn item(&self, codec: &C, bytes: &[u8]) -> Option<C::Item> {
        codec.item(bytes)
    }

    fn set_aside(&self) {
        self.shared.view.set_aside();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.shared.view.ended(self.worker);
    }
}

/// Tries until it starts, more and more seldom: nobody can tell when the system has room for a process again.
fn until_it_starts<T>(
    mut start: impl FnMut() -> io::Result<T>,
    mut failed: impl FnMut(io::Error),
) -> T {
    let mut wait = WAIT.start;
    loop {
        match start() {
            Ok(started) => return started,
            Err(error) => failed(error),
        }
        std::thread::park_timeout(wait);
        wait = (wait * 2).min(WAIT.end);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn one_that_does_not_start_is_named_and_tried_again_more_and_more_seldom() {
        let processes = Processes {
            command: Arc::new(|| Command::new("/nowhere/worker")),
            hello: Arc::new([]),
            deadline: Duration::from_secs(1),
            suspects: None,
        };
        let mut tries = 0;
        let mut said = Vec::new();
        let began = Instant::now();
        let start = || {
            tries += 1;
            // The system has room for it at last.
            match processes.start(&[], 1) {
                Err(_) if tries > 5 => Ok(()),
                started => started.map(drop),
            }
        };
        until_it_starts(start, |error| said.push(error.to_string()));
        assert_eq!(said.len(), 5);
        let wants = "/nowhere/worker does not start: No such file or directory";
        assert!(said.iter().all(|why| why.starts_with(wants)), "{said:?}");
        // 10, 20, 40, 80 and 160 ms.
        let waited = began.elapsed();
        assert!(waited >= Duration::from_millis(250), "{waited:?}");
    }
}
