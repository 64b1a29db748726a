//! The tracking API of Segment, as its SDKs speak it: one call, or a batch of them.
//!
//! A call comes out as it came, with what the server knows: see `docs/INGRESS.md`. A client that hears that its batch
//! is bad drops all of it, so a bad call fails only itself.

mod batch;
mod call;

use http::HeaderMap;
use millpond_event::Value;

use crate::decoded::{Decoded, Fault, Lines};
use crate::format::{Context, Unsupported};
use crate::media::content_type;

pub(crate) use batch::batch;
pub use call::Call;
use call::{Desk, Shared};

/// The longest that a call may be.
const MAX_CALL: usize = 32 << 10;
/// The longest that a batch may be, and so the body of any request.
pub(crate) const MAX_BODY: usize = 500 << 10;
/// The most bytes that the calls of a batch may come to once they have what was said for all of them.
const MAX_BUILT: usize = 8 * MAX_BODY;

/// The body as a whole is none of this API.
pub(crate) const UNREADABLE: &str = "unreadable_body";

const EXPECTED: &str = "application/json, text/plain or none, in UTF-8";

pub(crate) fn format(headers: &HeaderMap) -> Result<(), Unsupported> {
    let Some(media) = content_type(headers, EXPECTED)? else {
        return Ok(());
    };
    let is_json = media.is("application/json") || media.is("text/json") || media.is("text/plain");
    if is_json && media.is_utf8() {
        Ok(())
    } else {
        Err(Unsupported::of(headers, EXPECTED))
    }
}

/// A body that is one call.
pub(crate) fn single(call: Call, body: &mut [u8], context: &Context) -> Decoded {
    crate::events::blank_mark(body);
    if let Err(error) = Value::parse(body) {
        return unreadable(&error.to_string(), body);
    }
    let mut decoded = Decoded::built(Vec::new());
    let mut lines = Vec::new();
    match Desk::new(context).call(body, Some(call), &Shared::default(), &mut lines) {
        Ok(id) => decoded.line_known_by(id),
        Err(fault) => decoded.refuse(fault, body),
    }
    decoded.lines = Lines::Built(lines);
    decoded
}

fn unreadable(why: &str, body: &[u8]) -> Decoded {
    let mut decoded = Decoded::built(Vec::new());
    let fault = Fault::new(UNREADABLE, format!("the body cannot be read: {why}"));
    decoded.refuse(fault, body);
    decoded
}
