//! The requests that change something: who may, and what they say.

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::control::{Control, Order, OrderKind, Resume};
use crate::reply::{self, Reply};

/// The largest body, in bytes.
const BODY: usize = 64 << 10;

/// What can be wished for.
#[derive(Clone, Copy)]
pub(crate) enum Wish {
    /// That something is done with dead letters.
    Letters(OrderKind),
    /// That a pipeline goes on.
    Resume,
}

/// What a path wishes for.
pub(crate) fn wish(path: &str) -> Option<Wish> {
    match path {
        "/api/v1/dlq/replay" => Some(Wish::Letters(OrderKind::Replay)),
        "/api/v1/dlq/purge" => Some(Wish::Letters(OrderKind::Purge)),
        "/api/v1/pipelines/resume" => Some(Wish::Resume),
        _ => None,
    }
}

/// Takes an order. Nothing of a request is read before its token is known to be right.
pub(crate) async fn take(
    control: Option<&Arc<dyn Control>>,
    wish: Wish,
    request: Request<Incoming>,
) -> Reply {
    let path = request.uri().path();
    if *request.method() != Method::POST {
        let detail = format!("{path} cannot {}: expected POST", request.method());
        return reply::wrong_method(&detail, "POST");
    }
    let Some(control) = control else {
        let detail = format!("{path} is not served here");
        return reply::problem(StatusCode::NOT_FOUND, &detail);
    };
    if !admits(control.token(), request.headers()) {
        let detail =
            "expected the header `authorization: Bearer TOKEN` with the token of this process";
        return reply::problem(StatusCode::UNAUTHORIZED, detail);
    }
    let body = request.into_body();
    let collected = match body.size_hint().lower() {
        announced if announced > BODY as u64 => None,
        _ => Limited::new(body, BODY).collect().await.ok(),
    };
    let Some(body) = collected else {
        let detail = format!("the body did not come whole, expected at most {BODY} bytes");
        return reply::problem(StatusCode::PAYLOAD_TOO_LARGE, &detail);
    };
    let body = body.to_bytes();
    let done: Result<Result<Reply, String>, String> = match wish {
        Wish::Letters(kind) => {
            let expected = "{\"where\":[\"field=value\"],\"again\":false}";
            said(&body, expected).map(|letters| {
                let number = control.begin(Order { kind, letters })?;
                Ok(reply::accepted(&json!({ "order": number })))
            })
        }
        Wish::Resume => said(&body, "{\"pipeline\":\"clicks\"}").map(|Resume { pipeline }| {
            control.resume(&pipeline)?;
            Ok(reply::document(&json!({ "resumed": pipeline })))
        }),
    };
    match done {
        Ok(Ok(reply)) => reply,
        Ok(Err(why)) => reply::problem(StatusCode::CONFLICT, &why),
        Err(detail) => reply::problem(StatusCode::BAD_REQUEST, &detail),
    }
}

/// What a body says.
fn said<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("{error}: expected {expected}"))
}

/// Whether the request carries the token; how long that takes says nothing of it.
fn admits(token: &str, headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(given), None) = (given.next(), given.next()) else {
        return false;
    };
    let given = given.as_bytes().strip_prefix(b"Bearer ");
    given.is_some_and(|given| !token.is_empty() && bool::from(given.ct_eq(token.as_bytes())))
}
