use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::Ack;
use crate::format::EVENTS;
use crate::request::Taken;

/// An answer.
pub(crate) type Reply = Response<Full<Bytes>>;

/// How many seconds a sender should wait before it sends again.
const RETRY_SECONDS: u16 = 1;

/// Why the events of a request are not acknowledged.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nothing has this path.
    Path(String),
    /// The path has another method.
    Method(String),
    /// The body is in a format or an encoding that is not read here: the header, and its value.
    Format(&'static str, String, &'static str),
    /// The body is longer than this.
    TooLarge(usize),
    /// The body has no event.
    Empty,
    /// The body is no body as HTTP has it.
    Broken(String),
    /// The sender took too long to send the body.
    Slow,
    /// The budget had no room for the body in time.
    NoRoom,
    /// The events were taken in, but not acknowledged in time.
    Late(Ack),
    /// Some of the events were abandoned on their way.
    Abandoned,
    /// The source has ended, or a pipeline that reads it is gone.
    Ended,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Refused::Path(_) => StatusCode::NOT_FOUND,
            Refused::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Format(..) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refused::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::Empty | Refused::Broken(_) => StatusCode::BAD_REQUEST,
            Refused::Slow => StatusCode::REQUEST_TIMEOUT,
            Refused::NoRoom | Refused::Late(_) | Refused::Abandoned | Refused::Ended => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn detail(&self) -> String {
        match self {
            Refused::Path(path) => format!("there is no {path} here: expected {EVENTS}"),
            Refused::Method(method) => format!("{EVENTS} cannot {method}: expected POST"),
            Refused::Format(header, value, expected) => {
                format!("{header} `{value}`, expected {expected}")
            }
            Refused::TooLarge(limit) => {
                format!("the body is too large, expected at most {limit} bytes")
            }
            Refused::Empty => "the body has no event, expected lines of JSON".into(),
            Refused::Broken(error) => format!("the body cannot be read: {error}"),
            Refused::Slow => "the body did not come in time; nothing of it was taken in".into(),
            Refused::NoRoom => {
                "there was no memory for the body in time; nothing of it was taken in".into()
            }
            Refused::Late(ack) => {
                format!("the events were taken in, but are not {ack} yet; they may still be")
            }
            Refused::Abandoned => "some of the events were abandoned on their way".into(),
            Refused::Ended => "the source has ended".into(),
        }
    }

    /// Under which reason a connection counts as closed that this closes.
    pub(crate) fn closes(&self) -> Option<&'static str> {
        match self {
            Refused::TooLarge(_) => Some("body_too_large"),
            Refused::Slow => Some("slow_body"),
            _ => None,
        }
    }

    /// The answer, as RFC 9457 has it. `unread`: some of the body is, and so the connection cannot go on.
    pub(crate) fn reply(&self, unread: bool) -> Reply {
        let status = self.status();
        let problem = json!({
            "title": status.canonical_reason().unwrap_or("error").to_lowercase(),
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        let mut reply = body(status, "application/problem+json", problem.to_string());
        let headers = reply.headers_mut();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        if unread || matches!(self, Refused::Ended) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

/// Says that the events are acknowledged.
pub(crate) fn accepted(taken: Taken, ack: Ack) -> Reply {
    let Taken { accepted, rejected } = taken;
    let text = format!(r#"{{"accepted":{accepted},"rejected":{rejected},"ack":"{ack}"}}"#);
    body(StatusCode::OK, "application/json", text)
}

fn body(status: StatusCode, kind: &'static str, text: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text + "\n")));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}
