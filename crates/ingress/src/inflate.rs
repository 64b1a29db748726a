//! Bodies that were compressed: bounded by the room that was paid for before they were read.

use std::io::{self, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::reply::Refused;
use crate::source::Limits;

/// A body may become this long whatever its ratio is.
const LITTLE: usize = 64 << 10;
/// What RFC 8878 asks every decoder of zstd to support; more is for archives.
const WINDOW: u64 = 8 << 20;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    Deflate,
    Zstd,
}

impl Encoding {
    /// What the head says; none for a body that is not compressed.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Encoding>, Refused> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or("?");
        let known = match text.to_ascii_lowercase().as_str() {
            "identity" | "" => Some(None),
            "gzip" | "x-gzip" => Some(Some(Encoding::Gzip)),
            "deflate" => Some(Some(Encoding::Deflate)),
            "zstd" => Some(Some(Encoding::Zstd)),
            _ => None,
        };
        known.filter(|_| values.next().is_none()).ok_or_else(|| {
            let expected = "gzip, zstd, deflate or none, and one of them";
            Refused::Format(CONTENT_ENCODING, text.into(), expected)
        })
    }

    /// How long a body of this length may become.
    pub(crate) fn most(limits: &Limits, body: usize) -> usize {
        let ratio = body.saturating_mul(limits.max_ratio).max(LITTLE);
        limits.max_decompressed.min(ratio)
    }

    /// What it takes to decompress a body into `most` bytes, those included.
    pub(crate) fn room(self, most: usize) -> usize {
        match self {
            Encoding::Zstd => most + window(most),
            Encoding::Gzip | Encoding::Deflate => most,
        }
    }

    /// Decompresses a whole body, and says how long it has become.
    pub(crate) fn expand(self, body: &[u8], into: &mut [u8]) -> Result<usize, Expanded> {
        match self {
            Encoding::Gzip => drain(MultiGzDecoder::new(body), into),
            // HTTP means zlib by it; some send what the word says.
            Encoding::Deflate if is_zlib(body) => drain(ZlibDecoder::new(body), into),
            Encoding::Deflate => drain(DeflateDecoder::new(body), into),
            Encoding::Zstd => unzstd(body, into),
        }
    }
}

/// The memory in which a decoder of zstd keeps what it may look back to: no more than was decompressed, in a power of two;
/// while that grows, the half as large one before it is there, too.
fn window(most: usize) -> usize {
    let most = most.min(usize::try_from(WINDOW).unwrap_or(usize::MAX));
    most.next_power_of_two() / 2 * 3
}

/// How a frame of zstd begins that is no skipped one.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Says in the byte behind it that the frame declares no window, since all of it is one.
const ONE_SEGMENT: u8 = 0x20;

/// The beginning of a frame, with a window that is hardly larger than the room there is: nothing that fits looks back
/// farther. Only what is beyond the window comes out before a frame ends, so what does not fit would be noticed late.
fn narrowed(body: &[u8], room: usize) -> ([u8; 6], usize) {
    let mut head = [0; 6];
    let length = body.len().min(head.len());
    head[..length].copy_from_slice(&body[..length]);
    let [.., flags, declared] = head;
    let has_window = length == head.len() && head.starts_with(&MAGIC) && flags & ONE_SEGMENT == 0;
    // What is too large is refused by the decoder.
    if has_window && window_of(declared) <= WINDOW {
        let enough = (0..declared).find(|&less| window_of(less) >= room as u64);
        head[5] = enough.unwrap_or(declared);
    }
    (head, length)
}

/// The window that this byte declares: an exponent and eighths.
fn window_of(declared: u8) -> u64 {
    let base = 1 << (10 + (declared >> 3));
    base + base / 8 * u64::from(declared & 7)
}

/// Decompresses frames of zstd, one after the other.
fn unzstd(mut body: &[u8], into: &mut [u8]) -> Result<usize, Expanded> {
    let broken = |error: FrameDecoderError| Expanded::Broken(error.to_string());
    let mut filled = 0;
    while !body.is_empty() {
        // A new one for each frame: one that is used again asks for all of the window that the next frame declares,
        // where a new one asks for what it turns out to need.
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        let room = into.len() - filled;
        let (head, length) = narrowed(body, room);
        let mut source = head[..length].chain(&body[length..]);
        let begun = decoder.init(&mut source);
        body = source.into_inner().1;
        match begun {
            Ok(()) if decoder.content_size() > room as u64 => return Err(Expanded::TooFar),
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let rest = usize::try_from(length).ok().and_then(|at| body.get(at..));
                body = rest.ok_or_else(|| broken(FrameDecoderError::FailedToSkipFrame))?;
                continue;
            }
            Err(error) => return Err(broken(error)),
        }
        let window = match head {
            [.., flags, declared] if flags & ONE_SEGMENT == 0 => window_of(declared),
            _ => decoder.content_size(),
        };
        let begin = filled;
        while !decoder.is_finished() {
            decoder
                .decode_blocks(&mut body, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(broken)?;
            let read = decoder.read(&mut into[filled..]);
            filled += read.map_err(|error| Expanded::Broken(error.to_string()))?;
            // As long as it has not ended, what comes out of it leaves a full window behind.
            let kept = (!decoder.is_finished() && filled > begin).then_some(window);
            let all = (filled - begin) as u64 + kept.unwrap_or(0);
            if decoder.can_collect() != 0 || all > room as u64 {
                return Err(Expanded::TooFar);
            }
        }
        let (said, came) = (decoder.content_size(), (filled - begin) as u64);
        if said != 0 && said != came {
            let error = format!("a frame has {came} bytes, and says that it has {said}");
            return Err(Expanded::Broken(error));
        }
    }
    Ok(filled)
}

/// Why a body was not decompressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expanded {
    /// It becomes longer than there is room for.
    TooFar,
    /// It is not compressed as it says.
    Broken(String),
}

fn is_zlib(body: &[u8]) -> bool {
    let [first, second, ..] = *body else {
        return false;
    };
    first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

fn drain(mut from: impl Read, into: &mut [u8]) -> Result<usize, Expanded> {
    let mut filled = 0;
    loop {
        let mut one_more = [0];
        let room = match &mut into[filled..] {
            [] => &mut one_more,
            room => room,
        };
        match from.read(room) {
            Ok(0) => return Ok(filled),
            Ok(_) if filled == into.len() => return Err(Expanded::TooFar),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Expanded::Broken(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn compressed(text: &[u8]) -> [(Encoding, Vec<u8>); 4] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(text).unwrap();
        let zstd = compress_to_vec(text, CompressionLevel::Fastest);
        [
            (Encoding::Gzip, gzip.finish().unwrap()),
            (Encoding::Deflate, zlib.finish().unwrap()),
            (Encoding::Deflate, raw.finish().unwrap()),
            (Encoding::Zstd, zstd),
        ]
    }

    #[test]
    fn what_was_compressed_comes_out_whole_or_not_at_all() {
        let text = b"{\"type\":\"click\",\"page\":\"/\"}\n".repeat(3_000);
        for (encoding, body) in compressed(&text) {
            let mut room = vec![0; text.len()];
            assert_eq!(
                encoding.expand(&body, &mut room),
                Ok(text.len()),
                "{encoding:?}"
            );
            assert!(room == text);
            let too_little = encoding.expand(&body, &mut room[1..]);
            assert_eq!(too_little, Err(Expanded::TooFar), "{encoding:?}");
            let broken = encoding.expand(&body[..body.len() / 2], &mut room);
            assert!(
                matches!(broken, Err(Expanded::Broken(_))),
                "{encoding:?}: {broken:?}"
            );
        }
    }

    #[test]
    fn several_members_are_one_body() {
        for (encoding, body) in compressed(b"{}\n") {
            if encoding != Encoding::Deflate {
                let mut room = [0; 10];
                assert_eq!(
                    encoding.expand(&body.repeat(3), &mut room),
                    Ok(9),
                    "{encoding:?}"
                );
            }
        }
    }

    #[test]
    fn a_frame_that_becomes_too_long_is_noticed_before_its_window_is_full() {
        // A window of 8 MiB, and blocks of 128 KiB that are one byte each; the fourth is none.
        let mut body = [&MAGIC[..], &[0, 13 << 3]].concat();
        for _ in 0..3 {
            body.extend_from_slice(&((128u32 << 10) << 3 | 1 << 1).to_le_bytes()[..3]);
            body.push(b'x');
        }
        body.extend_from_slice(&[0xff; 3]);
        let too_far = Encoding::Zstd.expand(&body, &mut vec![0; 300 << 10]);
        assert_eq!(too_far, Err(Expanded::TooFar));
        let broken = Encoding::Zstd.expand(&body, &mut vec![0; 400 << 10]);
        assert!(matches!(broken, Err(Expanded::Broken(_))), "{broken:?}");
        assert_eq!(window_of(13 << 3), WINDOW);
    }

    #[test]
    fn frames_that_say_nothing_are_passed_over() {
        let [.., (encoding, body)] = compressed(b"{}\n");
        let silent = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2];
        let all = [&silent, &body[..], &silent, &body[..]].concat();
        let mut room = [0; 10];
        assert_eq!(encoding.expand(&all, &mut room), Ok(6));
        let cut = encoding.expand(&all[..9], &mut room);
        assert!(matches!(cut, Err(Expanded::Broken(_))), "{cut:?}");
    }

    #[test]
    fn a_window_that_is_larger_than_any_body_is_not_made() {
        // The header of a frame with a window of 1 GiB, and an empty last block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00];
        let refused = Encoding::Zstd.expand(&frame, &mut [0; 10]);
        assert!(matches!(refused, Err(Expanded::Broken(_))), "{refused:?}");
    }
}
