//! The requests that change something: who may, and what they say.

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::control::{Control, Order, OrderKind};
use crate::reply::{self, Reply};

/// The largest body, in bytes.
const BODY: usize = 64 << 10;

/// What a path orders.
pub(crate) fn kind(path: &str) -> Option<OrderKind> {
    match path {
        "/api/v1/dlq/replay" => Some(OrderKind::Replay),
        "/api/v1/dlq/purge" => Some(OrderKind::Purge),
        _ => None,
    }
}

/// Takes an order. Nothing of a request is read before its token is known to be right.
pub(crate) async fn take(
    control: Option<&Arc<dyn Control>>,
    kind: OrderKind,
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
    let letters = match serde_json::from_slice(&body.to_bytes()) {
        Ok(letters) => letters,
        Err(error) => {
            let detail =
                format!("{error}: expected {{\"where\":[\"field=value\"],\"again\":false}}");
            return reply::problem(StatusCode::BAD_REQUEST, &detail);
        }
    };
    match control.begin(Order { kind, letters }) {
        Ok(number) => reply::accepted(&json!({ "order": number })),
        Err(why) => reply::problem(StatusCode::CONFLICT, &why),
    }
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
