//! The requests that change something: who may, and what they say.

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Request, StatusCode};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::control::{Control, NotReloaded, OfPipeline, Order, OrderKind};
use crate::reply::{self, Refusal, Reply};

/// The largest body, in bytes.
const BODY: usize = 64 << 10;

/// What a path changes.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    /// What is in the store of dead letters.
    Letters(OrderKind),
    /// Whether a pipeline is paused.
    Pause,
    Resume,
    /// What pipelines do with their events.
    Reload,
    /// How many workers there are.
    Workers,
}

impl Change {
    /// Where something can be changed.
    pub(crate) const PATHS: [&str; 6] = [
        "/api/v1/dlq/purge",
        "/api/v1/dlq/replay",
        "/api/v1/pipelines/pause",
        "/api/v1/pipelines/resume",
        "/api/v1/reload",
        "/api/v1/workers",
    ];

    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/api/v1/dlq/replay" => Some(Change::Letters(OrderKind::Replay)),
            "/api/v1/dlq/purge" => Some(Change::Letters(OrderKind::Purge)),
            "/api/v1/pipelines/pause" => Some(Change::Pause),
            "/api/v1/pipelines/resume" => Some(Change::Resume),
            "/api/v1/reload" => Some(Change::Reload),
            "/api/v1/workers" => Some(Change::Workers),
            _ => None,
        }
    }
}

/// Nothing has to be said: the body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// How many workers are wanted: the body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Crew {
    #[serde(deserialize_with = "whole")]
    workers: u64,
}

/// A number without a fraction, however it is spelled: to JSON Schema 4 and 4.0 are the same.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    let is_whole = number.fract() == 0.0 && (0.0..1e15).contains(&number);
    let expected = || D::Error::custom(format!("{number} is no number of workers"));
    is_whole.then_some(number as u64).ok_or_else(expected)
}

/// Takes an order. Nothing of a request is read before its token is known to be right.
pub(crate) async fn take(
    control: Option<&Arc<dyn Control>>,
    change: Change,
    request: Request<Incoming>,
) -> Reply {
    let control = match admit(control, request.uri().path(), request.headers()) {
        Ok(control) => control,
        Err(refusal) => return refusal.reply(),
    };
    let body = request.into_body();
    let collected = match body.size_hint().lower() {
        announced if announced > BODY as u64 => None,
        _ => Limited::new(body, BODY).collect().await.ok(),
    };
    let Some(body) = collected else {
        let detail = format!("the body did not come whole, expected at most {BODY} bytes");
        return reply::problem(StatusCode::PAYLOAD_TOO_LARGE, &detail);
    };
    let done = match change {
        Change::Letters(kind) => letters(control, kind, &body.to_bytes()),
        Change::Pause => pause(control, &body.to_bytes()),
        Change::Resume => resume(control, &body.to_bytes()),
        Change::Reload => reload(control.clone(), &body.to_bytes()).await,
        Change::Workers => workers(control, &body.to_bytes()),
    };
    done.unwrap_or_else(Refusal::reply)
}

fn letters(control: &Arc<dyn Control>, kind: OrderKind, body: &[u8]) -> Result<Reply, Refusal> {
    let letters = read(body, "{\"where\":[\"field=value\"],\"again\":false}")?;
    match control.begin(Order { kind, letters }) {
        Ok(number) => Ok(reply::accepted(&json!({ "order": number }))),
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, why)),
    }
}

fn pause(control: &Arc<dyn Control>, body: &[u8]) -> Result<Reply, Refusal> {
    let OfPipeline { pipeline } = read(body, "{\"pipeline\":\"clicks\"}")?;
    match control.pause(&pipeline) {
        Ok(()) => Ok(reply::document(&json!({ "paused": pipeline }))),
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, why)),
    }
}

fn resume(control: &Arc<dyn Control>, body: &[u8]) -> Result<Reply, Refusal> {
    let OfPipeline { pipeline } = read(body, "{\"pipeline\":\"clicks\"}")?;
    match control.resume(&pipeline) {
        Ok(()) => Ok(reply::document(&json!({ "resumed": pipeline }))),
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, why)),
    }
}

async fn reload(control: Arc<dyn Control>, body: &[u8]) -> Result<Reply, Refusal> {
    let Nothing {} = read(body, "{}")?;
    // It reads files, and builds what it reads.
    let reloaded = async_std::task::spawn_blocking(move || control.reload()).await;
    match reloaded {
        Ok(changed) => Ok(reply::document(&json!({ "changed": changed }))),
        Err(NotReloaded::Conflict(why)) => Err(Refusal::new(StatusCode::CONFLICT, why)),
        Err(NotReloaded::Invalid(why)) => Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why)),
    }
}

fn workers(control: &Arc<dyn Control>, body: &[u8]) -> Result<Reply, Refusal> {
    let Crew { workers } = read(body, "{\"workers\":4}")?;
    match control.set_workers(workers) {
        Ok(()) => Ok(reply::document(&json!({ "workers": workers }))),
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, why)),
    }
}

/// An object: what serde would take in its place, a list of the values, is none.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8], expected: &str) -> Result<T, Refusal> {
    let refused = |why: &dyn std::fmt::Display| {
        let detail = format!("{why}: expected {expected}");
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    };
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refused(&"the body is no object"));
    }
    serde_json::from_slice(body).map_err(|error| refused(&error))
}

/// Whoever takes orders, for a request with the token.
pub(crate) fn admit<'a>(
    control: Option<&'a Arc<dyn Control>>,
    path: &str,
    headers: &HeaderMap,
) -> Result<&'a Arc<dyn Control>, Refusal> {
    let Some(control) = control else {
        let detail = format!("{path} is not served here");
        return Err(Refusal::new(StatusCode::NOT_FOUND, detail));
    };
    if admits(control.token(), headers) {
        return Ok(control);
    }
    let detail = "expected the header `authorization: Bearer TOKEN` with the token of this process";
    Err(Refusal::new(StatusCode::UNAUTHORIZED, detail))
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
