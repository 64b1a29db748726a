//! Bodies that were compressed: bounded by the room that was paid for before they were read.

use std::io::{self, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::FrameDecoderError;

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
            // A window of its own, which never holds more than was decompressed.
            Encoding::Zstd => 2 * most,
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
            Encoding::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(WINDOW);
                decoder.decode_all(body, into).map_err(|error| match error {
                    FrameDecoderError::TargetTooSmall => Expanded::TooFar,
                    error => Expanded::Broken(error.to_string()),
                })
            }
        }
    }
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
    fn a_window_that_is_larger_than_any_body_is_not_made() {
        // The header of a frame with a window of 1 GiB, and an empty last block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00];
        let refused = Encoding::Zstd.expand(&frame, &mut [0; 10]);
        assert!(matches!(refused, Err(Expanded::Broken(_))), "{refused:?}");
    }
}
