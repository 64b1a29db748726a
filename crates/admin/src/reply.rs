use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// An answer.
pub(crate) type Reply = Response<Full<Bytes>>;

/// A body of a given type.
pub(crate) fn body(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let mut set = |name: HeaderName, value| {
        reply
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_TYPE, kind);
    set(CACHE_CONTROL, "no-store");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    reply
}

/// A line of plain text.
pub(crate) fn text(status: StatusCode, line: &str) -> Reply {
    body(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

/// A JSON document.
pub(crate) fn document(document: &Value) -> Reply {
    body(StatusCode::OK, "application/json", format!("{document}\n"))
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
    body(
        StatusCode::ACCEPTED,
        "application/json",
        format!("{document}\n"),
    )
}

/// The answer to a method that is not among the `allowed` ones.
pub(crate) fn wrong_method(detail: &str, allowed: &'static str) -> Reply {
    let mut reply = problem(StatusCode::METHOD_NOT_ALLOWED, detail);
    reply
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}
