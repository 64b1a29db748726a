//! Many bytes at a time: the eight of a word, and code compiled for the vectors that the processor turns out to have.

pub(crate) const ONES: u64 = u64::MAX / 255;
pub(crate) const HIGHS: u64 = ONES * 0x80;

/// The eight bytes at `at`, the first of them lowest.
#[inline(always)]
pub(crate) fn word(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?
        .first_chunk::<8>()
        .map(|bytes| u64::from_le_bytes(*bytes))
}

/// Does work that is generic over [`Simd`](fearless_simd::Simd) with 256-bit vectors where the processor has them, and
/// else with those that every processor of its kind has. What it calls has to be `#[inline(always)]`, closures too: what
/// is not is compiled for the latter.
///
/// Not with the widest there are: with 512 bits, the looks at a few blocks that are taken here are slower.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
macro_rules! widest {
    ($simd:ident => $work:expr) => {{
        use fearless_simd::{Level, Simd as _, dispatch};
        match Level::new().as_avx2() {
            Some($simd) => $simd.vectorize(
                #[inline(always)]
                || $work,
            ),
            None => crate::simd::apart(|| dispatch!(Level::baseline(), $simd => $work)),
        }
    }};
}

/// Of the vectors here every processor has the widest there are.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
macro_rules! widest {
    ($simd:ident => $work:expr) => {{
        use fearless_simd::{Level, dispatch};
        dispatch!(Level::baseline(), $simd => $work)
    }};
}

pub(crate) use widest;

/// Keeps `work` out of the caller, which has less to do to be called then.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[cold]
#[inline(never)]
pub(crate) fn apart<R>(work: impl FnOnce() -> R) -> R {
    work()
}
