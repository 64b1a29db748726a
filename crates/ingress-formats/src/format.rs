//! How a body is to be read.

use std::fmt;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::decoded::Decoded;
use crate::{cloudevents, events, segment};

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of JSON.
    Lines,
    /// One JSON object, an array of objects, or several one after the other; said so by the sender or not.
    Json {
        /// The sender says that it is JSON: what looks like one broken object then is one.
        declared: bool,
    },
    /// A CloudEvent whose attributes are headers, and whose data is the body.
    CloudEventBinary,
    /// A CloudEvent in JSON.
    CloudEventStructured,
    /// An array of CloudEvents in JSON.
    CloudEventBatch,
    /// One call of the Segment tracking API.
    Segment(segment::Call),
    /// Many of them.
    SegmentBatch,
}

/// What a body is read with.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// When it came: microseconds since the Unix epoch.
    pub now_micros: u64,
    /// The longest that an event may be, in bytes.
    pub max_event: usize,
    /// How closely lines are looked at.
    pub check: Check,
}

impl Default for Context {
    /// An hour that is none, and events of at most 1 MiB.
    fn default() -> Self {
        Context {
            now_micros: 0,
            max_event: 1 << 20,
            check: Check::Shape,
        }
    }
}

/// How closely the events of a body are looked at before it is answered, where its format does not ask for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// That each begins and ends as an object does, and is not too long. What is broken inside is found by whoever
    /// runs it, and the answer does not tell.
    Shape,
    /// That each is strict JSON. It costs what reading the event costs.
    Strict,
}

impl Format {
    /// Reads a body. It may be overwritten: see [`Decoded::lines`].
    pub fn decode(self, headers: &HeaderMap, body: &mut [u8], context: &Context) -> Decoded {
        match self {
            Format::Lines => events::lines(body, context),
            Format::Json { declared } => events::json(body, declared, context),
            Format::CloudEventBinary => cloudevents::binary(headers, body, context),
            Format::CloudEventStructured => cloudevents::structured(body, context),
            Format::CloudEventBatch => cloudevents::batch(body, context),
            Format::Segment(call) => segment::single(call, body, context),
            Format::SegmentBatch => segment::batch(body, context),
        }
    }

    /// About how many bytes the lines of a body of `body` bytes take beside it.
    pub fn beside(self, headers: &HeaderMap, body: usize) -> usize {
        match self {
            // Made into lines where they lie, but for those that are not what they usually are.
            Format::Lines
            | Format::Json { .. }
            | Format::CloudEventStructured
            | Format::CloudEventBatch => 0,
            Format::CloudEventBinary => cloudevents::line_bytes(headers, body),
            // A batch that says much for all of its calls takes more.
            Format::Segment(_) | Format::SegmentBatch => body + (body >> 2) + 256,
        }
    }

    /// Whether there is nothing to read without a body. The data of an event may be left out.
    pub fn needs_body(self) -> bool {
        self != Format::CloudEventBinary
    }

    /// The longest body that the format's own rules allow, in bytes, if they say.
    pub fn max_body(self) -> Option<usize> {
        match self {
            Format::Segment(_) | Format::SegmentBatch => Some(segment::MAX_BODY),
            _ => None,
        }
    }
}

/// A body in a format that its path does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The `Content-Type` that was sent; empty if none was.
    pub found: String,
    /// What would have been taken.
    pub expected: &'static str,
}

impl Unsupported {
    pub(crate) fn of(headers: &HeaderMap, expected: &'static str) -> Self {
        let values = headers.get_all(CONTENT_TYPE).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        Unsupported {
            found: values.join(", "),
            expected,
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "content-type `{}`, expected {}",
            self.found, self.expected
        )
    }
}

impl std::error::Error for Unsupported {}
