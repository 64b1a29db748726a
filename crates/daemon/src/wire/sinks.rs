//! Opens the sinks of a configuration, the store of dead letters among them, and starts their writers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use millpond_delivery::{Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::{Budget, Limits, RoomReceiver, RoomSender, RoomView, room};
use millpond_runtime::{Exit, OnFull, output_spares};
use millpond_sinks::{
    BufferHandle, BufferOptions, Buffered, Letters, Recourse, SinkError, SinkHandle, SinkOptions,
};
use millpond_store::{Buffer, BufferView, DeadLetters};

use super::SinkSeen;
use crate::config::{Component, Config, DEAD_LETTERS, Pipeline, Sink};
use crate::error::StartError;
use crate::kinds;
use crate::patience::BestEffort;
use crate::points::Points;
use crate::run::Happening;

/// Letters wait for a disk: a longer queue would only hold more of them in memory.
const LETTERS_ROOM: u64 = 4 << 20;

/// What a sink with a disk buffer has in memory behind that, to write it in batches: the buffer keeps a copy
/// of it.
const BEHIND_BUFFER: Limits = Limits {
    events: 16_384,
    bytes: 2 << 20,
};

/// The disk buffer between a sink's room and the sink.
#[derive(Clone)]
pub(crate) struct BufferSeen {
    pub(crate) view: BufferView,
    /// The room behind it.
    pub(crate) behind: RoomView,
}

/// Open sinks by name.
pub(super) struct Sinks {
    exits: BTreeMap<String, (Exit<Records>, SinkSeen)>,
    /// In the order of the configuration, the dead letters last.
    names: Vec<String>,
    pub(super) handles: Vec<SinkHandle>,
    pub(super) buffers: Vec<BufferHandle>,
    pub(super) best_effort: Vec<BestEffort>,
}

impl Sinks {
    pub(super) fn exit(&self, name: &str) -> Option<Exit<Records>> {
        self.exits.get(name).map(|(exit, _)| exit.clone())
    }

    pub(super) fn seen(&self) -> Vec<SinkSeen> {
        self.names
            .iter()
            .filter_map(|name| self.exits.get(name))
            .map(|(_, seen)| seen.clone())
            .collect()
    }

    pub(super) fn seen_by(&self, pipeline: &Pipeline) -> Vec<SinkSeen> {
        let names = pipeline.to.iter().map(String::as_str).chain([DEAD_LETTERS]);
        names
            .filter_map(|name| self.exits.get(name))
            .map(|(_, seen)| seen.clone())
            .collect()
    }
}

/// Opens the store of dead letters first, so that the other sinks can set rows aside. It ends last, when
/// nobody holds its room any more.
pub(super) fn open_sinks(
    config: &Config,
    points: &Points,
    letters: &DeadLetters,
    journal: Option<u64>,
    budget: &Budget,
    happenings: &Sender<Happening>,
) -> Result<Sinks, StartError> {
    let mut sinks = Sinks {
        exits: BTreeMap::new(),
        names: Vec::new(),
        handles: Vec::new(),
        buffers: Vec::new(),
        best_effort: Vec::new(),
    };
    let options = SinkOptions::default();
    let policy = Policy {
        room: DEAD_LETTERS.to_owned(),
        limits: Limits {
            bytes: LETTERS_ROOM,
            ..options.queue.limits()
        },
        options,
        letters: None,
        buffer: None,
        journal,
    };
    let store = millpond_sinks::dead_letter_writer(letters.clone());
    let store = points.seen(DEAD_LETTERS, store);
    let letters = spawn(
        &mut sinks,
        DEAD_LETTERS,
        DEAD_LETTERS,
        policy,
        store,
        happenings,
    )
    .map_err(|error| StartError::open(&config.dead_letters_at, error))?;
    for sink in &config.sinks {
        let Component {
            name,
            kind,
            params,
            at,
        } = &sink.component;
        let closed = millpond_sinks::build(&kinds::sinks(), kind, params.clone())
            .map_err(|error| StartError::config(at, error))?;
        let writer = closed
            .open(name, journal)
            .map_err(|error| StartError::open(at, error))?;
        let writer = points.seen(name, writer);
        let buffer = open_buffer(sink)?;
        let policy = Policy {
            buffer,
            journal,
            room: format!("sinks.{name}"),
            limits: sink.options.queue.limits(),
            options: sink.options.clone(),
            letters: Some(Letters {
                room: letters.room.clone(),
                ledger: letters.ledger.clone(),
                budget: budget.clone(),
            }),
        };
        spawn(&mut sinks, name, kind, policy, writer, happenings)
            .map_err(|error| StartError::open(at, error))?;
    }
    sinks.names.rotate_left(1);
    sinks.handles.rotate_left(1);
    Ok(sinks)
}

struct Policy {
    room: String,
    limits: Limits,
    options: SinkOptions,
    letters: Option<Letters>,
    buffer: Option<Buffer>,
    journal: Option<u64>,
}

fn open_buffer(sink: &Sink) -> Result<Option<Buffer>, StartError> {
    let open = |options: &BufferOptions| Buffer::open(&options.dir, options.max.as_u64());
    let buffer = sink.options.buffer.as_ref().map(open).transpose();
    buffer.map_err(|error| StartError::open(&sink.component.at, error))
}

/// The room in front of a disk buffer, and what stands behind it.
struct Front {
    sender: RoomSender<Outbound<Records>>,
    receiver: RoomReceiver<Outbound<Records>>,
    buffer: Buffer,
}

fn spawn(
    sinks: &mut Sinks,
    name: &str,
    kind: &str,
    policy: Policy,
    writer: Box<dyn millpond_sinks::Writer>,
    happenings: &Sender<Happening>,
) -> Result<Exit<Records>, SinkError> {
    let Policy {
        room: room_name,
        limits,
        options,
        letters,
        buffer,
        journal,
    } = policy;
    let (sender, receiver) = room(room_name.clone(), limits);
    let (sender, receiver, front) = match buffer {
        None => (sender, receiver, None),
        Some(buffer) => {
            let (behind, next) = room(format!("{room_name}.buffered"), BEHIND_BUFFER);
            let front = Front {
                sender,
                receiver,
                buffer,
            };
            (behind, next, Some(front))
        }
    };
    let ledger = Arc::new(SinkLedger::new(name));
    let spares = output_spares();
    let (happenings, closed) = (happenings.clone(), name.to_owned());
    let on_closed = move |reason| {
        // Nobody listens any more once the daemon is on its way out.
        let _ = happenings.send(Happening::SinkClosed(closed.clone(), reason));
    };
    let handle = millpond_sinks::spawn(
        name,
        receiver,
        spares.clone(),
        writer,
        ledger.clone(),
        Recourse {
            retry: options.retry,
            letters,
        },
        on_closed,
    )?;
    let mut buffered = None;
    let sender = match front {
        None => sender,
        Some(front) => {
            buffered = Some(BufferSeen {
                view: front.buffer.view(),
                behind: sender.view(),
            });
            let between = Buffered {
                name: name.to_owned(),
                front: front.receiver,
                back: sender,
                sink: handle.control(),
                spares: spares.clone(),
                ledger: ledger.clone(),
                required: options.required,
                journal,
            };
            let buffer = millpond_sinks::buffer(between, front.buffer)?;
            sinks.buffers.push(buffer);
            front.sender
        }
    };
    let seen = SinkSeen {
        kind: kind.to_owned(),
        required: options.required,
        ledger: ledger.clone(),
        room: sender.view(),
        view: handle.view(),
        buffer: buffered,
    };
    let exit = Exit {
        room: sender,
        spares,
        ledger,
        required: options.required,
        on_full: match options.on_full {
            // The room in front of a buffer is full only when the buffer is.
            millpond_sinks::OnFull::Block | millpond_sinks::OnFull::Buffer => OnFull::Block,
            millpond_sinks::OnFull::Drop => OnFull::Drop,
        },
        given_up: Arc::default(),
    };
    // A buffer sees to it that its sink does not hold a drain.
    if !options.required && seen.buffer.is_none() {
        sinks.best_effort.push(BestEffort {
            sink: seen.clone(),
            control: handle.control(),
            given_up: exit.given_up.clone(),
        });
    }
    sinks.exits.insert(name.to_owned(), (exit.clone(), seen));
    sinks.names.push(name.to_owned());
    sinks.handles.push(handle);
    Ok(exit)
}
