//! `/v1/cloudevents`: CloudEvents 1.0 over HTTP in the structured, the binary and the batched mode. Whichever it was,
//! what comes out is the JSON format: an event that came in it goes out as it came, and a binary one is put into it.

mod attributes;
mod binary;
mod header;
mod structured;
mod time;
mod uri;

use http::HeaderMap;

use crate::decoded::Decoded;
use crate::events::{array_with, blank_mark};
use crate::format::{Context, Format, Unsupported};
use crate::media::content_type;
use millpond_event::outline::skip_blank;

pub(crate) use binary::{binary, line_bytes};
pub(crate) use structured::structured;

/// An attribute that has to be there is not.
const MISSING: &str = "missing_attribute";
/// An attribute has a name or a value that it cannot have.
const BAD: &str = "bad_attribute";
/// The data is not what it is said to be.
const BAD_DATA: &str = "bad_data";

const EXPECTED: &str = "a media type, such as application/cloudevents+json, application/cloudevents-batch+json, or that of the data";
const EXPECTED_JSON: &str =
    "application/cloudevents+json or application/cloudevents-batch+json, in UTF-8";

pub(crate) fn format(headers: &HeaderMap) -> Result<Format, Unsupported> {
    let Some(media) = content_type(headers, EXPECTED)? else {
        return Ok(Format::CloudEventBinary);
    };
    let format = if media.is("application/cloudevents+json") || media.is("application/cloudevents")
    {
        Format::CloudEventStructured
    } else if media.is("application/cloudevents-batch+json")
        || media.is("application/cloudevents-batch")
    {
        Format::CloudEventBatch
    } else if media.begins_with("application/cloudevents") {
        return Err(Unsupported::of(headers, EXPECTED_JSON));
    } else {
        return Ok(Format::CloudEventBinary);
    };
    if media.is_utf8() {
        Ok(format)
    } else {
        Err(Unsupported::of(headers, EXPECTED_JSON))
    }
}

/// The batched mode.
pub(crate) fn batch(body: &mut [u8], context: &Context) -> Decoded {
    blank_mark(body);
    let open = skip_blank(body, 0);
    if body.get(open) != Some(&b'[') {
        return structured::no_events("an array of events", body);
    }
    let mut judge = structured::Judgement::new(context);
    array_with(body, open, |element, _, decoded| match judge.of(element) {
        Ok(id) => {
            decoded.line_known_by(Some(id));
            true
        }
        Err(fault) => {
            decoded.refuse(fault, element);
            false
        }
    })
}
