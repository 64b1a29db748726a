//! Read buffers that are used again: a fresh buffer of 256 KiB is a system call and 64 page faults.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Hands out buffers of one size and takes them back when they are dropped. A clone is the same pool.
#[derive(Clone, Debug)]
pub struct BufferPool {
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    buffer_bytes: usize,
    max_idle: usize,
    idle: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// A pool of buffers of `buffer_bytes` bytes that keeps at most `max_idle` of them when they are not in use.
    pub fn new(buffer_bytes: usize, max_idle: usize) -> Self {
        Self {
            shelf: Arc::new(Shelf {
                buffer_bytes,
                max_idle,
                idle: Mutex::new(Vec::new()),
            }),
        }
    }

    /// A buffer of [`buffer_bytes`](Self::buffer_bytes) bytes. Its contents are whatever its last user left.
    pub fn take(&self) -> Buffer {
        let idle = self
            .shelf
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let bytes = idle.unwrap_or_else(|| vec![0; self.shelf.buffer_bytes]);
        Buffer {
            bytes,
            home: Some(Arc::clone(&self.shelf)),
        }
    }

    /// The size of each buffer, in bytes.
    pub fn buffer_bytes(&self) -> usize {
        self.shelf.buffer_bytes
    }
}

/// A byte buffer of fixed length, every byte of it initialised. Goes back to its pool, if it has one, on drop.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    home: Option<Arc<Shelf>>,
}

impl Buffer {
    /// A buffer of its own, of the length of `bytes`; belongs to no pool.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }

    /// Its length in bytes, which never changes.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(shelf) = self.home.take() else {
            return;
        };
        let mut idle = shelf.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < shelf.max_idle {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_handed_out_again() {
        let pool = BufferPool::new(4096, 2);
        let mut first = pool.take();
        first[0] = 7;
        drop(first);
        assert_eq!(pool.take()[0], 7);
    }

    #[test]
    fn idle_buffers_do_not_pile_up() {
        let pool = BufferPool::new(16, 2);
        let taken: Vec<_> = (0..5).map(|_| pool.take()).collect();
        drop(taken);
        assert_eq!(pool.shelf.idle.lock().expect("no thread panicked").len(), 2);
    }

    #[test]
    fn a_buffer_without_a_pool_keeps_its_length() {
        let buffer = Buffer::from_vec(vec![1, 2, 3]);
        assert_eq!((buffer.capacity(), &buffer[..]), (3, &[1, 2, 3][..]));
    }
}
