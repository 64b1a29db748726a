use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Uri};

use crate::reply::{self, Refused, Reply};
use crate::{Ack, request};

/// The path that takes lines of JSON.
pub(crate) const EVENTS: &str = "/v1/events";

/// What a body is written in, as its path and its content type say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines of JSON.
    Lines,
}

/// A body as lines of JSON.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// The lines, an event each; none where the body is lines as it is.
    pub(crate) lines: Option<Vec<u8>>,
    /// What is no event of this format.
    pub(crate) rejects: Vec<Reject>,
}

/// A part of a body that is no event, and goes to the dead letters as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reject {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
}

impl Format {
    /// Judges a request by its head, before its body is read.
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Format, Refused> {
        let path = uri.path();
        if path != EVENTS {
            return Err(Refused::Path(path.to_owned()));
        }
        if method != Method::POST {
            return Err(Refused::Method(method.to_string()));
        }
        if let Some(value) = headers.get(CONTENT_TYPE) {
            let value = value.to_str().unwrap_or("?");
            let kind = value.split(';').next().unwrap_or(value).trim();
            let known = ["application/x-ndjson", "application/json"];
            if !known.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
                let expected = "application/x-ndjson, application/json or none";
                return Err(Refused::Format("content-type", value.into(), expected));
            }
        }
        Ok(Format::Lines)
    }

    /// The most bytes that the lines and the rejects of such a body take beside it: they are paid for before it is
    /// read.
    pub(crate) fn beside(self, _headers: &HeaderMap, _body: usize) -> usize {
        match self {
            Format::Lines => 0,
        }
    }

    /// Reads a body, which is whole and not compressed.
    pub(crate) fn decode(self, _headers: &HeaderMap, _body: &[u8]) -> Result<Decoded, Refused> {
        match self {
            Format::Lines => Ok(Decoded::default()),
        }
    }

    /// Says that the events are acknowledged.
    pub(crate) fn accepted(self, taken: request::Taken, ack: Ack) -> Reply {
        match self {
            Format::Lines => reply::accepted(taken, ack),
        }
    }
}
