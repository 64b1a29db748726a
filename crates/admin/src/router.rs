use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{HeaderMap, Method, Request, StatusCode, Version};

use crate::api;
use crate::exposition::{self, Exposition};
use crate::observed::Observed;
use crate::orders;
use crate::reply::{self, Reply};
use crate::service;
use crate::workers;

/// Which paths there are.
const PATHS: &str = "/livez, /readyz, /metrics, /version, /api/v1/queues, /api/v1/workers, /api/v1/service, /api/v1/ledger and /api/v1/dlq";

/// Answers requests.
pub(crate) struct Router {
    observed: Arc<Observed>,
    exposition: Exposition,
}

impl Router {
    pub(crate) fn new(observed: Arc<Observed>) -> Self {
        let exposition = Exposition::new(observed.clone());
        Router {
            observed,
            exposition,
        }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Reply {
        if let Some(refusal) = host_problem(request.version(), request.headers()) {
            return refusal;
        }
        match orders::kind(request.uri().path()) {
            Some(kind) => orders::take(self.observed.control.as_ref(), kind, request).await,
            None => self.show(&request),
        }
    }

    fn show<B>(&self, request: &Request<B>) -> Reply {
        let answer: fn(&Self) -> Reply = match request.uri().path() {
            "/livez" => |this| health(this.observed.health.live()),
            "/readyz" => |this| health(this.observed.health.ready()),
            "/metrics" => Self::metrics,
            "/version" => |this| reply::document(&serde_json::json!(this.observed.build)),
            "/api/v1/queues" => |this| reply::document(&api::queues(&this.observed)),
            "/api/v1/workers" => |this| reply::document(&workers::document(&this.observed)),
            "/api/v1/service" => |this| reply::document(&service::document(&this.observed)),
            "/api/v1/ledger" => |this| reply::document(&api::ledger(&this.observed)),
            "/api/v1/dlq" => |this| reply::document(&api::dlq(&this.observed)),
            path => {
                let detail = format!("there is no {path} here: expected one of {PATHS}");
                return reply::problem(StatusCode::NOT_FOUND, &detail);
            }
        };
        match *request.method() {
            Method::GET | Method::HEAD => answer(self),
            ref method => {
                let path = request.uri().path();
                let detail = format!("{path} cannot {method}: expected GET or HEAD");
                reply::wrong_method(&detail, "GET, HEAD")
            }
        }
    }

    fn metrics(&self) -> Reply {
        match self.exposition.text() {
            Ok(text) => reply::body(StatusCode::OK, exposition::CONTENT_TYPE, text),
            Err(error) => {
                tracing::error!(%error, "metrics could not be written");
                reply::problem(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "metrics could not be written",
                )
            }
        }
    }
}

fn health(state: Result<(), String>) -> Reply {
    match state {
        Ok(()) => reply::text(StatusCode::OK, "ok"),
        Err(reasons) => reply::text(StatusCode::SERVICE_UNAVAILABLE, &reasons),
    }
}

/// What is wrong with a request that was not addressed to a loopback name. A browser that was led
/// here by a name of somebody else's says that name.
fn host_problem(version: Version, headers: &HeaderMap) -> Option<Reply> {
    let mut hosts = headers.get_all(HOST).iter();
    let bad = |detail| Some(reply::problem(StatusCode::BAD_REQUEST, detail));
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => None,
        (None, _) => bad("the Host header is missing"),
        (Some(_), Some(_)) => bad("there is more than one Host header"),
        (Some(host), None) if host.to_str().is_ok_and(is_loopback_name) => None,
        (Some(host), None) => {
            let detail = format!("Host is {host:?}: expected localhost, 127.0.0.1 or [::1]");
            Some(reply::problem(StatusCode::MISDIRECTED_REQUEST, &detail))
        }
    }
}

fn is_loopback_name(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or((rest, "x")),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port_reads = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok());
    let loopback = name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    port_reads && loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_somebody_elses_is_not_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:7080",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.8.8.8:80",
            "[::1]",
            "[::1]:7080",
        ] {
            assert!(is_loopback_name(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:7080",
            "[::1",
            "[::2]:80",
            "localhost:port",
            "localhost:",
            "127.0.0.1:99999",
            "[::1]x",
            "user@localhost",
        ] {
            assert!(!is_loopback_name(host), "{host}");
        }
    }
}
