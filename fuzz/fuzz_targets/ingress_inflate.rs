//! Whatever a compressed body says: it becomes as long as there is room for, the same each time, and takes no more
//! memory than was paid for. What was compressed comes out as it was.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use libfuzzer_sys::fuzz_target;
use millpond_ingress::fuzzing::{expand, room};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// The longest that a body may become here.
const MOST: usize = 256 << 10;
/// What decoders take beside the body and its window: tables, one block of input, and the sequences in it.
const TABLES: usize = 4 << 20;

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decompresses, and checks what that takes.
fn expand_within(encoding: u8, body: &[u8], into: &mut [u8]) -> Result<Option<usize>, String> {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let expanded = expand(encoding, body, into);
    let taken = PEAK.load(Ordering::Relaxed) - before;
    let paid = room(encoding, into.len()) - into.len();
    assert!(taken <= paid + TABLES, "{taken} bytes were taken, and {paid} paid for");
    expanded
}

fn compressed(how: u8, text: &[u8]) -> (u8, Vec<u8>) {
    const WRITES: &str = "memory takes what is written";
    let level = Compression::fast();
    match how % 4 {
        0 => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(text).expect(WRITES);
            (0, encoder.finish().expect(WRITES))
        }
        1 => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(text).expect(WRITES);
            (1, encoder.finish().expect(WRITES))
        }
        2 => {
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(text).expect(WRITES);
            (1, encoder.finish().expect(WRITES))
        }
        _ => (2, compress_to_vec(text, CompressionLevel::Fastest)),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, body)) = data.split_first() else { return };
    let mut into = vec![0; MOST];
    // As it comes.
    if let Ok(Some(filled)) = expand_within(how, body, &mut into) {
        let mut exactly = vec![0; filled];
        assert_eq!(expand_within(how, body, &mut exactly), Ok(Some(filled)));
        assert_eq!(exactly, into[..filled]);
        if filled > 0 {
            assert_eq!(expand_within(how, body, &mut exactly[1..]), Ok(None));
        }
    }
    // And compressed first.
    let (encoding, packed) = compressed(how, body);
    assert_eq!(expand_within(encoding, &packed, &mut into), Ok(Some(body.len())));
    assert_eq!(&into[..body.len()], body);
});
