//! Read buffers that are used again: a fresh buffer of 512 KiB is a system call and 128 page faults.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Idle buffers that are kept whatever the rest of the process holds.
const ALWAYS: usize = 16;
/// After so many takes, half of the buffers that none of them needed are freed.
const SEASON: usize = 256;

/// Hands out buffers of one size and takes them back when they are dropped. A clone is the same pool.
///
/// After a burst as many buffers come back as the burst had taken. They are kept as far as there is room for them,
/// for the next burst; while none comes they are freed little by little.
#[derive(Clone)]
pub struct BufferPool {
    shelf: Arc<Shelf>,
}

struct Shelf {
    buffer_bytes: usize,
    room: Box<dyn Fn() -> usize + Send + Sync>,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    buffers: Vec<Vec<u8>>,
    /// The fewest there were since the season began.
    fewest: usize,
    takes: usize,
}

impl BufferPool {
    /// A pool of buffers of `buffer_bytes`. `room` says how many bytes idle buffers may take at the moment; up to
    /// 16 of them are kept all the same.
    pub fn new(buffer_bytes: usize, room: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        Self {
            shelf: Arc::new(Shelf {
                buffer_bytes,
                room: Box::new(room),
                idle: Mutex::default(),
            }),
        }
    }

    /// A buffer of [`buffer_bytes`](Self::buffer_bytes) bytes. Its contents are whatever its last user left.
    pub fn take(&self) -> Buffer {
        let idle = {
            let mut idle = self.shelf.lock();
            let buffer = idle.buffers.pop();
            idle.takes += 1;
            idle.fewest = idle.fewest.min(idle.buffers.len());
            buffer
        };
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

impl std::fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BufferPool({} bytes each)", self.shelf.buffer_bytes)
    }
}

impl Shelf {
    fn lock(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a buffer; returns those to free, which the caller does outside the lock.
    fn put(&self, buffer: Vec<u8>) -> Vec<Vec<u8>> {
        let most = ((self.room)() / self.buffer_bytes.max(1)).max(ALWAYS);
        let mut idle = self.lock();
        idle.buffers.push(buffer);
        let mut keep = idle.buffers.len().min(most);
        let season_over = idle.takes >= SEASON;
        if season_over {
            keep = keep.min((idle.buffers.len() - idle.fewest / 2).max(ALWAYS));
        }
        let freed = idle.buffers.split_off(keep);
        if season_over {
            (idle.takes, idle.fewest) = (0, keep);
        }
        idle.fewest = idle.fewest.min(keep);
        freed
    }
}

/// A byte buffer of fixed length, every byte of it initialised. Goes back to its pool, if it has one, on drop.
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

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.bytes.len())
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
        drop(shelf.put(std::mem::take(&mut self.bytes)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(pool: &BufferPool) -> usize {
        pool.shelf.lock().buffers.len()
    }

    fn burst(pool: &BufferPool, buffers: usize) {
        let taken: Vec<_> = (0..buffers).map(|_| pool.take()).collect();
        drop(taken);
    }

    #[test]
    fn a_dropped_buffer_is_handed_out_again() {
        let pool = BufferPool::new(4096, || 0);
        let mut first = pool.take();
        first[0] = 7;
        drop(first);
        assert_eq!(pool.take()[0], 7);
    }

    #[test]
    fn idle_buffers_take_no_more_than_there_is_room_for() {
        let pool = BufferPool::new(16, || 100 * 16);
        burst(&pool, 150);
        assert_eq!(idle(&pool), 100);
        let crowded = BufferPool::new(16, || 0);
        burst(&crowded, 150);
        assert_eq!(idle(&crowded), ALWAYS);
    }

    #[test]
    fn what_a_burst_left_behind_is_freed_while_no_other_comes() {
        let pool = BufferPool::new(16, || usize::MAX);
        burst(&pool, 1000);
        assert_eq!(idle(&pool), 1000);
        for _ in 0..20 * SEASON {
            drop(pool.take());
        }
        assert!(idle(&pool) <= 2 * ALWAYS, "{}", idle(&pool));
    }

    #[test]
    fn bursts_that_come_again_and_again_find_their_buffers() {
        let pool = BufferPool::new(16, || usize::MAX);
        for _ in 0..50 {
            burst(&pool, 1000);
            assert_eq!(idle(&pool), 1000);
        }
    }

    #[test]
    fn a_buffer_without_a_pool_keeps_its_length() {
        let buffer = Buffer::from_vec(vec![1, 2, 3]);
        assert_eq!((buffer.capacity(), &buffer[..]), (3, &[1, 2, 3][..]));
    }
}
