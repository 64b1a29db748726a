use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use millpond_ingress_formats::{Answer, Route};
use serde_json::json;

use crate::Ack;
use crate::auth::{Auth, Denied};
use crate::framing::Ambiguous;

/// An answer.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Why the events of a request are not acknowledged.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Who sends it is not let in.
    Denied(Denied),
    /// It comes from a page in a browser that may not send.
    Origin,
    /// The same signature was used before.
    Used,
    /// The key has sent as much as it may, and may again after this time.
    Rate(Duration),
    /// There are too many headers, or they are too long.
    Headers,
    /// Nothing has this path.
    Path(String),
    /// The path, which comes second, has another method.
    Method(String, String),
    /// The body is in a format or an encoding that is not read here: the header, its value, and what was expected.
    Format(HeaderName, String, &'static str),
    /// The body is longer than this.
    TooLarge(usize),
    /// The body is longer than this when it is decompressed.
    Expands(usize),
    /// The body grows by more than this when it is decompressed.
    Ratio(usize),
    /// The body has no event.
    Empty,
    /// The body is no body as HTTP, or its encoding, has it.
    Broken(String),
    /// The sender took too long to send the body.
    Slow,
    /// There is no room now, and the source sheds what there is no room for.
    Busy,
    /// There was no room in time.
    NoRoom,
    /// Another request brings events with the same ids, and it is not known yet whether they are taken in.
    UnderWay,
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
            Refused::Denied(_) => StatusCode::UNAUTHORIZED,
            Refused::Origin => StatusCode::FORBIDDEN,
            Refused::Used => StatusCode::CONFLICT,
            Refused::Rate(_) | Refused::Busy => StatusCode::TOO_MANY_REQUESTS,
            Refused::Headers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refused::Path(_) => StatusCode::NOT_FOUND,
            Refused::Method(..) => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Format(..) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refused::TooLarge(_) | Refused::Expands(_) | Refused::Ratio(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Refused::Empty | Refused::Broken(_) => StatusCode::BAD_REQUEST,
            Refused::Slow => StatusCode::REQUEST_TIMEOUT,
            Refused::NoRoom
            | Refused::UnderWay
            | Refused::Late(_)
            | Refused::Abandoned
            | Refused::Ended => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Under which reason it counts.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Refused::Denied(Denied::Missing) => "no_credential",
            Refused::Denied(Denied::Wrong) => "wrong_credential",
            Refused::Denied(Denied::Expired) => "expired_credential",
            Refused::Origin => "origin",
            Refused::Used => "used_signature",
            Refused::Rate(_) => "rate",
            Refused::Headers => "headers_too_large",
            Refused::Path(_) | Refused::Method(..) => "no_such_route",
            Refused::Format(..) => "unknown_format",
            Refused::TooLarge(_) => "body_too_large",
            Refused::Expands(_) => "decompressed_too_large",
            Refused::Ratio(_) => "decompression_ratio",
            Refused::Empty => "empty",
            Refused::Broken(_) => "broken_body",
            Refused::Slow => "slow_body",
            Refused::Busy => "shed",
            Refused::NoRoom => "no_room",
            Refused::UnderWay => "under_way",
            Refused::Late(_) => "not_acknowledged",
            Refused::Abandoned => "abandoned",
            Refused::Ended => "ended",
        }
    }

    fn detail(&self) -> String {
        match self {
            Refused::Denied(Denied::Missing) => "there is no credential, expected one".into(),
            Refused::Denied(Denied::Wrong) => "the credential is not known here".into(),
            Refused::Denied(Denied::Expired) => {
                "the credential was good once: it has ended, or was signed too long ago".into()
            }
            Refused::Origin => "pages of this origin may not send: expected one of `cors`".into(),
            Refused::Used => "a request with this signature was taken in already".into(),
            Refused::Rate(_) => "the credential has sent as many events as it may for now".into(),
            Refused::Headers => "there are too many headers, or they are too long".into(),
            Refused::Path(path) => {
                let paths: Vec<_> = Route::paths().collect();
                format!("there is no {path} here: expected {}", paths.join(", "))
            }
            Refused::Method(method, path) => format!("{path} cannot {method}: expected POST"),
            Refused::Format(header, value, expected) => {
                format!("{header} `{value}`, expected {expected}")
            }
            Refused::TooLarge(limit) => {
                format!("the body is too large, expected at most {limit} bytes")
            }
            Refused::Expands(limit) => {
                format!(
                    "the body is too large once it is decompressed, expected at most {limit} bytes"
                )
            }
            Refused::Ratio(ratio) => {
                format!(
                    "the body grows too much as it is decompressed, expected at most {ratio} times its length"
                )
            }
            Refused::Empty => "the body has no event, expected JSON".into(),
            Refused::Broken(error) => format!("the body cannot be read: {error}"),
            Refused::Slow => "the body did not come in time; nothing of it was taken in".into(),
            Refused::Busy => "there is no room for the body now; nothing of it was taken in".into(),
            Refused::NoRoom => {
                "there was no memory for the body in time; nothing of it was taken in".into()
            }
            Refused::UnderWay => {
                "a request with the same events is under way, and may still be acknowledged".into()
            }
            Refused::Late(ack) => {
                format!("the events were taken in, but are not {ack} yet; they may still be")
            }
            Refused::Abandoned => "some of the events were abandoned on their way".into(),
            Refused::Ended => "the source has ended".into(),
        }
    }

    /// Whether the connection should not go on after it.
    pub(crate) fn is_the_last(&self) -> bool {
        matches!(self, Refused::Ended)
    }

    /// The answer, as RFC 9457 has it. `closes`: the connection does not go on. `again`: in how many seconds a sender
    /// should send again that can be helped by that.
    pub(crate) fn reply(&self, closes: bool, again: impl FnOnce() -> u64, auth: &Auth) -> Reply {
        let status = self.status();
        let problem = json!({
            "title": status.canonical_reason().unwrap_or("error").to_lowercase(),
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        let mut reply = body(
            status,
            "application/problem+json",
            problem.to_string() + "\n",
        );
        let headers = reply.headers_mut();
        match self {
            Refused::Method(..) => drop(headers.insert(ALLOW, HeaderValue::from_static("POST"))),
            Refused::Denied(_) => {
                for challenge in auth.challenges() {
                    headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
                }
            }
            Refused::Rate(wait) => {
                let seconds = wait.as_secs() + 1;
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ if status == StatusCode::SERVICE_UNAVAILABLE
                || status == StatusCode::TOO_MANY_REQUESTS =>
            {
                headers.insert(RETRY_AFTER, HeaderValue::from(again()));
            }
            _ => {}
        }
        if closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

/// The answer to a body that was read.
pub(crate) fn answered(answer: Answer) -> Reply {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    body(status, answer.content_type, answer.body)
}

fn body(status: StatusCode, kind: &'static str, text: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// The answer, byte for byte, to a request that can be read in more than one way: after it the connection ends.
pub(crate) fn unreadable(why: Ambiguous) -> String {
    let problem = json!({
        "title": "bad request",
        "status": 400,
        "detail": format!("the request cannot be read: {why}"),
    });
    let text = problem.to_string() + "\n";
    format!(
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\n\r\n{text}",
        text.len()
    )
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}
