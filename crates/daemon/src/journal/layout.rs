//! How the events of a journal are spread over shards, kept beside it. What a sink has is told by
//! pipeline and shard, so a backlog has to be run the way it was first run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use millpond_event::HASH_NAME;
use serde::{Deserialize, Serialize};

use crate::config::Config;

const NAME: &str = "layout.json";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Layout {
    /// How keys are hashed.
    hash: String,
    shards: usize,
    /// The key of each pipeline.
    pipelines: BTreeMap<String, Option<String>>,
}

/// Compares the configuration with what is recorded in `folder`, and records it anew. With a `backlog`,
/// what it depends on must be the same.
///
/// # Errors
/// What has changed, or why the record cannot be read or written.
pub(super) fn check(folder: &Path, config: &Config, backlog: bool) -> Result<(), String> {
    let pipelines = config.pipelines.iter();
    let now = Layout {
        hash: HASH_NAME.to_owned(),
        shards: config.runtime.shards,
        pipelines: pipelines
            .map(|pipeline| (pipeline.name.clone(), pipeline.key.clone()))
            .collect(),
    };
    let path = folder.join(NAME);
    let there = match std::fs::read(&path) {
        Ok(bytes) => Some(
            serde_json::from_slice::<Layout>(&bytes)
                .map_err(|error| format!("{}: {error}", path.display()))?,
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    if let (true, Some(there)) = (backlog, &there)
        && let Some(change) = changed(there, &now)
    {
        return Err(format!(
            "it holds events that were not delivered, taken in with {change}. \
             Run with that until they are, then change it"
        ));
    }
    if there.as_ref() != Some(&now) {
        store(folder, &path, &now).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// What of `there` a backlog depends on and `now` has otherwise.
fn changed(there: &Layout, now: &Layout) -> Option<String> {
    if there.hash != now.hash {
        let (old, new) = (&there.hash, &now.hash);
        return Some(format!(
            "the key hash {old:?}, and this release has {new:?}"
        ));
    }
    if there.shards != now.shards {
        let (old, new) = (there.shards, now.shards);
        return Some(format!("`runtime.shards` = {old}, and now it is {new}"));
    }
    let key = |key: &Option<String>| match key {
        Some(key) => format!("{key:?}"),
        None => "absent".to_owned(),
    };
    there
        .pipelines
        .iter()
        .find_map(|(name, old)| match now.pipelines.get(name) {
            Some(new) if new == old => None,
            Some(new) => Some(format!(
                "`pipelines.{name}.key` = {}, and now it is {}",
                key(old),
                key(new)
            )),
            None => Some(format!("a pipeline {name:?}, and now there is none")),
        })
}

/// Written beside, synced and renamed: a crash leaves the old one or the new one.
fn store(folder: &Path, path: &Path, layout: &Layout) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(layout)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}
