//! Lines of JSON, left as they are.

use memchr::memchr_iter;

use super::element::Look;
use crate::decoded::{Decoded, Fault};
use crate::format::Context;

/// Looks at each line of `body`; nothing of it is changed but the mark in front of UTF-8.
pub(crate) fn lines(body: &mut [u8], context: &Context) -> Decoded {
    super::blank_mark(body);
    let mut decoded = Decoded::in_body();
    let mut look = Look::new(context);
    let mut start = 0;
    for end in memchr_iter(b'\n', body).chain([body.len()]) {
        let line = &body[start..end];
        start = end + 1;
        // Whoever cuts the lines counts what stands around an event, too.
        if line.len() > context.max_event {
            decoded.reject(Fault::too_long(line.len(), context.max_event));
            continue;
        }
        let event = trimmed(line);
        if event.is_empty() {
            continue;
        }
        match look.at(event) {
            Ok(()) => decoded.line(),
            Err(fault) => decoded.reject(fault),
        }
    }
    decoded
}

/// A line without the blanks around it: the same blanks that make no event if there is nothing else.
#[inline]
fn trimmed(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let start = line.iter().position(|byte| !blank(byte));
    let end = line.iter().rposition(|byte| !blank(byte));
    match (start, end) {
        (Some(start), Some(end)) => &line[start..=end],
        _ => &[],
    }
}
