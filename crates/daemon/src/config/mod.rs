//! The configuration: where it comes from, what it may say, and what it says in the end.
//!
//! Layers, each over the ones before: defaults, the files in the order given, the environment
//! (`MILLPOND__SECTION__KEY`), `--set key=value`. Tables are merged key by key; anything else in a
//! later layer replaces what was there. So a source named in two files is one source, with the
//! later file's settings over the earlier's; a table named twice in one file is an error.

mod changes;
mod components;
mod demo;
mod layers;
mod model;
mod problem;
mod read;
mod schema;
mod sections;
#[cfg(test)]
mod tests;
mod tracing;
mod workers;

use serde_json::Value;

pub(crate) use changes::changes;
pub(crate) use components::Family;
pub(crate) use demo::{DemoOptions, demo};
pub(crate) use layers::Inputs;
use layers::Origins;
pub(crate) use model::{
    Apart, Component, Config, DEAD_LETTERS, Journal as JournalConfig, MissingKey, Pipeline, Place,
    Sink,
};
pub(crate) use problem::{Problems, nest};
pub(crate) use schema::schema;
pub(crate) use workers::{Workers, cores};

/// Checks a configuration that stands in no file.
///
/// # Errors
/// Everything that is wrong with it, as far as it can be told at once.
pub(crate) fn config_of(tree: Value) -> Result<Config, Problems> {
    read::config(tree, &Origins::default())
}

/// Reads and checks the configuration. Nothing outside the configuration is opened or bound.
///
/// # Errors
/// Everything that is wrong with it, as far as it can be told at once.
pub(crate) fn load(inputs: &Inputs) -> Result<Config, Problems> {
    let (tree, origins) = layers::read(inputs)?;
    read::config(tree, &origins)
}
