//! Opens the sinks of a configuration, the store of dead letters among them, and starts their writers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use millpond_delivery::SinkLedger;
use millpond_event::Records;
use millpond_queue::{Limits, Spares, room};
use millpond_runtime::{Exit, OnFull};
use millpond_sinks::{SinkError, SinkHandle};
use millpond_store::DeadLetters;

use super::SinkSeen;
use crate::config::{Component, Config, DEAD_LETTERS, Pipeline};
use crate::error::StartError;
use crate::run::Happening;

/// How many emptied outputs a sink keeps for the workers.
const SPARES: usize = 8;

/// Letters wait for a disk: a longer queue would only hold more of them in memory.
const LETTERS_ROOM: u64 = 4 << 20;

/// Open sinks by name.
pub(super) struct Sinks {
    exits: BTreeMap<String, (Exit<Records>, SinkSeen)>,
    /// In the order of the configuration, the dead letters last.
    names: Vec<String>,
    pub(super) handles: Vec<SinkHandle>,
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

pub(super) fn open_sinks(
    config: &Config,
    letters: &DeadLetters,
    happenings: &Sender<Happening>,
) -> Result<Sinks, StartError> {
    let mut sinks = Sinks {
        exits: BTreeMap::new(),
        names: Vec::new(),
        handles: Vec::new(),
    };
    for sink in &config.sinks {
        let Component {
            name,
            kind,
            params,
            at,
        } = &sink.component;
        let closed = millpond_sinks::build(kind, params.clone())
            .map_err(|error| StartError::config(at, error))?;
        let writer = closed.open().map_err(|error| StartError::open(at, error))?;
        let on_full = match sink.options.on_full {
            millpond_sinks::OnFull::Block => OnFull::Block,
            millpond_sinks::OnFull::Drop => OnFull::Drop,
        };
        let policy = Policy {
            room: format!("sinks.{name}"),
            limits: sink.options.queue.limits(),
            required: sink.options.required,
            on_full,
        };
        spawn(&mut sinks, name, kind, policy, writer, happenings)
            .map_err(|error| StartError::open(at, error))?;
    }
    let limits = Limits {
        bytes: LETTERS_ROOM,
        ..millpond_sinks::SinkOptions::default().queue.limits()
    };
    let policy = Policy {
        room: DEAD_LETTERS.to_owned(),
        limits,
        required: true,
        on_full: OnFull::Block,
    };
    spawn(
        &mut sinks,
        DEAD_LETTERS,
        DEAD_LETTERS,
        policy,
        millpond_sinks::dead_letter_writer(letters.clone()),
        happenings,
    )
    .map_err(|error| StartError::open(&config.dead_letters_at, error))?;
    Ok(sinks)
}

struct Policy {
    room: String,
    limits: Limits,
    required: bool,
    on_full: OnFull,
}

fn spawn(
    sinks: &mut Sinks,
    name: &str,
    kind: &str,
    policy: Policy,
    writer: Box<dyn millpond_sinks::Writer>,
    happenings: &Sender<Happening>,
) -> Result<(), SinkError> {
    let (sender, receiver) = room(policy.room, policy.limits);
    let ledger = Arc::new(SinkLedger::new(name));
    let spares = Spares::new(SPARES);
    let (happenings, closed) = (happenings.clone(), name.to_owned());
    let on_closed = move |reason| {
        // Nobody listens any more once the daemon is on its way out.
        let _ = happenings.send(Happening::SinkClosed(closed.clone(), reason));
    };
    let view = sender.view();
    let handle = millpond_sinks::spawn(
        name,
        receiver,
        spares.clone(),
        writer,
        ledger.clone(),
        on_closed,
    )?;
    let seen = SinkSeen {
        kind: kind.to_owned(),
        ledger: ledger.clone(),
        room: view,
        view: handle.view(),
    };
    let exit = Exit {
        room: sender,
        spares,
        ledger,
        required: policy.required,
        on_full: policy.on_full,
    };
    sinks.exits.insert(name.to_owned(), (exit, seen));
    sinks.names.push(name.to_owned());
    sinks.handles.push(handle);
    Ok(())
}
