use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use millpond_delivery::{Inbound, Lane};
use millpond_queue::{Intake, Limits, ReadySet, RoomView, mailboxes};

use crate::brake::{Brake, Way};
use crate::codec::Codec;
use crate::elastic::{Crew, Foreman, Kit, PoolView, Staff, oversee};
use crate::error::RuntimeError;
use crate::hangs::Hangs;
use crate::options::{Options, PipelineSpec};
use crate::process::{Children, Processes, ProcessesView, Remotes, Wire};
use crate::service::ServiceCounts;
use crate::shard::{Shard, Shared};
use crate::view::{Counts, PipelineView, WorkersView};
use crate::wakes::Wakes;
use crate::watch::{Watch, Watched};
use crate::worker::Worker;

/// Of a pool of more workers that stays as it is, nobody needs to know the time on a core so badly.
const METERED: usize = 64;

/// Running pipelines and their workers. It ends by itself when the intakes have been dropped and
/// everything they brought in has been handed to the sinks.
pub struct Runtime {
    pipelines: Vec<PipelineView>,
    workers: WorkersView,
    processes: Option<ProcessesView>,
    pool: PoolView,
    staff: Arc<dyn Staff>,
    watched: Arc<[Arc<dyn Watched>]>,
    /// Kept for the thread that makes the number of workers follow the load: it ends with this.
    _foreman: Option<Sender<()>>,
    /// Never carries anything: disconnected when the last worker has ended.
    ended: Receiver<()>,
}

/// A running runtime and the intakes of its pipelines, in order.
pub type Started<C> = (Runtime, Vec<IntakeOf<<C as Codec>::Batch>>);

/// The intake of a pipeline whose batches are `B`.
pub type IntakeOf<B> = Intake<Inbound<B>>;

impl Runtime {
    /// Starts the workers. One intake per pipeline comes back, in order.
    ///
    /// # Errors
    /// [`RuntimeError`] when a setting is out of range, a pipeline's exits do not fit its line, or
    /// the system gives no threads.
    pub fn start<C: Codec>(
        options: &Options,
        pipelines: Vec<PipelineSpec<C>>,
    ) -> Result<Started<C>, RuntimeError> {
        Self::launch(options, pipelines, 1, None)
    }

    /// Starts workers that run the lines in processes of their own, one each: [`Options::workers_max`] of them,
    /// whose number does not change.
    ///
    /// # Errors
    /// As [`Runtime::start`], and when such a process does not start.
    pub fn start_apart<C: Wire>(
        options: &Options,
        pipelines: Vec<PipelineSpec<C>>,
        processes: Processes,
    ) -> Result<Started<C>, RuntimeError> {
        processes
            .try_one(options.output_bytes)
            .map_err(RuntimeError::Process)?;
        // A shard's line is in the process of one worker: nobody else runs it.
        let options = Options {
            workers: most(options),
            elastic: None,
            ..options.clone()
        };
        let workers = options.workers;
        let children = Children::new(processes, options.output_bytes, workers);
        Self::launch(&options, pipelines, workers, Some(Arc::new(children)))
    }

    fn launch<C: Codec>(
        options: &Options,
        pipelines: Vec<PipelineSpec<C>>,
        groups: usize,
        remotes: Option<Arc<dyn Remotes<C>>>,
    ) -> Result<Started<C>, RuntimeError> {
        let Parts {
            ready,
            shards,
            pipelines,
            view: workers,
            intakes,
            watched,
        } = parts(options, pipelines, groups)?;
        let most = most(options);
        let least = match options.elastic {
            Some(elastic) => elastic.min.clamp(1, most),
            None if most == options.workers => most,
            None => 1,
        };
        let pool = PoolView::new(least..=most);
        let (alive, ended) = channel();
        let processes = remotes.as_ref().map(|remotes| remotes.view().clone());
        let kit = Kit {
            shards,
            remotes,
            alive,
        };
        let (view, tick) = (workers.clone(), options.tick);
        let crew = Crew::new(kit, ready.clone(), view, pool.clone(), tick);
        let staff: Arc<dyn Staff> = Arc::new(crew);
        staff.set(options.workers)?;
        let foreman = options.elastic.map(|elastic| {
            let foreman = Foreman {
                staff: staff.clone(),
                pool: pool.clone(),
                workers: workers.clone(),
                pipelines: pipelines.clone(),
                ready,
                budget: options.budget.clone(),
            };
            oversee(foreman, elastic)
        });
        Ok((
            Runtime {
                pipelines,
                workers,
                processes,
                pool,
                staff,
                watched,
                _foreman: foreman.transpose()?,
                ended,
            },
            intakes,
        ))
    }

    /// Views of the pipelines, in order.
    pub fn pipelines(&self) -> &[PipelineView] {
        &self.pipelines
    }

    /// A view of the worker pool.
    pub fn workers(&self) -> &WorkersView {
        &self.workers
    }

    /// A view of the workers' processes, if they have some.
    pub fn processes(&self) -> Option<&ProcessesView> {
        self.processes.as_ref()
    }

    /// How many workers there should be, and why.
    pub fn pool(&self) -> &PoolView {
        &self.pool
    }

    /// What finds workers that hang.
    pub fn hangs(&self) -> Hangs {
        Hangs::new(self.workers.clone(), self.watched.clone())
    }

    /// Changes how many workers run; see [`PoolHandle::set_workers`].
    ///
    /// # Errors
    /// There is no place for so many, or the system gives no threads.
    pub fn set_workers(&self, workers: usize) -> Result<(), RuntimeError> {
        self.handle().set_workers(workers)
    }

    /// Changes how many workers run, for whoever does not own the runtime.
    pub fn handle(&self) -> PoolHandle {
        PoolHandle {
            staff: Arc::downgrade(&self.staff),
            pool: self.pool.clone(),
            fixed: self.processes.is_some(),
        }
    }

    /// Waits until the workers have ended; without a deadline for as long as that takes.
    ///
    /// # Errors
    /// The deadline has passed: what was left, and where.
    pub fn join(&self, deadline: Option<Instant>) -> Result<(), Vec<Left>> {
        let wait = deadline.map_or(Duration::MAX, |at| {
            at.saturating_duration_since(Instant::now())
        });
        match self.ended.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => Err(self.left()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    }

    /// What has not been handed to the sinks yet, by pipeline.
    pub fn left(&self) -> Vec<Left> {
        self.pipelines
            .iter()
            .map(|view| Left {
                pipeline: view.name().to_owned(),
                queued_events: view.intake.events(),
                in_hand_events: view.intake.in_hand(),
                outbox_rows: view.outbox_rows(),
            })
            .collect()
    }
}

/// Changes how many workers run. It keeps nothing from ending.
#[derive(Clone)]
pub struct PoolHandle {
    staff: Weak<dyn Staff>,
    pool: PoolView,
    /// Each has a process of its own, in which its shards' lines are.
    fixed: bool,
}

impl PoolHandle {
    /// Changes how many workers run, from 1 to [`Options::workers_max`]. Nothing waits for it: one that is
    /// too many ends after its slice. A pool that follows its load goes on from there; one that has ended
    /// stays as it is.
    ///
    /// # Errors
    /// There is no place for so many, each has a process of its own, or the system gives no threads.
    pub fn set_workers(&self, workers: usize) -> Result<(), RuntimeError> {
        let max = *self.pool.bounds().end();
        if self.fixed && workers != max {
            return Err(RuntimeError::Fixed { workers: max });
        }
        if !(1..=max).contains(&workers) {
            return Err(RuntimeError::Workers {
                wanted: workers,
                max,
            });
        }
        match self.staff.upgrade() {
            Some(staff) => staff.set(workers),
            None => Ok(()),
        }
    }
}

/// A runtime without threads, for a caller that steps the workers itself.
pub struct Assembled<C: Codec> {
    /// The workers; any number of them may be stepped, on any thread.
    pub workers: Vec<Worker<C>>,
    /// Views of the pipelines, in order.
    pub pipelines: Vec<PipelineView>,
    /// A view of the worker pool.
    pub view: WorkersView,
    /// The intakes of the pipelines, in order.
    pub intakes: Vec<IntakeOf<C::Batch>>,
}

/// Puts pipelines and workers together without starting them.
///
/// # Errors
/// [`RuntimeError`] when a setting is out of range or a pipeline's exits do not fit its line.
pub fn assemble<C: Codec>(
    options: &Options,
    specs: Vec<PipelineSpec<C>>,
) -> Result<Assembled<C>, RuntimeError> {
    let Parts {
        ready,
        shards,
        pipelines,
        view,
        intakes,
        ..
    } = parts(options, specs, 1)?;
    let workers = (0..options.workers)
        .map(|number| Worker {
            ready: ready.clone(),
            shards: shards.clone(),
            number,
            view: view.clone(),
            remote: None,
            tick: options.tick,
            cursor: number * ready.len() / options.workers,
            slept: false,
            wakes: Wakes::new(),
        })
        .collect();
    Ok(Assembled {
        workers,
        pipelines,
        view,
        intakes,
    })
}

/// Everything but workers.
struct Parts<C: Codec> {
    ready: Arc<ReadySet>,
    shards: Arc<[Mutex<Shard<C>>]>,
    pipelines: Vec<PipelineView>,
    view: WorkersView,
    intakes: Vec<IntakeOf<C::Batch>>,
    watched: Arc<[Arc<dyn Watched>]>,
}

/// The most workers there may ever be.
fn most(options: &Options) -> usize {
    options.workers_max.max(options.workers)
}

/// For how many of them the time on a core is counted, which takes an open file each.
fn metered(options: &Options) -> usize {
    let most = most(options);
    if options.elastic.is_some() || most <= METERED {
        most
    } else {
        0
    }
}

fn parts<C: Codec>(
    options: &Options,
    specs: Vec<PipelineSpec<C>>,
    groups: usize,
) -> Result<Parts<C>, RuntimeError> {
    for (what, value) in [("workers", options.workers), ("shards", options.shards)] {
        if value == 0 {
            return Err(RuntimeError::Zero { what });
        }
    }
    let ready = Arc::new(ReadySet::in_groups(specs.len() * options.shards, groups));
    let (mut pipelines, mut intakes, mut shards) = (Vec::new(), Vec::new(), Vec::new());
    for (number, spec) in specs.into_iter().enumerate() {
        let (view, intake) = add_pipeline(options, spec, &ready, number, &mut shards)?;
        pipelines.push(view);
        intakes.push(intake);
    }
    let watched = shards.iter().map(|shard: &Mutex<Shard<C>>| {
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.watch.clone() as Arc<dyn Watched>
    });
    Ok(Parts {
        ready,
        watched: watched.collect(),
        shards: shards.into(),
        pipelines,
        view: WorkersView::new(most(options), metered(options)),
        intakes,
    })
}

/// What a pipeline has not handed to its sinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The pipeline.
    pub pipeline: String,
    /// Events in its mailboxes.
    pub queued_events: u64,
    /// Events that workers have taken and not finished.
    pub in_hand_events: u64,
    /// Encoded rows that wait for space in a sink's room.
    pub outbox_rows: u64,
}

fn add_pipeline<C: Codec>(
    options: &Options,
    spec: PipelineSpec<C>,
    ready: &Arc<ReadySet>,
    pipeline: usize,
    shards: &mut Vec<Mutex<Shard<C>>>,
) -> Result<(PipelineView, IntakeOf<C::Batch>), RuntimeError> {
    let base = pipeline * options.shards;
    let PipelineSpec {
        ledger,
        design,
        codec,
        mut exits,
        dead_letters,
        supervision,
    } = spec;
    let edition = design.edition();
    let wanted = edition.blueprint.exits().len();
    if exits.len() != wanted {
        return Err(RuntimeError::Exits {
            pipeline: ledger.name().to_owned(),
            given: exits.len(),
            wanted,
        });
    }
    let letters_exit = dead_letters.is_some().then_some(exits.len());
    exits.extend(dead_letters);
    let capacity = options.budget.capacity();
    let slots =
        usize::try_from(capacity).unwrap_or(usize::MAX) / options.batch_bytes_min.max(1) + 1;
    // A mailbox has no bound of its own: the budget bounds them all together.
    let limits = Limits {
        events: u64::MAX,
        bytes: capacity,
    };
    let (intake, boxes) = mailboxes(
        format!("pipelines.{}", ledger.name()),
        ready.clone(),
        base,
        options.shards,
        slots,
        limits,
    );
    let counts = Arc::new(Counts::default());
    let service = Arc::new(ServiceCounts::new(options.shards));
    let way = Way {
        gate: intake.gate().clone(),
        intake: intake.view(),
    };
    let brake = Brake::new(
        &ledger,
        supervision.tolerance,
        way,
        ready.clone(),
        base..base + options.shards,
    );
    let view = PipelineView {
        ledger: ledger.clone(),
        intake: intake.view(),
        stages: {
            let design = design.clone();
            Arc::new(move || design.stats())
        },
        counts: counts.clone(),
        brake: brake.clone(),
        service: service.clone(),
    };
    let name: Arc<str> = ledger.name().into();
    let shared = Arc::new(Shared {
        ledger,
        pipeline,
        design,
        exits,
        letters_exit,
        budget: options.budget.clone(),
        counts,
        brake,
        supervision,
        service,
        slice_nanos: nanos(options.slice),
        turn: options.turn,
        output_bytes: options.output_bytes,
        tick_nanos: options.tick.map(nanos),
    });
    let stages: Arc<[String]> = edition.blueprint.stage_names().into();
    let rooms: Arc<[RoomView]> = shared.exits.iter().map(|exit| exit.room.view()).collect();
    for (number, mailbox) in boxes.into_iter().enumerate() {
        let waker = ready.waker(base + number);
        let lane = Lane {
            pipeline: name.clone(),
            shard: u32::try_from(number).unwrap_or(u32::MAX),
        };
        let watch = Watch::new(name.clone(), lane.shard, stages.clone(), rooms.clone());
        shards.push(Mutex::new(Shard::new(
            shared.clone(),
            lane,
            mailbox,
            codec(),
            Arc::new(watch),
            waker,
        )));
    }
    Ok((view, intake))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
