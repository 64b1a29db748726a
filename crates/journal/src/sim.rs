//! A simulated storage that forgets what was not synced, for tests of whatever keeps a journal.
//!
//! It is meaner than any file system is said to be. At a power cut, every half of a sector that was
//! written and not synced is kept or lost on its own, and so are every name and every length. A sync
//! that fails keeps some of it and forgets the rest for good, though reads still show it until the
//! power goes, as Linux does. The seed decides, so that a run can be repeated.

mod fault;
mod inode;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use fault::Fault;
use inode::Inode;

use crate::storage::Storage;

/// A simulated folder; clones share it.
#[derive(Clone, Debug)]
pub struct Sim {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    inodes: Vec<Inode>,
    /// What a running program sees.
    names: BTreeMap<String, usize>,
    /// What a power cut leaves.
    durable_names: BTreeMap<String, usize>,
    /// Names that changed since they were last synced.
    dirty_names: BTreeSet<String>,
    /// The calls so far that change something.
    calls: u64,
    renames: u64,
    faults: Vec<(u64, Fault)>,
    /// The calls so far that only read.
    reads: u64,
    bad_reads: Vec<(u64, io::ErrorKind)>,
    dead: bool,
    /// How many bytes there is room for.
    space: u64,
}

/// A file of a [`Sim`].
#[derive(Debug)]
pub struct SimFile {
    inode: usize,
}

impl Sim {
    /// An empty folder on a disk without bound, whose bad luck follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            dirty_names: BTreeSet::new(),
            calls: 0,
            renames: 0,
            faults: Vec::new(),
            reads: 0,
            bad_reads: Vec::new(),
            dead: false,
            space: u64::MAX,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The calls so far that change something: create, rename, remove, write, sync, sync of names.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// How many of them gave a file another name.
    pub fn renames(&self) -> u64 {
        self.lock().renames
    }

    /// Lets the call that comes after `calls` more of them meet `fault`.
    pub fn inject(&self, calls: u64, fault: Fault) {
        let mut state = self.lock();
        let at = state.calls + calls;
        state.faults.push((at, fault));
    }

    /// The calls so far that only read: list, open, length, read.
    pub fn reads(&self) -> u64 {
        self.lock().reads
    }

    /// Lets the call that comes after `reads` more of them fail.
    pub fn fail_read(&self, reads: u64, kind: io::ErrorKind) {
        let mut state = self.lock();
        let at = state.reads + reads;
        state.bad_reads.push((at, kind));
    }

    /// Forgets the faults that have not struck.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// How many bytes the disk has room for, those in use included.
    pub fn set_space(&self, bytes: u64) {
        self.lock().space = bytes;
    }

    /// The process has ended, the machine has not: what was written is still seen, synced or not.
    pub fn kill(&self) {
        let mut state = self.lock();
        state.dead = false;
        state.faults.clear();
    }

    /// The power went: what was not synced is lost, or not.
    pub fn cut_power(&self) {
        let mut state = self.lock();
        let State {
            random,
            inodes,
            names,
            durable_names,
            dirty_names,
            ..
        } = &mut *state;
        for inode in inodes {
            inode.cut_power(random);
        }
        keep_some(random, names, durable_names, dirty_names);
        names.clone_from(durable_names);
        state.dead = false;
        state.faults.clear();
    }

    /// What `name` holds.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        let inode = *state.names.get(name)?;
        Some(state.inodes[inode].bytes().to_vec())
    }

    /// Puts `bytes` in place of what `name` holds, durable at once.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.lock();
        let inode = state.inodes.len();
        state.inodes.push(Inode::durable(bytes));
        state.names.insert(name.to_owned(), inode);
        state.durable_names.insert(name.to_owned(), inode);
        state.dirty_names.remove(name);
    }

    /// Damages a byte of `name` where it lies.
    pub fn flip(&self, name: &str, offset: u64, mask: u8) {
        let mut state = self.lock();
        if let Some(&inode) = state.names.get(name) {
            state.inodes[inode].flip(offset as usize, mask);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries each dirty name over, or not.
fn keep_some(
    random: &mut fastrand::Rng,
    names: &BTreeMap<String, usize>,
    durable: &mut BTreeMap<String, usize>,
    dirty: &mut BTreeSet<String>,
) {
    for name in std::mem::take(dirty) {
        if random.bool() {
            carry(names, durable, name);
        }
    }
}

fn carry(names: &BTreeMap<String, usize>, durable: &mut BTreeMap<String, usize>, name: String) {
    match names.get(&name) {
        Some(&inode) => durable.insert(name, inode),
        None => durable.remove(&name),
    };
}

impl State {
    /// Counts a call and says what befalls it.
    fn call(&mut self) -> io::Result<Option<Fault>> {
        if self.dead {
            return Err(fault::gone());
        }
        let now = self.calls;
        self.calls += 1;
        let fault = self.faults.iter().find(|(at, _)| *at == now);
        let fault = fault.map(|(_, fault)| *fault);
        self.dead = fault == Some(Fault::Stop);
        Ok(fault)
    }

    /// Counts a call that only reads, and says whether it fails.
    fn read(&mut self) -> io::Result<()> {
        if self.dead {
            return Err(fault::gone());
        }
        let now = self.reads;
        self.reads += 1;
        match self.bad_reads.iter().find(|(at, _)| *at == now) {
            Some((_, kind)) => Err((*kind).into()),
            None => Ok(()),
        }
    }

    fn used(&self) -> u64 {
        let lengths = self
            .names
            .values()
            .map(|&inode| self.inodes[inode].bytes().len() as u64);
        lengths.sum()
    }
}

impl Storage for Sim {
    type File = SimFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.read()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let mut state = self.lock();
        let fault = state.call()?;
        if let Some(error) = fault.and_then(Fault::before) {
            return Err(error);
        }
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(name.to_owned(), inode);
        state.dirty_names.insert(name.to_owned());
        fault::after(fault, SimFile { inode })
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        let mut state = self.lock();
        state.read()?;
        let inode = state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimFile { inode: *inode })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        let fault = state.call()?;
        if let Some(error) = fault.and_then(Fault::before) {
            return Err(error);
        }
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.renames += 1;
        state.names.insert(to.to_owned(), inode);
        state.dirty_names.extend([from.to_owned(), to.to_owned()]);
        fault::after(fault, ())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        let fault = state.call()?;
        if let Some(error) = fault.and_then(Fault::before) {
            return Err(error);
        }
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.dirty_names.insert(name.to_owned());
        fault::after(fault, ())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.lock();
        let fault = state.call()?;
        let State {
            random,
            names,
            durable_names,
            dirty_names,
            ..
        } = &mut *state;
        match fault {
            None => {
                for name in std::mem::take(dirty_names) {
                    carry(names, durable_names, name);
                }
            }
            Some(Fault::Stop) => {}
            Some(Fault::Error(_)) => keep_some(random, names, durable_names, dirty_names),
        }
        fault::after(fault, ())
    }

    fn len(&self, file: &SimFile) -> io::Result<u64> {
        let mut state = self.lock();
        state.read()?;
        Ok(state.inodes[file.inode].bytes().len() as u64)
    }

    fn read_at(&self, file: &SimFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.lock();
        state.read()?;
        let bytes = state.inodes[file.inode].bytes();
        let begin = bytes.len().min(offset as usize);
        let read = buffer.len().min(bytes.len() - begin);
        buffer[..read].copy_from_slice(&bytes[begin..begin + read]);
        Ok(read)
    }

    fn write_at(&self, file: &SimFile, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.lock();
        let fault = state.call()?;
        let end = offset as usize + bytes.len();
        let grows = end.saturating_sub(state.inodes[file.inode].bytes().len());
        if state.space < u64::MAX && state.used() + grows as u64 > state.space {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let State { random, inodes, .. } = &mut *state;
        // A write that fails has written some of it.
        let written = match fault {
            Some(Fault::Error(_)) => random.usize(0..=bytes.len()),
            _ => bytes.len(),
        };
        inodes[file.inode].write(random, &bytes[..written], offset as usize);
        fault::after(fault, ())
    }

    fn sync(&self, file: &SimFile) -> io::Result<()> {
        let mut state = self.lock();
        let fault = state.call()?;
        let State { random, inodes, .. } = &mut *state;
        match fault {
            None => inodes[file.inode].sync(),
            // The machine goes on or goes down before the disk has answered: what is dirty stays so.
            Some(Fault::Stop) => {}
            Some(Fault::Error(_)) => inodes[file.inode].fail_sync(random),
        }
        fault::after(fault, ())
    }
}
