use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, StatusCode};

use crate::exposition::{self, Exposition};
use crate::host::Hosts;
use crate::observed::Observed;
use crate::orders::{self, Change};
use crate::recorder::Recorder;
use crate::reply::{self, Refusal, Reply, Stream};
use crate::tap_stream::TapStream;
use crate::taps::TapRefusal;
use crate::{api, page, pipelines, query, service, workers};

/// The API's own description.
const OPENAPI: &str = include_str!("openapi.json");

/// What there is at a path.
enum Answer {
    /// For everybody.
    Show(fn(&Router) -> Reply),
    /// For whoever shows the token.
    Tell(fn(&Router) -> Reply),
    /// The overview, as it changes.
    Live,
    /// For whoever shows the token: events as they pass.
    Tap,
}

use Answer::{Live, Show, Tap, Tell};

/// What can be read. `openapi.json` describes each of these, and a test compares the two.
const ROUTES: &[(&str, Answer)] = &[
    ("/livez", Show(|this| health(this.observed.health.live()))),
    ("/readyz", Show(|this| health(this.observed.health.ready()))),
    ("/metrics", Show(Router::metrics)),
    (
        "/version",
        Show(|this| reply::document(&serde_json::json!(this.observed.build))),
    ),
    (
        "/api/v1/openapi.json",
        Show(|_| reply::body(StatusCode::OK, reply::JSON, OPENAPI)),
    ),
    (
        "/api/v1/overview",
        Show(|this| reply::document(&this.recorder.overview())),
    ),
    (
        "/api/v1/history",
        Show(|this| reply::document(&this.recorder.history())),
    ),
    ("/api/v1/live", Live),
    (
        "/api/v1/pipelines",
        Show(|this| reply::document(&pipelines::document(&this.observed))),
    ),
    (
        "/api/v1/queues",
        Show(|this| reply::document(&api::queues(&this.observed))),
    ),
    (
        "/api/v1/workers",
        Show(|this| reply::document(&workers::document(&this.observed))),
    ),
    (
        "/api/v1/service",
        Show(|this| reply::document(&service::service(&this.observed))),
    ),
    (
        "/api/v1/ledger",
        Show(|this| reply::document(&api::ledger(&this.observed))),
    ),
    (
        "/api/v1/dlq",
        Show(|this| reply::document(&api::dlq(&this.observed))),
    ),
    (
        "/api/v1/dlq/latest",
        Tell(|this| reply::document(&api::latest(&this.observed))),
    ),
    ("/api/v1/tap", Tap),
];

/// Answers requests.
pub(crate) struct Router {
    observed: Arc<Observed>,
    exposition: Exposition,
    recorder: Recorder,
    hosts: Hosts,
}

impl Router {
    pub(crate) fn new(observed: Arc<Observed>, hosts: Hosts) -> Self {
        Router {
            exposition: Exposition::new(observed.clone()),
            recorder: Recorder::new(observed.clone()),
            observed,
            hosts,
        }
    }

    /// Looks at everything once a second, for as long as the future is polled.
    pub(crate) async fn record(&self) {
        self.recorder.run().await;
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Reply {
        if let Some(refusal) = self.hosts.problem(request.version(), request.headers()) {
            return refusal;
        }
        let path = request.uri().path();
        let control = self.observed.control.as_ref();
        if *request.method() == Method::POST
            && let Some(change) = Change::at(path)
        {
            return orders::take(control, change, request).await;
        }
        let answer = ROUTES.iter().find(|(known, _)| *known == path);
        let answer = answer.map(|(_, answer)| answer);
        match (answer, page::find(path), Change::at(path)) {
            (None, None, None) => not_found(path),
            _ if !is_read(request.method()) => wrong_method(path, request.method()),
            (None, None, Some(_)) => wrong_method(path, request.method()),
            (None, Some(asset), _) => page::serve(asset, request.headers()),
            (Some(Show(answer)), ..) => answer(self),
            (Some(Live), ..) => self.live(),
            (Some(Tap), ..) => {
                let query = request.uri().query();
                let tapped = self.tap(path, query, request.headers());
                tapped.unwrap_or_else(|refusal| refusal.reply())
            }
            (Some(Tell(answer)), ..) => self.tell(*answer, path, request.headers()),
        }
    }

    fn tell(&self, answer: fn(&Self) -> Reply, path: &str, headers: &HeaderMap) -> Reply {
        match orders::admit(self.observed.control.as_ref(), path, headers) {
            Ok(_) => answer(self),
            Err(refusal) => refusal.reply(),
        }
    }

    fn tap(&self, path: &str, query: Option<&str>, headers: &HeaderMap) -> Result<Reply, Refusal> {
        orders::admit(self.observed.control.as_ref(), path, headers)?;
        let nobody = || Refusal::new(StatusCode::NOT_FOUND, format!("{path} is not served here"));
        let taps = self.observed.taps.as_ref().ok_or_else(nobody)?;
        let bad = |why| Refusal::new(StatusCode::BAD_REQUEST, why);
        let (wanted, limit) = query::tap(query).map_err(bad)?;
        let refused = |refusal| match refusal {
            TapRefusal::Bad(why) => bad(why),
            TapRefusal::Unknown(why) => Refusal::new(StatusCode::NOT_FOUND, why),
            TapRefusal::Cannot(why) => Refusal::new(StatusCode::CONFLICT, why),
            TapRefusal::Later(why) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why),
        };
        let tapped = taps.open(&wanted).map_err(refused)?;
        let stream = TapStream::new(tapped, wanted.rate, limit);
        Ok(reply::stream(Stream::Tap(Box::new(stream))))
    }

    fn live(&self) -> Reply {
        match self.recorder.listen() {
            Some(listener) => reply::stream(Stream::Live(listener)),
            None => reply::later("too many listen already, expected at most one a page"),
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

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn health(state: Result<(), String>) -> Reply {
    match state {
        Ok(()) => reply::text(StatusCode::OK, "ok"),
        Err(reasons) => reply::text(StatusCode::SERVICE_UNAVAILABLE, &reasons),
    }
}

fn not_found(path: &str) -> Reply {
    let mut known: Vec<&str> = ROUTES.iter().map(|(path, _)| *path).collect();
    known.extend(Change::PATHS);
    known.sort_unstable();
    known.dedup();
    let known = known.join(", ");
    let detail = format!("there is no {path} here: expected / or one of {known}");
    reply::problem(StatusCode::NOT_FOUND, &detail)
}

fn wrong_method(path: &str, method: &Method) -> Reply {
    let read = ROUTES.iter().any(|(known, _)| *known == path) || page::find(path).is_some();
    let allowed = match (read, Change::at(path)) {
        (true, Some(_)) => "GET, HEAD, POST",
        (false, Some(_)) => "POST",
        _ => "GET, HEAD",
    };
    let detail = format!("{path} cannot {method}: expected {allowed}");
    reply::wrong_method(&detail, allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_served_is_described_and_what_is_described_is_served() {
        let described: Value = serde_json::from_str(OPENAPI).expect("JSON");
        let paths = described["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, operations)| {
            let methods = operations.as_object().expect("operations");
            let methods = methods.keys().filter(|method| *method != "parameters");
            methods.map(move |method| format!("{method} {path}"))
        });
        let mut described: Vec<String> = operations.collect();
        described.sort();
        let read = ROUTES.iter().map(|(path, _)| format!("get {path}"));
        let changed = Change::PATHS.iter().map(|path| format!("post {path}"));
        let mut served: Vec<String> = read.chain(changed).collect();
        served.sort();
        assert_eq!(described, served);
    }
}
