//! `/v1/events`: JSON, an array of it, or lines.

mod array;
mod element;
mod lines;
mod sequence;

use http::HeaderMap;
use memchr::memchr;
use millpond_event::outline::{skip_blank, value_end};

use crate::decoded::Decoded;
use crate::format::{Context, Format, Unsupported};
use crate::media::content_type;

use array::array;
pub(crate) use array::array_with;
pub(crate) use element::Look;
pub(crate) use lines::lines;

const EXPECTED: &str = "application/x-ndjson, application/json, text/plain or none, in UTF-8";
const NO_MSGPACK: &str = "application/x-ndjson or application/json (msgpack is not read here: with Fluent Bit, `format json_lines`)";
const NO_FORM: &str =
    "application/json (curl says this where it is not told: -H 'content-type: application/json')";

/// Types that say that a body is lines.
const LINES: &[&str] = &[
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/jsonlines",
    "application/x-ldjson",
];

pub(crate) fn format(headers: &HeaderMap) -> Result<Format, Unsupported> {
    let Some(media) = content_type(headers, EXPECTED)? else {
        return Ok(Format::Json { declared: false });
    };
    let refused = |expected| Err(Unsupported::of(headers, expected));
    if media.is("application/msgpack") || media.is("application/x-msgpack") {
        return refused(NO_MSGPACK);
    }
    if media.is("application/x-www-form-urlencoded") {
        return refused(NO_FORM);
    }
    if !media.is_utf8() {
        return refused(EXPECTED);
    }
    if LINES.iter().any(|lines| media.is(lines)) {
        return Ok(Format::Lines);
    }
    if media.is("application/json") || media.is("text/json") {
        return Ok(Format::Json { declared: true });
    }
    // What browsers send without asking first.
    if media.is("text/plain") {
        return Ok(Format::Json { declared: false });
    }
    refused(EXPECTED)
}

/// A body that is JSON in some way: which one, it shows itself.
pub(crate) fn json(body: &mut [u8], declared: bool, context: &Context) -> Decoded {
    blank_mark(body);
    let start = skip_blank(body, 0);
    match body.get(start) {
        Some(b'[') => array(body, start, context),
        Some(b'{') => object_or_more(body, start, declared, context),
        _ => lines(body, context),
    }
}

fn object_or_more(body: &mut [u8], start: usize, declared: bool, context: &Context) -> Decoded {
    let line_end = memchr(b'\n', &body[start..]).map_or(body.len(), |newline| start + newline);
    if let Some(end) = value_end(&body[..line_end], start) {
        // A whole object on the first line: the others are lines, too, unless a second one stands on it.
        let next = skip_blank(&body[..line_end], end);
        return match body[..line_end].get(next) {
            Some(b'{') => sequence::sequence(body, context),
            _ => lines(body, context),
        };
    }
    // The first object goes on beyond its line. Either it is laid out over several, or it is a line that is broken.
    let mut look = Look::new(context);
    let end = value_end(body, start);
    let is_whole = end.is_some_and(|end| look.is_event(&body[start..end]));
    let stands_alone = end.is_none_or(|end| skip_blank(body, end) == body.len());
    if is_whole || (declared && stands_alone) {
        sequence::sequence(body, context)
    } else {
        lines(body, context)
    }
}

/// Blanks the mark that some editors and runtimes put in front of UTF-8.
pub(crate) fn blank_mark(body: &mut [u8]) {
    if let Some(mark) = body.get_mut(..3)
        && mark == b"\xef\xbb\xbf"
    {
        mark.fill(b' ');
    }
}
