//! Where a running daemon takes orders about its dead letters, its pipelines and its workers, from whoever can
//! read its token.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use millpond_admin::{Control, NotReloaded, Order, OrderKind};
use millpond_runtime::{Brake, PipelineView, PoolHandle};
use millpond_store::Filter;
use serde_json::{Value, json};

use crate::reload::Reloader;
use crate::replay::Replayer;
use crate::wire::Seen;

/// In the directory of the dead letters: who may write there may as well delete them.
const FILE: &str = "admin.token";

/// How to reach a running daemon: what is in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) address: SocketAddr,
    pub(crate) process: u32,
    pub(crate) token: String,
}

impl Pass {
    /// Leaves a new pass in `folder`, for nobody but its owner to read.
    fn leave(folder: &Path, address: SocketAddr) -> io::Result<Self> {
        let mut random = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let pass = Pass {
            address,
            process: std::process::id(),
            token: random.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        Self::withdraw(folder)?;
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let Pass {
            address,
            process,
            token,
        } = &pass;
        writeln!(file, "{address} {process} {token}")?;
        Ok(pass)
    }

    /// Takes away one that an earlier process left.
    pub(crate) fn withdraw(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The pass in `folder`, if there is one.
    pub(crate) fn find(folder: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(folder.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        Self::read(&text).map(Some)
    }

    /// The pass that a file says.
    pub(crate) fn read(text: &str) -> io::Result<Self> {
        let mut parts = text.split_whitespace();
        let mut pass = || {
            Some(Pass {
                address: parts.next()?.parse().ok()?,
                process: parts.next()?.parse().ok()?,
                token: parts.next()?.to_owned(),
            })
        };
        let unreadable = || {
            let message = format!("{FILE} is no pass, expected an address, a process and a token");
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        pass().ok_or_else(unreadable)
    }
}

/// Takes orders, one at a time.
pub(crate) struct Desk {
    replayer: Arc<Replayer>,
    pool: PoolHandle,
    seen: Arc<Seen>,
    /// Where there is a configuration to read again.
    reloader: Option<Reloader>,
    pass: Pass,
    last: Arc<Mutex<Last>>,
}

/// The last order that was taken.
#[derive(Default)]
struct Last {
    number: u64,
    running: bool,
    /// Whether everything was done that was ordered, and what there is to say.
    result: Option<(bool, String)>,
}

impl Desk {
    /// Opens a desk that is reached at `address`, and leaves a pass for it beside the dead letters.
    pub(crate) fn open(
        replayer: Arc<Replayer>,
        seen: Arc<Seen>,
        pool: PoolHandle,
        reloader: Option<Reloader>,
        address: SocketAddr,
    ) -> io::Result<Self> {
        Ok(Desk {
            seen,
            pass: Pass::leave(&replayer.folder, address)?,
            replayer,
            pool,
            reloader,
            last: Arc::default(),
        })
    }
}

impl Desk {
    /// What stops the pipeline of this name.
    fn brake(&self, pipeline: &str) -> Result<&Brake, String> {
        let mut pipelines = self.seen.pipelines.iter().map(|one| &one.view);
        let known = pipelines.find(|view| view.name() == pipeline);
        let unknown = || format!("there is no pipeline {pipeline:?}");
        known.map(PipelineView::brake).ok_or_else(unknown)
    }
}

impl Control for Desk {
    fn token(&self) -> &str {
        &self.pass.token
    }

    fn begin(&self, order: Order) -> Result<u64, String> {
        let filter = Filter::parse(&order.letters.conditions, SystemTime::now())
            .map_err(|error| error.to_string())?;
        let filter = match (order.kind, order.letters.again) {
            (OrderKind::Replay, false) => filter.not_replayed(),
            _ => filter,
        };
        let mut last = lock(&self.last);
        if last.running {
            return Err(format!(
                "order {} is under way, expected one at a time",
                last.number
            ));
        }
        let number = last.number + 1;
        let (replayer, shared) = (self.replayer.clone(), self.last.clone());
        let work = move || {
            let done = match order.kind {
                OrderKind::Replay => replayer
                    .replay(&filter)
                    .map(|outcome| (outcome.is_whole(), outcome.to_string())),
                OrderKind::Purge => replayer
                    .purge(&filter)
                    .map(|letters| (true, format!("{letters} letters deleted"))),
            };
            let (whole, said) = done.unwrap_or_else(|error| (false, error.to_string()));
            tracing::info!(
                order = number,
                whole,
                "{}",
                said.trim_end().replace('\n', "; ")
            );
            let mut last = lock(&shared);
            last.running = false;
            last.result = Some((whole, said));
        };
        let thread = std::thread::Builder::new().name("dead-letters".to_owned());
        thread.spawn(work).map_err(|error| error.to_string())?;
        *last = Last {
            number,
            running: true,
            result: None,
        };
        Ok(number)
    }

    fn resume(&self, pipeline: &str) -> Result<(), String> {
        match self.brake(pipeline)?.resume() {
            true => Ok(()),
            false => Err(format!("pipeline {pipeline:?} is not paused")),
        }
    }

    fn pause(&self, pipeline: &str) -> Result<(), String> {
        match self.brake(pipeline)?.hold() {
            true => Ok(()),
            false => Err(format!("pipeline {pipeline:?} is paused already")),
        }
    }

    fn reload(&self) -> Result<Vec<String>, NotReloaded> {
        match &self.reloader {
            Some(reloader) => reloader.reload(),
            None => Err(NotReloaded::Conflict(
                "this daemon was started without a configuration to read again".to_owned(),
            )),
        }
    }

    fn set_workers(&self, workers: u64) -> Result<(), String> {
        let wanted = usize::try_from(workers).unwrap_or(usize::MAX);
        self.pool
            .set_workers(wanted)
            .map_err(|error| error.to_string())?;
        tracing::info!(workers, "the number of workers was set");
        Ok(())
    }

    fn token_file(&self) -> Option<String> {
        let file = self.replayer.folder.join(FILE);
        let file = std::path::absolute(&file).unwrap_or(file);
        Some(file.display().to_string())
    }

    fn last(&self) -> Value {
        let last = lock(&self.last);
        json!({
            "number": last.number,
            "running": last.running,
            "whole": last.result.as_ref().map(|(whole, _)| whole),
            "said": last.result.as_ref().map(|(_, said)| said),
        })
    }
}

/// Every change is one assignment.
fn lock(last: &Mutex<Last>) -> MutexGuard<'_, Last> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pass_is_new_each_time_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a directory");
        assert_eq!(Pass::find(folder.path()).expect("readable"), None);
        let address = "127.0.0.1:7080".parse().expect("an address");
        let first = Pass::leave(folder.path(), address).expect("left");
        let path = folder.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        let second = Pass::leave(folder.path(), address).expect("left");
        assert_ne!(first.token, second.token);
        assert_eq!(second.token.len(), 64);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Pass::find(folder.path()).expect("readable"), Some(second));
        fs::write(&path, "nonsense").expect("written");
        assert!(Pass::find(folder.path()).is_err());
        Pass::withdraw(folder.path()).expect("gone");
        Pass::withdraw(folder.path()).expect("nothing to do");
    }
}
