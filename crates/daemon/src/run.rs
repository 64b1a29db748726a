//! Runs a line until its input ends or somebody stops it, and drains it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use millpond_admin::Control;
use millpond_event::Slice;
use millpond_ingest::{SourceError, StopHandle};
use millpond_runtime::PoolHandle;
use millpond_runtime::admission::{Admission, Stopper};
use millpond_runtime::note_panics;
use millpond_sinks::{BufferControl, BufferHandle, ClosedReason, SinkError, SinkHandle};

use crate::backlog::Backlog;
use crate::config::{Config, Inputs};
use crate::desk::{Desk, Pass};
use crate::health::{Phase, Vitals};
use crate::observe;
use crate::patience::Patience;
use crate::reload::Reloader;
use crate::replay::Replayer;
use crate::report;
use crate::status::Status;
use crate::watchdog::Watchdog;
use crate::wire::{Line, OpenSource, Seen};

/// What can happen to a running line.
pub(crate) enum Happening {
    /// Somebody wants it to end: drain; a second time: at once.
    Stop,
    /// Somebody moved the files away: open them anew.
    Reopen,
    /// A source has ended.
    SourceEnded(Arc<str>, Result<(), SourceError>),
    /// A sink's destination is gone for good.
    SinkClosed(String, ClosedReason),
    /// The journal failed for good: nothing more is acknowledged.
    JournalFailed(String),
    /// Everything has ended.
    Drained(Vec<SinkError>),
}

/// Runs the line to its end. What it was made of, and from where that was read, is `reread` when it is to be
/// reloaded. The exit code: 0 drained, 1 something failed or was left.
pub(crate) fn run(
    mut line: Line,
    drain: Duration,
    reread: Option<(Inputs, Config)>,
    happenings: &Receiver<Happening>,
    tell: &Sender<Happening>,
    status: &mut Status,
) -> u8 {
    let spans = std::mem::take(&mut line.spans);
    let mut deadline = None;
    let code = run_until(line, drain, reread, happenings, tell, status, &mut deadline);
    let left = |at: Instant| at.saturating_duration_since(Instant::now());
    spans.end(deadline.map_or(drain, left));
    code
}

/// The same but for the spans; `deadline` is when a drain by order has to be over.
fn run_until(
    line: Line,
    drain: Duration,
    reread: Option<(Inputs, Config)>,
    happenings: &Receiver<Happening>,
    tell: &Sender<Happening>,
    status: &mut Status,
    deadline: &mut Option<Instant>,
) -> u8 {
    let Line {
        runtime,
        sinks,
        buffers,
        best_effort,
        sources,
        admission,
        stop,
        seen,
        admin,
        designs,
        replayer,
        ..
    } = line;
    note_panics();
    let doors = replayer.doors.clone();
    let vitals = Arc::new(Vitals::new(seen.clone()));
    if let Some(admin) = admin {
        tracing::info!(address = %admin.local_addr(), "admin listens");
        let reloader = reread.map(|(inputs, config)| Reloader::new(inputs, config, designs));
        let pool = runtime.handle();
        let control = desk(replayer, seen.clone(), pool, reloader, admin.local_addr());
        let observed = Arc::new(observe::observed(&seen, vitals.clone(), control));
        async_std::task::spawn(admin.serve(observed));
    } else if let Err(error) = Pass::withdraw(&replayer.folder) {
        tracing::warn!(%error, "the pass of an earlier daemon cannot be removed");
    }
    for (source, address) in &seen.addresses {
        tracing::info!(source = &**source, %address, "source listens");
    }
    let controls: Vec<_> = sinks.iter().map(SinkHandle::control).collect();
    let kept: Vec<_> = buffers.iter().map(BufferHandle::control).collect();
    let mut reading = sources.len();
    sources
        .into_iter()
        .for_each(|source| start(source, tell.clone()));
    let stop = Stops {
        sources: stop,
        journal: admission.as_ref().map(Admission::stopper),
    };
    wait_for_the_end(runtime, buffers, sinks, admission, tell.clone());
    vitals.enter(Phase::Running);
    let mut watchdog = Watchdog::from_environment();
    watchdog.ready();
    tracing::info!(workers = seen.pool.wanted(), sources = reading, "running");

    let mut best_effort = Some(best_effort);
    let mut patience: Option<Patience> = None;
    let mut backlog: Option<Backlog> = None;
    let mut failed = false;
    loop {
        if deadline.is_some()
            && let Some(sinks) = best_effort.take()
        {
            patience = Some(Patience::begin(sinks, drain, Instant::now()));
            backlog = Some(Backlog::begin(&seen, drain, Instant::now()));
            watchdog.stopping();
            // What is on disk is delivered by the next run.
            kept.iter().for_each(BufferControl::leave);
        }
        if let Some(patience) = &mut patience {
            patience.look(&seen, Instant::now());
        }
        if let Some(backlog) = &mut backlog {
            backlog.look(&seen, Instant::now());
        }
        let every = [
            patience.as_ref().and_then(Patience::every),
            backlog.as_ref().and_then(Backlog::every),
            watchdog.every(),
        ];
        let at_most = status.every().min(seen.hangs.every());
        let every = every.into_iter().flatten().fold(at_most, Duration::min);
        let wait = deadline.map_or(status.every(), |at| {
            at.saturating_duration_since(Instant::now())
        });
        let drain_from_now = || Some(Instant::now() + drain);
        match happenings.recv_timeout(wait.min(every)) {
            Ok(Happening::Stop) if deadline.is_none() => {
                tracing::info!(deadline_seconds = drain.as_secs_f64(), "draining");
                vitals.enter(Phase::Draining);
                stop.stop();
                doors.close();
                *deadline = drain_from_now();
            }
            Ok(Happening::Stop) => {
                tracing::warn!("stopped a second time: ending at once");
                return left(&seen, status);
            }
            Ok(Happening::Reopen) => controls.iter().for_each(|control| control.reopen()),
            Ok(Happening::SourceEnded(source, result)) => {
                reading -= 1;
                match result {
                    Ok(()) => tracing::info!(source = &*source, "source ended"),
                    Err(error) => {
                        tracing::error!(source = &*source, %error, "source failed");
                        failed = true;
                    }
                }
                if reading == 0 {
                    vitals.enter(Phase::Draining);
                    doors.close();
                }
            }
            Ok(Happening::SinkClosed(sink, reason)) => {
                failed |= report::sink_closed(&sink, &reason);
                vitals.enter(Phase::Draining);
                stop.stop();
                doors.close();
                *deadline = deadline.or_else(drain_from_now);
            }
            Ok(Happening::JournalFailed(reason)) => {
                tracing::error!(reason, "the journal failed; ending");
                failed = true;
                vitals.enter(Phase::Draining);
                stop.stop();
                doors.close();
                *deadline = deadline.or_else(drain_from_now);
            }
            Ok(Happening::Drained(errors)) => {
                status.end();
                if let Some(patience) = &patience {
                    patience.end();
                }
                for error in &errors {
                    tracing::error!(sink = error.sink(), %error, "a sink failed");
                }
                report::totals(&seen);
                report::kept(&seen);
                failed |= backlog.is_some_and(|backlog| backlog.end(&seen));
                let unaccounted = report::unaccounted(&seen);
                return u8::from(failed || unaccounted > 0 || !errors.is_empty());
            }
            Err(RecvTimeoutError::Timeout) if deadline.is_some_and(|at| Instant::now() >= at) => {
                tracing::error!("the deadline for draining has passed");
                return left(&seen, status);
            }
            Err(RecvTimeoutError::Timeout) => {}
            // `tell` is held above: the channel cannot be disconnected.
            Err(RecvTimeoutError::Disconnected) => return 1,
        }
        seen.hangs.look();
        watchdog.look(Instant::now(), || seen.hangs.live().is_ok());
        status.show(&seen);
    }
}

/// Where orders are taken; none are if nobody can be given a pass.
fn desk(
    replayer: Arc<Replayer>,
    seen: Arc<Seen>,
    pool: PoolHandle,
    reloader: Option<Reloader>,
    address: SocketAddr,
) -> Option<Arc<dyn Control>> {
    match Desk::open(replayer, seen, pool, reloader, address) {
        Ok(desk) => Some(Arc::new(desk)),
        Err(error) => {
            tracing::warn!(%error, "no token can be left beside the dead letters: orders are refused");
            None
        }
    }
}

/// What tells the line to end.
struct Stops {
    sources: StopHandle,
    journal: Option<Stopper<Slice>>,
}

impl Stops {
    /// Sources take in nothing more, and what the journal holds stays there.
    fn stop(&self) {
        self.sources.stop();
        if let Some(journal) = &self.journal {
            journal.stop();
        }
    }
}

/// Says what is left where.
fn left(seen: &Seen, status: &mut Status) -> u8 {
    status.end();
    report::left(seen);
    report::totals(seen);
    1
}

fn start(source: OpenSource, tell: Sender<Happening>) {
    let OpenSource {
        name,
        opened,
        inlet,
    } = source;
    async_std::task::spawn(async move {
        let result = opened.run(inlet).await;
        let _ = tell.send(Happening::SourceEnded(name, result));
    });
}

/// Ends follow each other downstream: the sources drop their intakes, so the workers end, so the
/// rooms close, so the writers end.
fn wait_for_the_end(
    runtime: millpond_runtime::Runtime,
    buffers: Vec<BufferHandle>,
    sinks: Vec<SinkHandle>,
    admission: Option<Admission<Slice>>,
    tell: Sender<Happening>,
) {
    std::thread::spawn(move || {
        // Without a deadline this cannot fail.
        let _ = runtime.join(None);
        drop(runtime);
        let buffers = buffers.into_iter().map(BufferHandle::join);
        let sinks = sinks.into_iter().map(SinkHandle::join);
        let errors = buffers.chain(sinks).filter_map(Result::err).collect();
        if let Some(admission) = admission {
            admission.finish(None);
        }
        let _ = tell.send(Happening::Drained(errors));
    });
}
