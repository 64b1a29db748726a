//! What changes something is done for whoever shows the token, and for nobody else.

mod common;

use std::sync::{Arc, Mutex};

use common::{ask, pond, raw, serving};
use millpond_admin::{Control, NotReloaded, Observed, Order, OrderKind, Wanted};
use serde_json::{Value, json};

const TOKEN: &str = "0123456789abcdef";

#[derive(Default)]
struct Desk {
    orders: Mutex<Vec<Order>>,
    workers: Mutex<u64>,
    resumed: Mutex<Vec<String>>,
    paused: Mutex<Vec<String>>,
    reloads: Mutex<u64>,
}

impl Control for Desk {
    fn token(&self) -> &str {
        TOKEN
    }

    fn begin(&self, order: Order) -> Result<u64, String> {
        let mut orders = self.orders.lock().expect("whole");
        if orders.len() == 2 {
            return Err("two is enough".to_owned());
        }
        orders.push(order);
        Ok(orders.len() as u64)
    }

    fn set_workers(&self, workers: u64) -> Result<(), String> {
        if workers > 8 {
            return Err(format!("{workers} workers are wanted, expected 1 to 8"));
        }
        *self.workers.lock().expect("whole") = workers;
        Ok(())
    }

    fn resume(&self, pipeline: &str) -> Result<(), String> {
        if pipeline != "clicks" {
            return Err(format!("there is no pipeline {pipeline:?}"));
        }
        self.resumed
            .lock()
            .expect("whole")
            .push(pipeline.to_owned());
        Ok(())
    }

    fn pause(&self, pipeline: &str) -> Result<(), String> {
        let mut paused = self.paused.lock().expect("whole");
        if paused.iter().any(|known| known == pipeline) {
            return Err(format!("pipeline {pipeline:?} is paused already"));
        }
        paused.push(pipeline.to_owned());
        Ok(())
    }

    fn reload(&self) -> Result<Vec<String>, NotReloaded> {
        let mut reloads = self.reloads.lock().expect("whole");
        *reloads += 1;
        match *reloads {
            1 => Ok(vec!["pipelines.clicks.stages".to_owned()]),
            2 => Err(NotReloaded::Invalid(
                "clicks.toml: no such stage".to_owned(),
            )),
            _ => Err(NotReloaded::Conflict("needs a restart".to_owned())),
        }
    }

    fn last(&self) -> Value {
        json!({ "orders": self.orders.lock().expect("whole").len() })
    }
}

fn with_desk() -> (Arc<Desk>, Arc<Observed>) {
    let desk = Arc::new(Desk::default());
    let mut observed = Arc::into_inner(pond().observed).expect("nobody else has it");
    observed.control = Some(desk.clone());
    (desk, Arc::new(observed))
}

fn post(address: std::net::SocketAddr, path: &str, headers: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let answer = raw(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ),
    );
    let status = answer.split(' ').nth(1).expect("a status");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    (status.parse().expect("a number"), body.to_owned())
}

#[test]
fn whoever_shows_no_token_or_another_one_is_refused_on_every_path() {
    let (desk, observed) = with_desk();
    serving(observed, |address| {
        for path in [
            "/api/v1/dlq/replay",
            "/api/v1/dlq/purge",
            "/api/v1/pipelines/pause",
            "/api/v1/pipelines/resume",
            "/api/v1/reload",
            "/api/v1/workers",
        ] {
            for headers in [
                "",
                "authorization: \r\n",
                "authorization: Bearer \r\n",
                "authorization: Bearer 0123456789abcdeF\r\n",
                "authorization: Bearer 0123456789abcde\r\n",
                "authorization: Bearer 0123456789abcdef0\r\n",
                "authorization: Basic 0123456789abcdef\r\n",
                "authorization: Bearer 0123456789abcdef\r\nauthorization: Bearer x\r\n",
            ] {
                let wish = match path {
                    "/api/v1/pipelines/pause" | "/api/v1/pipelines/resume" => {
                        "{\"pipeline\":\"clicks\"}"
                    }
                    "/api/v1/reload" => "{}",
                    _ => "{\"where\":[]}",
                };
                let (status, body) = post(address, path, headers, wish);
                assert_eq!(status, 401, "{path} {headers:?}: {body}");
                assert!(!body.contains(TOKEN));
            }
            let reads = path == "/api/v1/workers";
            let expected = if reads { 200 } else { 405 };
            assert_eq!(ask(address, "GET", path).0, expected, "{path}");
        }
    });
    assert_eq!(desk.orders.lock().expect("whole").len(), 0);
    assert_eq!(*desk.workers.lock().expect("whole"), 0);
    assert_eq!(desk.resumed.lock().expect("whole").len(), 0);
    assert_eq!(desk.paused.lock().expect("whole").len(), 0);
    assert_eq!(*desk.reloads.lock().expect("whole"), 0);
}

#[test]
fn a_paused_pipeline_is_shown_and_resumed_by_whoever_has_the_token() {
    let (desk, observed) = with_desk();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    serving(observed, |address| {
        let (status, body) = ask(address, "GET", "/api/v1/pipelines");
        let shown: Value = serde_json::from_str(&body).expect("JSON");
        let pipeline = json!({
            "pipeline": "clicks",
            "state": "paused",
            "paused": { "seconds": 2.5, "reason": "poison", "because": "11 of the last 11 events crashed" },
            "crashes": { "explained": 11, "unexplained": 1 },
            "state_lost": 2,
            "behind": 7,
        });
        assert_eq!((status, shown), (200, json!({ "pipelines": [pipeline] })));
        let resume = |body| post(address, "/api/v1/pipelines/resume", &token, body);
        assert_eq!(resume("{}").0, 400);
        let (status, why) = resume("{\"pipeline\":\"other\"}");
        assert!(
            status == 409 && why.contains("there is no pipeline"),
            "{why}"
        );
        assert_eq!(
            resume("{\"pipeline\":\"clicks\"}"),
            (200, "{\"resumed\":\"clicks\"}\n".to_owned())
        );
    });
    assert_eq!(*desk.resumed.lock().expect("whole"), ["clicks"]);
}

#[test]
fn a_pipeline_is_paused_once_and_a_second_time_is_told() {
    let (desk, observed) = with_desk();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    serving(observed, |address| {
        let pause = |body| post(address, "/api/v1/pipelines/pause", &token, body);
        assert_eq!(pause("{}").0, 400);
        assert_eq!(pause("[\"clicks\"]").0, 400);
        let done = (200, "{\"paused\":\"clicks\"}\n".to_owned());
        assert_eq!(pause("{\"pipeline\":\"clicks\"}"), done);
        let (status, why) = pause("{\"pipeline\":\"clicks\"}");
        assert!(status == 409 && why.contains("already"), "{why}");
    });
    assert_eq!(*desk.paused.lock().expect("whole"), ["clicks"]);
}

#[test]
fn a_reload_says_what_changed_or_why_nothing_did() {
    let (_, observed) = with_desk();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    serving(observed, |address| {
        let reload = |body| post(address, "/api/v1/reload", &token, body);
        assert_eq!(reload("{\"force\":true}").0, 400);
        assert_eq!(reload("[]").0, 400);
        let done = "{\"changed\":[\"pipelines.clicks.stages\"]}\n".to_owned();
        assert_eq!(reload("{}"), (200, done));
        let (status, why) = reload("{}");
        assert!(status == 422 && why.contains("no such stage"), "{why}");
        let (status, why) = reload("{}");
        assert!(status == 409 && why.contains("restart"), "{why}");
    });
}

#[test]
fn an_order_with_the_token_is_taken_as_it_was_said() {
    let (desk, observed) = with_desk();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    serving(observed, |address| {
        let order = |path, body| post(address, path, &token, body);
        for body in [
            "",
            "{}",
            "{\"where\":\"a=b\"}",
            "{\"where\":[],\"wher\":[]}",
        ] {
            assert_eq!(order("/api/v1/dlq/purge", body).0, 400, "{body}");
        }
        let long = format!(
            "POST /api/v1/dlq/purge HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: 100000\r\n{token}\r\n"
        );
        assert!(raw(address, &long).starts_with("HTTP/1.1 413 "));
        let replay = "{\"where\":[\"reason=refused\"],\"again\":true}";
        assert_eq!(
            order("/api/v1/dlq/replay", replay),
            (202, "{\"order\":1}\n".to_owned())
        );
        assert_eq!(order("/api/v1/dlq/purge", "{\"where\":[]}").0, 202);
        let (status, why) = order("/api/v1/dlq/purge", "{\"where\":[]}");
        assert!(status == 409 && why.contains("two is enough"), "{why}");
        assert!(
            ask(address, "GET", "/api/v1/dlq")
                .1
                .contains("\"order\":{\"orders\":2}")
        );
    });
    let expected = [
        Order {
            kind: OrderKind::Replay,
            letters: Wanted {
                conditions: vec!["reason=refused".to_owned()],
                again: true,
            },
        },
        Order {
            kind: OrderKind::Purge,
            letters: Wanted::default(),
        },
    ];
    assert_eq!(*desk.orders.lock().expect("whole"), expected);
}

#[test]
fn the_number_of_workers_is_set_within_bounds() {
    let (desk, observed) = with_desk();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    serving(observed, |address| {
        let set = |body| post(address, "/api/v1/workers", &token, body);
        for body in ["", "{}", "{\"workers\":-1}", "{\"workers\":2,\"now\":true}"] {
            assert_eq!(set(body).0, 400, "{body}");
        }
        assert_eq!(
            set("{\"workers\":3}"),
            (200, "{\"workers\":3}\n".to_owned())
        );
        assert_eq!(set("{\"workers\":3.0}").0, 200);
        assert_eq!(set("{\"workers\":2.5}").0, 400);
        let (status, why) = set("{\"workers\":9}");
        assert!(status == 409 && why.contains("expected 1 to 8"), "{why}");
    });
    assert_eq!(*desk.workers.lock().expect("whole"), 3);
}

#[test]
fn what_an_event_says_is_told_to_nobody_without_the_token() {
    let (_, observed) = with_desk();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    serving(observed, |address| {
        for path in [
            "/api/v1/overview",
            "/api/v1/dlq",
            "/api/v1/dlq/latest",
            "/metrics",
        ] {
            let (status, body) = ask(address, "GET", path);
            assert_eq!(
                status,
                if path.ends_with("latest") { 401 } else { 200 },
                "{path}"
            );
            assert!(!body.contains("secret"), "{path}: {body}");
        }
        let request = format!(
            "GET /api/v1/dlq/latest HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{token}\r\n"
        );
        let told = raw(address, &request);
        assert!(
            told.starts_with("HTTP/1.1 200 ") && told.contains("secret"),
            "{told}"
        );
    });
}

#[test]
fn a_process_that_takes_no_orders_says_so() {
    serving(pond().observed, |address| {
        let token = format!("authorization: Bearer {TOKEN}\r\n");
        let (status, _) = post(address, "/api/v1/dlq/purge", &token, "{\"where\":[]}");
        assert_eq!(status, 404);
    });
}
