//! Spans reach a collector, none is lost without being counted, and nobody waits for a collector that is not there.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use millpond_otlp::{Exporter, Options, OtlpError, QUEUE, SpanLayer, start};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tracing_subscriber::layer::SubscriberExt;

/// How long whatever has to happen may take on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A collector: what it is sent, with the heads of the requests.
fn collector() -> (String, Receiver<(String, ExportTraceServiceRequest)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(request) = read(&stream) {
                if tell.send(request).is_err() {
                    return;
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .unwrap();
            }
        }
    });
    (url, told)
}

fn read(stream: &TcpStream) -> Option<(String, ExportTraceServiceRequest)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Some((head, ExportTraceServiceRequest::decode(&*body).unwrap()))
}

fn options(endpoint: &str) -> Options {
    Options {
        endpoint: endpoint.to_owned(),
        headers_file: None,
        timeout: Duration::from_secs(20),
        version: "1.2.3",
    }
}

fn traced(layer: SpanLayer, work: impl FnOnce()) {
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, work);
}

fn value(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], key: &str) -> Value {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    let found = found.unwrap_or_else(|| panic!("no {key} among {attributes:?}"));
    found.value.clone().unwrap().value.unwrap()
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

#[test]
fn a_collector_gets_spans_with_their_names_parents_links_and_attributes() {
    let (url, told) = collector();
    let folder = std::env::temp_dir().join(format!("millpond-otlp-{}", std::process::id()));
    std::fs::write(&folder, "Authorization: Bearer secret\n\nx-tenant: pond\n").unwrap();
    let mut options = options(&url);
    options.headers_file = Some(folder.clone());
    let (layer, exporter) = start(&options).unwrap();
    traced(layer, || {
        let other = tracing::debug_span!("other");
        let chunk = tracing::debug_span!("chunk", source = "web", events = 7_i64);
        let write = tracing::debug_span!(parent: &chunk, "write", sink = "out");
        write.follows_from(&other);
        tracing::debug!(parent: &write, stage = "filter", "stage");
    });
    let counts = exporter.end(PATIENCE);
    std::fs::remove_file(folder).unwrap();
    assert_eq!((counts.sent, counts.failed, counts.dropped), (3, 0, 0));

    let (head, request) = told.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    assert!(head.contains("authorization: bearer secret"), "{head}");
    assert!(head.contains("x-tenant: pond"), "{head}");
    let [resource_spans] = &request.resource_spans[..] else {
        panic!("{request:?}");
    };
    let resource = resource_spans.resource.as_ref().unwrap();
    assert_eq!(
        value(&resource.attributes, "service.name"),
        text("millpond")
    );
    assert_eq!(
        value(&resource.attributes, "service.version"),
        text("1.2.3")
    );
    let spans: Vec<&Span> = resource_spans
        .scope_spans
        .iter()
        .flat_map(|scope| &scope.spans)
        .collect();
    let named = |name: &str| *spans.iter().find(|span| span.name == name).unwrap();
    let (other, chunk, write) = (named("other"), named("chunk"), named("write"));
    assert_eq!(value(&chunk.attributes, "source"), text("web"));
    assert_eq!(value(&chunk.attributes, "events"), Value::IntValue(7));
    assert!(chunk.parent_span_id.is_empty());
    assert_eq!(write.parent_span_id, chunk.span_id);
    assert_eq!(write.trace_id, chunk.trace_id);
    assert_eq!(value(&write.attributes, "sink"), text("out"));
    assert_eq!(write.links[0].span_id, other.span_id);
    assert_eq!(write.events[0].name, "stage");
    assert_eq!(value(&write.events[0].attributes, "stage"), text("filter"));
    assert!(write.end_time_unix_nano >= write.start_time_unix_nano);
}

#[test]
fn a_collector_that_never_answers_holds_nobody_up_and_what_it_misses_is_counted() {
    // It takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (layer, exporter) = start(&options(&url)).unwrap();
    let spans = QUEUE + 1000;
    let began = Instant::now();
    traced(layer, || {
        (0..spans).for_each(|_| drop(tracing::debug_span!("chunk")))
    });
    // Less than one request may take before it is given up.
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    let counts = exporter.counts()();
    assert_eq!(counts.sent, 0);
    assert!(counts.dropped >= 1000, "{counts:?}");
    let counts = exporter.end(Duration::from_millis(10));
    let all = counts.sent + counts.failed + counts.dropped;
    assert_eq!((counts.sent, all), (0, spans as u64), "{counts:?}");
}

#[test]
fn a_collector_that_is_not_there_fails_and_is_counted() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", gone.local_addr().unwrap());
    drop(gone);
    let mut options = options(&url);
    options.timeout = Duration::from_millis(100);
    let (layer, exporter) = start(&options).unwrap();
    traced(layer, || drop(tracing::debug_span!("chunk")));
    let counts = exporter.end(PATIENCE);
    assert_eq!(
        (counts.sent, counts.failed + counts.dropped),
        (0, 1),
        "{counts:?}"
    );
}

#[test]
fn headers_that_do_not_read_are_named_by_line_and_never_shown() {
    let path = std::env::temp_dir().join(format!("millpond-otlp-bad-{}", std::process::id()));
    std::fs::write(&path, "a: b\nsecret without a colon\n").unwrap();
    let mut options = options("http://127.0.0.1:1/v1/traces");
    options.headers_file = Some(path.clone());
    let refused: Result<(SpanLayer, Exporter), OtlpError> = start(&options);
    let error = refused.err().unwrap().to_string();
    std::fs::remove_file(&path).unwrap();
    assert!(
        error.starts_with("line 2 of ") && !error.contains("secret"),
        "{error}"
    );
    let missing = start(&options).err().unwrap().to_string();
    assert!(
        missing.starts_with("cannot read the headers in "),
        "{missing}"
    );
}
