//! Files that reproduce crashes: what `millpond replay` takes.

mod file;

use std::collections::{HashMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millpond_runtime::{Crash, KeepCrash};
use serde_json::Value;

use crate::codec::unix_micros;
use crate::config::Pipeline;
pub(crate) use file::{CrashFile, CrashFileError};

/// The most files there may be, and the most bytes in them. The oldest go.
const FILES: usize = 100;
const BYTES: u64 = 64 << 20;
/// So many of one kind are kept in one run: the next thousand would tell nothing new, and push out the others.
const OF_A_KIND: u32 = 10;
/// Kinds that are told apart. A message may differ each time; a place in the source does not.
const KINDS: usize = 1_000;
/// What their names end with.
const SUFFIX: &str = ".crash";

/// Keeps files of crashes in a folder. They are not synced: the dead letter is what must not be lost.
pub(crate) struct Crashes {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Names and sizes, oldest first; read from the folder with the first crash.
    files: Option<VecDeque<(String, u64)>>,
    /// What pipelines do with an event, by their names.
    pipelines: HashMap<String, Arc<Value>>,
    /// How many there were of each kind in this run.
    kinds: HashMap<String, u32>,
    number: u64,
}

impl Crashes {
    pub(crate) fn new(folder: &Path) -> Arc<Self> {
        Arc::new(Crashes {
            folder: folder.to_owned(),
            state: Mutex::default(),
        })
    }

    /// What keeps the crashes of a pipeline.
    pub(crate) fn of(self: &Arc<Self>, pipeline: &Pipeline) -> KeepCrash {
        self.know(pipeline);
        let crashes = self.clone();
        Arc::new(move |crash| crashes.keep(crash))
    }

    /// From now on the pipeline of this name is this one.
    pub(crate) fn know(&self, pipeline: &Pipeline) {
        let config = Arc::new(file::config(pipeline));
        self.lock().pipelines.insert(pipeline.name.clone(), config);
    }

    fn keep(&self, crash: &Crash<'_>) -> Option<String> {
        let mut state = self.lock();
        let config = state.pipelines.get(crash.pipeline)?.clone();
        if !state.is_new(crash) {
            return None;
        }
        match self.write(&mut state, crash, &config) {
            Ok(path) => Some(path.display().to_string()),
            Err(error) => {
                let folder = self.folder.display();
                let (pipeline, stage) = (crash.pipeline, crash.stage);
                tracing::warn!(pipeline, stage, %folder, %error, "a crash cannot be kept in a file; its dead letter has the event");
                None
            }
        }
    }

    fn write(&self, state: &mut State, crash: &Crash<'_>, config: &Value) -> io::Result<PathBuf> {
        if state.files.is_none() {
            let mut folder = fs::DirBuilder::new();
            folder.recursive(true).mode(0o700).create(&self.folder)?;
            state.files = Some(kept(&self.folder)?);
        }
        let micros = unix_micros();
        state.number += 1;
        let number = state.number;
        let name = format!("{micros:017}-{}-{number}{SUFFIX}", crash.pipeline);
        let path = self.folder.join(&name);
        let bytes = CrashFile::new(crash, micros, config).to_bytes();
        // Under another name first: whoever finds a file finds all of it.
        let unfinished = self.folder.join(format!(".{name}"));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        let written = file
            .write_all(&bytes)
            .and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        if let Some(files) = &mut state.files {
            files.push_back((name, bytes.len() as u64));
            self.make_room(files)?;
        }
        Ok(path)
    }

    /// A name is given before a file is written, and forgotten after one is gone: a panic in between costs a file.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes the oldest until the others are few enough.
    fn make_room(&self, files: &mut VecDeque<(String, u64)>) -> io::Result<()> {
        let mut bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        // The newest stays in any case.
        while files.len() > 1
            && (files.len() > FILES || bytes > BYTES)
            && let Some((name, size)) = files.pop_front()
        {
            bytes -= size;
            match fs::remove_file(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl State {
    /// Whether there were few of its kind.
    fn is_new(&mut self, crash: &Crash<'_>) -> bool {
        let place = crash.location.unwrap_or(crash.message);
        let kind = format!("{}\n{}\n{place}", crash.pipeline, crash.stage);
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) {
            return false;
        }
        let seen = self.kinds.entry(kind).or_default();
        *seen += 1;
        *seen <= OF_A_KIND
    }
}

/// The files of earlier runs, oldest first, as their names say.
fn kept(folder: &Path) -> io::Result<VecDeque<(String, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if !name.ends_with(SUFFIX) {
            continue;
        }
        if name.starts_with('.') {
            // A process ended while it wrote it.
            let _ = fs::remove_file(entry.path());
        } else {
            files.push((name, entry.metadata()?.len()));
        }
    }
    files.sort_unstable();
    Ok(files.into())
}

#[cfg(test)]
#[path = "crashes/tests.rs"]
mod tests;
