//! Builds the line that a configuration describes: sinks first, then workers, then sources.

mod admission;
mod branches;
mod pipelines;
mod sinks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use millpond_admin::{Admin, Read, SpanCounts};
use millpond_delivery::{SinkLedger, SourceLedger};
use millpond_event::{BufferPool, Slice};
use millpond_ingest::{BoxFuture, Inlet, Opened, Route, SourceError, StopHandle};
use millpond_queue::{Budget, RoomView};
use millpond_runtime::admission::{Admission, AdmissionView};
use millpond_runtime::process::ProcessesView;
use millpond_runtime::{IntakeOf, Options, PipelineView, PoolView, Runtime, WorkersView};
use millpond_sinks::{BufferHandle, SinkHandle, SinkView};
use millpond_store::{DeadLetters, DeadLettersView};

use crate::config::{Component, Config, Pipeline};
use crate::crashes::Crashes;
use crate::error::StartError;
use crate::hangs::HangWatch;
use crate::journal;
use crate::kinds;
use crate::patience::BestEffort;
use crate::points::{Points, Redact};
use crate::reload::Designs;
use crate::replay::{Door, Doors, Replayer};
use crate::run::Happening;
use crate::spans::Spans;
use crate::worker;
use admission::{Shares, Ways, admit};
use branches::{OpenBranch, OpenedSource};
pub(crate) use pipelines::{blueprint, codec, key};
use pipelines::{hangs, line};
pub(crate) use sinks::BufferSeen;
use sinks::open_sinks;

/// The size of a chunk.
const CHUNK: usize = 512 << 10;
/// What dead letters come in through, in place of a source.
const REPLAY: &str = "replay";

/// A line that runs, and the handles to end it.
pub(crate) struct Line {
    pub(crate) runtime: Runtime,
    pub(crate) sinks: Vec<SinkHandle>,
    pub(crate) buffers: Vec<BufferHandle>,
    pub(crate) best_effort: Vec<BestEffort>,
    pub(crate) sources: Vec<OpenSource>,
    pub(crate) admission: Option<Admission<Slice>>,
    pub(crate) stop: StopHandle,
    pub(crate) seen: Arc<Seen>,
    pub(crate) admin: Option<Admin>,
    /// For what may change while it runs.
    pub(crate) designs: Designs,
    /// For dead letters that are run again; its doors are to be closed with the last source.
    pub(crate) replayer: Arc<Replayer>,
    /// Follows chunks.
    pub(crate) spans: Spans,
}

/// What a line is fed with.
pub(crate) enum Input {
    /// The sources of the configuration.
    Sources,
    /// Dead letters, from a store that is open already, and nothing else.
    Letters(DeadLetters, Feed),
}

/// Feeds a line with dead letters, to the end of which it is told.
pub(crate) type Feed = Box<dyn FnOnce(&Replayer) + Send>;

/// A source that is open and not yet reading, with the handle it will submit through.
pub(crate) struct OpenSource {
    pub(crate) name: Arc<str>,
    pub(crate) opened: Box<dyn Opened>,
    pub(crate) inlet: Inlet,
}

/// Views of everything that runs. Holding them keeps nothing from ending.
pub(crate) struct Seen {
    pub(crate) sources: Vec<Arc<SourceLedger>>,
    pub(crate) addresses: Vec<(Arc<str>, SocketAddr)>,
    pub(crate) pipelines: Vec<PipelineSeen>,
    pub(crate) sinks: Vec<SinkSeen>,
    pub(crate) letters: DeadLettersView,
    pub(crate) budget: Budget,
    pub(crate) journal: Option<AdmissionView>,
    pub(crate) workers: WorkersView,
    pub(crate) pool: PoolView,
    /// The processes of the workers, if they have some.
    pub(crate) processes: Option<ProcessesView>,
    /// Finds workers that hang.
    pub(crate) hangs: HangWatch,
    /// Where events can be looked at.
    pub(crate) points: Arc<Points>,
    /// What of them is not to be seen.
    pub(crate) redact: Redact,
    /// What became of spans, if they are sent anywhere.
    pub(crate) spans: Option<Read<SpanCounts>>,
}

/// A pipeline and the sinks it leads to.
pub(crate) struct PipelineSeen {
    pub(crate) view: PipelineView,
    /// What it reads and where it leads to, by name, and what it keeps in order.
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) key: Option<String>,
    sinks: Vec<SinkSeen>,
}

/// A sink.
#[derive(Clone)]
pub(crate) struct SinkSeen {
    pub(crate) kind: String,
    /// Whether inputs wait for it.
    pub(crate) required: bool,
    pub(crate) ledger: Arc<SinkLedger>,
    pub(crate) room: RoomView,
    pub(crate) view: SinkView,
    /// If it has one.
    pub(crate) buffer: Option<BufferSeen>,
}

impl PipelineSeen {
    /// Events in every place that may hold one, counted from upstream to downstream.
    pub(crate) fn held(&self) -> u64 {
        // What is given back goes against the flow: it is seen before or after, if not in between.
        let arrears = self.view.brake().arrears();
        let before = arrears.given_back();
        let upstream = self.view.upstream();
        let rows = self.view.outbox_rows() + self.sinks.iter().map(SinkSeen::held).sum::<u64>();
        // An input that waits for sinks waits for rows; where none are left, none may wait.
        upstream
            + if rows > 0 {
                self.view.ledger().totals().settling
            } else {
                0
            }
            + before
            + arrears.given_back()
    }
}

impl SinkSeen {
    /// Rows in memory: in the room, on their way past the disk, and in the writer's hands.
    pub(crate) fn held(&self) -> u64 {
        let rows = |room: &RoomView| room.depth().events + room.in_hand();
        let behind = self.buffer.as_ref().map(|buffer| &buffer.behind);
        rows(&self.room) + behind.map_or(0, rows)
    }
}

/// Builds everything and starts sinks and workers; nothing is read yet. `happenings` is told when a
/// sink's destination is gone for good.
pub(crate) async fn wire(
    config: &Config,
    input: Input,
    happenings: &Sender<Happening>,
) -> Result<Line, StartError> {
    let spans = Spans::start(config)?;
    let shares = Shares::of(config);
    let budget = shares.input.clone();
    let (letters, feed) = match input {
        Input::Sources => (open_letters(config)?, None),
        Input::Letters(letters, feed) => (letters, Some(feed)),
    };
    // Letters are run without the journal, which is not theirs.
    let journal = config.journal.as_ref().filter(|_| feed.is_none());
    let journal = journal
        .map(|section| journal::open(config, section))
        .transpose()?;
    let id = journal.as_ref().map(|open| open.journal.id());
    let points = Arc::new(Points::of(config));
    let mut sinks = open_sinks(config, &points, &letters, id, &budget, happenings)?;
    let crashes = Crashes::new(&config.runtime.crashes);
    let pipelines = config
        .pipelines
        .iter()
        .map(|pipeline| line(pipeline, &sinks, &points, &crashes))
        .collect::<Result<Vec<_>, _>>()?;
    let leads: Vec<Vec<SinkSeen>> = config
        .pipelines
        .iter()
        .map(|pipeline| sinks.seen_by(pipeline))
        .collect();
    let workers = config.runtime.workers;
    let options = Options {
        shards: config.runtime.shards,
        batch_bytes_min: shares.batch_bytes_min,
        workers_max: workers.max,
        elastic: workers.elastic(),
        ..Options::new(workers.min, budget.clone())
    };
    let designs: Vec<_> = pipelines.iter().map(|spec| spec.design.clone()).collect();
    let processes = config.runtime.apart.as_ref();
    let processes = processes
        .map(|apart| worker::processes(config, apart, journal.as_ref()))
        .transpose()?;
    let (runtime, intakes) = match processes.clone() {
        None => Runtime::start(&options, pipelines)?,
        Some(processes) => Runtime::start_apart(&options, pipelines, processes)?,
    };
    let hangs = hangs(config, runtime.hangs(), &crashes)?;
    let handles = std::mem::take(&mut sinks.handles);
    let buffers = std::mem::take(&mut sinks.buffers);
    let best_effort = std::mem::take(&mut sinks.best_effort);
    let seen_sinks = sinks.seen();
    // The workers' copies are the only ones left: the rooms close when the workers have ended.
    drop(sinks);

    let (stop, stopping) = millpond_ingest::stop();
    // Idle buffers take what is left of the budget: with them, too, memory stays within it.
    let left = budget.clone();
    let room = move || usize::try_from(left.capacity().saturating_sub(left.used())).unwrap_or(0);
    let pool = BufferPool::new(CHUNK, room);
    let mut doors = BTreeMap::new();
    let replay = Arc::new(SourceLedger::new(REPLAY));
    let door = |routes| {
        let (budget, pool, stop) = (budget.clone(), pool.clone(), stopping.clone());
        Inlet::new(REPLAY.into(), routes, budget, pool, replay.clone(), stop)
    };
    for (pipeline, route) in
        config
            .pipelines
            .iter()
            .zip(routes(config, |_| true, &runtime, &intakes)?)
    {
        let ledger = route.ledger.clone();
        // What comes in here is in no journal.
        let route = Route {
            arrears: None,
            ..route
        };
        let inlet = door(vec![route]);
        doors.insert(pipeline.name.clone(), Door { inlet, ledger });
    }
    let replayer = Arc::new(Replayer {
        store: letters.clone(),
        folder: config.dead_letters.path.clone(),
        doors: Doors::new(doors),
        busy: Mutex::new(()),
    });
    let configured = match feed {
        Some(_) => &[],
        None => &config.sources[..],
    };
    let (mut opened, mut ledgers, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    for component in configured {
        let name: Arc<str> = component.name.as_str().into();
        let source = source(component)?;
        let wanted =
            |wanted: &dyn Fn(&Pipeline) -> bool| routes(config, wanted, &runtime, &intakes);
        let branches = OpenBranch::all(&name, source.branches(), wanted)?;
        let source = source
            .open()
            .await
            .map_err(|error| StartError::open(&component.at, error))?;
        addresses.extend(source.local_addr().map(|address| (name.clone(), address)));
        let ledger = Arc::new(SourceLedger::new(&*component.name));
        let reads = |pipeline: &Pipeline| pipeline.from.contains(&component.name);
        let routes = routes(config, reads, &runtime, &intakes)?;
        ledgers.push(ledger.clone());
        opened.push(OpenedSource {
            name,
            opened: source,
            ledger,
            routes,
            branches,
        });
    }
    drop(intakes);
    let (ways, admission) = match journal {
        None => (Ways::default(), None),
        Some(open) => {
            let brakes = runtime.pipelines().iter().map(|view| view.brake().clone());
            let brakes = brakes.collect();
            let (ways, admission) = admit(open, &mut opened, &shares, brakes, &pool, happenings)?;
            (ways, Some(admission))
        }
    };
    let mut sources: Vec<OpenSource> = opened
        .into_iter()
        .map(|source| {
            let (name, opened, inlet) = source.into_inlet(|name, routes, ledger| {
                let (budget, pool, stop) = (budget.clone(), pool.clone(), stopping.clone());
                let onlooker = points.onlooker(&name);
                let inlet = match ways.way(&name) {
                    Some(way) => Inlet::with_journal(name, way, budget, pool, ledger, stop),
                    None => Inlet::new(name, routes, budget, pool, ledger, stop),
                };
                inlet.seen_by(onlooker)
            });
            OpenSource {
                name,
                opened,
                inlet,
            }
        })
        .collect();
    // The inlets have the only ways in that are left.
    drop(ways);
    if let Some(feed) = feed {
        sources.push(OpenSource {
            name: REPLAY.into(),
            opened: Box::new(Feeding {
                feed,
                replayer: replayer.clone(),
            }),
            inlet: door(Vec::new()),
        });
        ledgers.push(replay.clone());
    }
    let admin = match config.admin {
        Some(address) => Some(
            millpond_admin::bind(address)
                .await
                .map(|admin| admin.known_as(config.admin_hosts.clone()))
                .map_err(|error| StartError::open(&config.admin_at, error))?,
        ),
        None => None,
    };
    let pipelines = runtime
        .pipelines()
        .iter()
        .cloned()
        .zip(&config.pipelines)
        .zip(leads)
        .map(|((view, pipeline), sinks)| PipelineSeen {
            view,
            from: pipeline.from.clone(),
            to: pipeline.to.clone(),
            key: pipeline.key.clone(),
            sinks,
        });
    let designs = Designs {
        pipelines: designs
            .into_iter()
            .zip(runtime.pipelines().iter().cloned())
            .collect(),
        crashes,
        processes,
        output_bytes: options.output_bytes,
    };
    let seen = Seen {
        sources: ledgers,
        addresses,
        pipelines: pipelines.collect(),
        sinks: seen_sinks,
        letters: letters.view(),
        budget,
        journal: admission.as_ref().map(Admission::view),
        workers: runtime.workers().clone(),
        pool: runtime.pool().clone(),
        processes: runtime.processes().cloned(),
        hangs,
        points,
        redact: Redact::new(&config.redact),
        spans: spans.counts(),
    };
    Ok(Line {
        runtime,
        sinks: handles,
        buffers,
        best_effort,
        sources,
        admission,
        stop,
        seen: Arc::new(seen),
        admin,
        designs,
        replayer,
        spans,
    })
}

/// Opens the store of dead letters.
fn open_letters(config: &Config) -> Result<DeadLetters, StartError> {
    let letters = &config.dead_letters;
    DeadLetters::open(&letters.path, letters.max.as_u64())
        .map_err(|error| StartError::open(&config.dead_letters_at, error))
}

/// The store of dead letters as a source.
struct Feeding {
    feed: Feed,
    replayer: Arc<Replayer>,
}

impl Opened for Feeding {
    fn run(self: Box<Self>, _inlet: Inlet) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async_std::task::spawn_blocking(move || {
            (self.feed)(&self.replayer);
            Ok(())
        }))
    }
}

/// A source that is not open yet; also what `check` builds.
pub(crate) fn source(
    component: &Component,
) -> Result<Box<dyn millpond_ingest::Source>, StartError> {
    millpond_ingest::build_of(&kinds::sources(), &component.kind, component.params.clone())
        .map_err(|error| StartError::config(&component.at, error))
}

/// The routes to the pipelines that are wanted.
fn routes(
    config: &Config,
    wanted: impl Fn(&Pipeline) -> bool,
    runtime: &Runtime,
    intakes: &[IntakeOf<millpond_event::Slice>],
) -> Result<Vec<Route>, StartError> {
    let lines = config
        .pipelines
        .iter()
        .zip(runtime.pipelines())
        .zip(intakes);
    lines
        .filter(|((pipeline, _), _)| wanted(pipeline))
        .map(|((pipeline, view), intake)| {
            Ok(Route {
                intake: intake.clone(),
                ledger: view.ledger().clone(),
                key: key(pipeline)?,
                arrears: Some(view.brake().arrears().clone()),
            })
        })
        .collect()
}
