use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::live::Listener;
use crate::tap_stream::TapStream;

pub(crate) const JSON: &str = "application/json";

/// An answer: whole, or one that goes on.
pub(crate) type Reply = Response<Either<Full<Bytes>, Stream>>;

/// A body of a given type.
pub(crate) fn body(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    answer(status, kind, Either::Left(Full::new(body.into())))
}

/// An answer that goes on.
pub(crate) enum Stream {
    /// Overviews.
    Live(Listener),
    /// Samples of events.
    Tap(Box<TapStream>),
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Stream::Live(listener) => Pin::new(listener).poll_frame(context),
            Stream::Tap(tap) => tap.poll(context),
        }
    }
}

/// Server-sent events.
pub(crate) fn stream(stream: Stream) -> Reply {
    answer(StatusCode::OK, "text/event-stream", Either::Right(stream))
}

fn answer(status: StatusCode, kind: &'static str, body: Either<Full<Bytes>, Stream>) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let mut set = |name: HeaderName, value| {
        reply
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_TYPE, kind);
    set(CACHE_CONTROL, "no-store");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Another page's script may not even embed what is here.
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    reply
}

/// A line of plain text.
pub(crate) fn text(status: StatusCode, line: &str) -> Reply {
    body(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

/// A JSON document.
pub(crate) fn document(document: &Value) -> Reply {
    body(StatusCode::OK, JSON, format!("{document}\n"))
}

/// What was wrong with the request, as RFC 9457 has it.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Reply {
    let problem = json!({
        "title": status.canonical_reason().unwrap_or("error").to_lowercase(),
        "status": status.as_u16(),
        "detail": detail,
    });
    body(status, "application/problem+json", format!("{problem}\n"))
}

/// What was ordered is under way.
pub(crate) fn accepted(document: &Value) -> Reply {
    body(StatusCode::ACCEPTED, JSON, format!("{document}\n"))
}

/// The answer to a method that is not among the `allowed` ones.
pub(crate) fn wrong_method(detail: &str, allowed: &'static str) -> Reply {
    with(StatusCode::METHOD_NOT_ALLOWED, detail, ALLOW, allowed)
}

/// Why a request is refused.
pub(crate) struct Refusal {
    status: StatusCode,
    detail: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Refusal { status, detail }
    }

    pub(crate) fn reply(self) -> Reply {
        match self.status {
            StatusCode::UNAUTHORIZED => with(self.status, &self.detail, WWW_AUTHENTICATE, "Bearer"),
            StatusCode::SERVICE_UNAVAILABLE => later(&self.detail),
            status => problem(status, &self.detail),
        }
    }
}

/// The answer where there is no room at the moment.
pub(crate) fn later(detail: &str) -> Reply {
    with(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER, "5")
}

fn with(status: StatusCode, detail: &str, name: HeaderName, value: &'static str) -> Reply {
    let mut reply = problem(status, detail);
    reply
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    reply
}
