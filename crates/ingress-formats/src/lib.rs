//! What clients put into the bodies of HTTP requests, as events: lines of JSON.
//!
//! A [`Route`] is chosen by the path, a [`Format`] of it by the headers, and [`Format::decode`] turns a body into
//! lines, says what could not be read and why, and hands over the ids by which an event that is sent again is known.
//! [`Route::answer`] writes what the client is told.
//!
//! ```
//! use http::{HeaderMap, Method};
//! use millpond_ingress_formats::{Context, Route};
//!
//! let headers = HeaderMap::new();
//! let route = Route::find("/v1/events").expect("a path that is served");
//! let format = route.format(&headers).expect("a format that is read");
//! let mut body = br#"[{"n":1},{"n":2}, 3]"#.to_vec();
//! let decoded = format.decode(&headers, &mut body, &Context::default());
//! // The array has become lines where it lay; `3` is still among them, for whoever keeps what is no event.
//! assert_eq!(body, b"\n{\"n\":1}\n{\"n\":2}\n\n3\n");
//! assert_eq!((decoded.events, decoded.rejects.count()), (3, 1));
//! let answer = route.answer(&decoded.summary(), "received");
//! assert_eq!(answer.status, 200);
//! ```
//!
//! # What this crate does not do
//!
//! No IO, no clock ([`Context::now_micros`] is handed in), no authentication, no decompression. It judges what its
//! formats ask for and no more: whether a line is strict JSON is decided again by whoever runs it.

mod answer;
mod cloudevents;
mod decoded;
mod events;
mod format;
mod media;
mod route;
mod segment;

pub use crate::{
    answer::{Answer, Summary},
    decoded::{Decoded, Id, Lines, MAX_REJECTS, REASONS, Refused, Reject, Rejects},
    format::{Check, Context, Format, Unsupported},
    route::Route,
    segment::Call,
};
