//! The framing of HTTP/1.1 requests, read beside hyper, to refuse what two readers of it may read differently: how a
//! request is smuggled past whoever stands in front. No IO: bytes in, a verdict out.

use memchr::memchr;

/// The longest line of a head or of a chunk that is looked at; hyper reads none that is as long.
const MAX_LINE: usize = 256 << 10;

/// What two readers may read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ambiguous {
    #[error("a line ends without a carriage return")]
    BareLineFeed,
    #[error("a header goes on in the next line")]
    Folded,
    #[error("there is more than one content-length, or one that is no number")]
    Length,
    #[error("there is both a content-length and a transfer-encoding")]
    LengthAndEncoding,
    #[error("there is more than one transfer-encoding, or one that is not `chunked`")]
    Encoding,
    #[error("the size of a chunk is no number")]
    ChunkSize,
    #[error("a chunk is longer than its size says")]
    ChunkEnd,
    #[error("a line is too long")]
    Line,
}

/// Where in a sequence of requests a connection is.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    place: Place,
    /// The beginning of a line whose end was not read yet.
    line: Vec<u8>,
    length: Option<u64>,
    chunked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the first line of a request; empty lines are skipped there.
    #[default]
    Start,
    Headers,
    /// In a body, or a chunk, of which so much is left.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
}

impl Framing {
    /// Looks at the bytes that come next.
    ///
    /// # Errors
    /// When they are ambiguous; nothing can be said of what follows.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Ambiguous> {
        while !bytes.is_empty() {
            if let Place::Body(left) | Place::Chunk(left) = self.place {
                let here = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                bytes = &bytes[here..];
                let left = left - here as u64;
                self.place = match self.place {
                    Place::Body(_) if left == 0 => Place::Start,
                    Place::Body(_) => Place::Body(left),
                    _ if left == 0 => Place::ChunkEnd,
                    _ => Place::Chunk(left),
                };
                continue;
            }
            let Some(end) = memchr(b'\n', bytes) else {
                if self.line.len() + bytes.len() > MAX_LINE {
                    return Err(Ambiguous::Line);
                }
                self.line.extend_from_slice(bytes);
                return Ok(());
            };
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.line.is_empty() {
                self.line(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.line(&whole)?;
                whole.clear();
                self.line = whole;
            }
        }
        Ok(())
    }

    /// How many bytes of the latest request are still to come; none if nobody can say how many.
    pub(crate) fn owed(&self) -> Option<u64> {
        match self.place {
            Place::Start => Some(0),
            Place::Body(left) => Some(left),
            _ => None,
        }
    }

    /// Whether the next byte belongs to a body.
    #[cfg(fuzzing)]
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.place, Place::Body(_) | Place::Chunk(_))
    }

    /// Whether a request is under way.
    #[cfg(fuzzing)]
    pub(crate) fn is_in_request(&self) -> bool {
        self.place != Place::Start
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Ambiguous> {
        let line = line.strip_suffix(b"\r").ok_or(Ambiguous::BareLineFeed)?;
        match self.place {
            Place::Start if line.is_empty() => {}
            Place::Start => {
                self.place = Place::Headers;
                (self.length, self.chunked) = (None, false);
            }
            Place::Headers if line.is_empty() => {
                self.place = match (self.length, self.chunked) {
                    (Some(_), true) => return Err(Ambiguous::LengthAndEncoding),
                    (None, true) => Place::ChunkSize,
                    (None | Some(0), false) => Place::Start,
                    (Some(length), false) => Place::Body(length),
                };
            }
            Place::Headers => self.header(line)?,
            Place::ChunkSize => {
                let size = line.split(|&byte| byte == b';').next().unwrap_or(line);
                self.place = match number(size.trim_ascii_end(), 16).ok_or(Ambiguous::ChunkSize)? {
                    0 => Place::Trailers,
                    size => Place::Chunk(size),
                };
            }
            Place::ChunkEnd if line.is_empty() => self.place = Place::ChunkSize,
            Place::ChunkEnd => return Err(Ambiguous::ChunkEnd),
            Place::Trailers if line.is_empty() => self.place = Place::Start,
            // Bodies are no lines: see `read`.
            Place::Trailers | Place::Body(_) | Place::Chunk(_) => {}
        }
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Ambiguous> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Ambiguous::Folded);
        }
        let colon = memchr(b':', line).unwrap_or(line.len());
        let (name, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default());
        // What looks like one of the two to a reader that is less strict counts, too.
        let name = name.trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = number(value.trim_ascii(), 10).ok_or(Ambiguous::Length)?;
            if self.length.replace(length).is_some() {
                return Err(Ambiguous::Length);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            if !chunked || std::mem::replace(&mut self.chunked, true) {
                return Err(Ambiguous::Encoding);
            }
        }
        Ok(())
    }
}

/// A number without a sign, in digits of this base alone.
fn number(digits: &[u8], base: u32) -> Option<u64> {
    let all = digits.iter().all(|&byte| char::from(byte).is_digit(base));
    let digits = std::str::from_utf8(digits).ok().filter(|_| all)?;
    u64::from_str_radix(digits, base).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POST: &str = "POST /v1/events HTTP/1.1\r\nhost: here\r\n";

    fn read(text: &str, cut: usize) -> Result<Place, Ambiguous> {
        let mut framing = Framing::default();
        for piece in text.as_bytes().chunks(cut) {
            framing.read(piece)?;
        }
        Ok(framing.place)
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_however_it_is_cut() {
        use Ambiguous::*;
        let cases = [
            (
                "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
                LengthAndEncoding,
            ),
            (
                "transfer-encoding: chunked\r\nContent-Length: 3\r\n\r\n",
                LengthAndEncoding,
            ),
            ("content-length: 3\r\ncontent-length: 3\r\n\r\n", Length),
            ("content-length: 3\r\ncontent-length: 4\r\n\r\n", Length),
            ("content-length: +3\r\n\r\n", Length),
            ("content-length: 3, 3\r\n\r\n", Length),
            ("content-length: 0x3\r\n\r\n", Length),
            ("content-length: 99999999999999999999\r\n\r\n", Length),
            (
                "content-length : 3\r\ntransfer-encoding: chunked\r\n\r\n",
                LengthAndEncoding,
            ),
            ("transfer-encoding: gzip, chunked\r\n\r\n", Encoding),
            ("transfer-encoding: xchunked\r\n\r\n", Encoding),
            (
                "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n",
                Encoding,
            ),
            ("a: b\ntransfer-encoding: chunked\r\n\r\n", BareLineFeed),
            ("a: b\r\n\n", BareLineFeed),
            ("a: b\r\n transfer-encoding: chunked\r\n\r\n", Folded),
            ("transfer-encoding: chunked\r\n\r\n3\n{}\r\n", BareLineFeed),
            ("transfer-encoding: chunked\r\n\r\n3;x\n\r\n", BareLineFeed),
            ("transfer-encoding: chunked\r\n\r\n-3\r\n", ChunkSize),
            ("transfer-encoding: chunked\r\n\r\n\r\n", ChunkSize),
            (
                "transfer-encoding: chunked\r\n\r\n11111111111111111\r\n",
                ChunkSize,
            ),
            ("transfer-encoding: chunked\r\n\r\n2\r\n{}}\r\n", ChunkEnd),
            (
                "transfer-encoding: chunked\r\n\r\n2\r\n{}\n0\r\n",
                BareLineFeed,
            ),
        ];
        for (rest, expected) in cases {
            let text = format!("{POST}{rest}");
            for cut in 1..=text.len() {
                let got = read(&text, cut);
                let refused = match (rest, got) {
                    // An empty size is a number of no digits.
                    (_, Err(error)) => error == expected,
                    (_, Ok(_)) => false,
                };
                assert!(refused, "{rest:?} in pieces of {cut}: {got:?}");
            }
        }
    }

    #[test]
    fn requests_that_follow_each_other_are_told_apart() {
        let text = format!(
            "\r\n{POST}content-length: 5\r\n\r\na\nb\nc{POST}\r\n{POST}Transfer-Encoding: Chunked\r\n\r\n\
             4;x=\"y\"\r\n\n\n\n\n\r\n0\r\ntrailer: yes\r\n\r\n{POST}"
        );
        for cut in 1..text.len() {
            assert_eq!(read(&text, cut), Ok(Place::Headers), "in pieces of {cut}");
        }
    }

    proptest! {
        #[test]
        fn however_bytes_are_cut_the_verdict_is_the_same(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b'3'), Just(b'a'), any::<u8>()],
                0..200,
            ),
            cut in 1usize..50,
        ) {
            let text = [POST.as_bytes(), b"transfer-encoding: chunked\r\n\r\n", &bytes].concat();
            let mut whole = Framing::default();
            let mut pieces = Framing::default();
            let all = whole.read(&text);
            let cut = text.chunks(cut).try_for_each(|piece| pieces.read(piece));
            prop_assert_eq!(all, cut);
            prop_assert_eq!(all.map(|()| whole.place), cut.map(|()| pieces.place));
        }
    }
}
