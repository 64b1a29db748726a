//! What is private to this crate, for the fuzz targets in `fuzz/`.

use crate::framing::Framing;
use crate::inflate::{Encoding, Expanded};

/// The encodings of bodies, in the order in which [`expand`] and [`room`] count them.
const ENCODINGS: [Encoding; 3] = [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd];

/// The bodies of the requests that are complete in these bytes of a connection, and how many of the bytes are not
/// ambiguous.
pub fn bodies(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let mut framing = Framing::default();
    let (mut bodies, mut body) = (Vec::new(), Vec::new());
    for (at, &byte) in bytes.iter().enumerate() {
        if framing.is_in_body() {
            body.push(byte);
        }
        let was_in_request = framing.is_in_request();
        if framing.read(&[byte]).is_err() {
            return (bodies, at);
        }
        if was_in_request && !framing.is_in_request() {
            bodies.push(std::mem::take(&mut body));
        }
    }
    (bodies, bytes.len())
}

/// Whether nothing in these bytes is ambiguous, where they are read in pieces of this length.
pub fn is_clear(bytes: &[u8], piece: usize) -> bool {
    let mut framing = Framing::default();
    let mut pieces = bytes.chunks(piece.max(1));
    pieces.all(|piece| framing.read(piece).is_ok())
}

/// Decompresses a body into `into`, and says how long it has become; none if there is not room enough for it.
///
/// # Errors
/// When it is not compressed in that way.
pub fn expand(encoding: u8, body: &[u8], into: &mut [u8]) -> Result<Option<usize>, String> {
    match of(encoding).expand(body, into) {
        Ok(filled) => Ok(Some(filled)),
        Err(Expanded::TooFar) => Ok(None),
        Err(Expanded::Broken(error)) => Err(error),
    }
}

/// How many bytes are paid for before a body is decompressed that may become `most` bytes, those included.
pub fn room(encoding: u8, most: usize) -> usize {
    of(encoding).room(most)
}

fn of(encoding: u8) -> Encoding {
    ENCODINGS[usize::from(encoding) % ENCODINGS.len()]
}
