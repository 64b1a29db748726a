use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use tracing_subscriber::{Layer, Registry};

use crate::client::Client;
use crate::counted::{Counted, Sending, Shared};
use crate::{Counts, OtlpError, QUEUE};

/// How many spans one request has, at most.
const BATCH: usize = 512;
/// How long spans gather before they are sent, if there are not enough for a request.
const DELAY: Duration = Duration::from_secs(1);

/// Where spans are sent.
#[derive(Clone, Debug)]
pub struct Options {
    /// The collector's URL, with its path: usually `/v1/traces`.
    pub endpoint: String,
    /// A file of headers that requests carry, `NAME: VALUE` line by line; read once.
    pub headers_file: Option<PathBuf>,
    /// How long it may take to send a batch, attempts that fail included.
    pub timeout: Duration,
    /// The version of the program.
    pub version: &'static str,
}

/// Turns spans of the registry into those that are sent.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Sends spans until it is [ended](Exporter::end). Dropped, it may leave some behind.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
    shared: Arc<Shared>,
}

/// A layer whose spans are sent, and what sends them. Connects to nobody yet.
///
/// # Errors
/// When a file cannot be read, or an endpoint or header is none.
pub fn start(options: &Options) -> Result<(SpanLayer, Exporter), OtlpError> {
    let refused = |error: &dyn std::fmt::Display| OtlpError::Refused(error.to_string());
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new(&options.endpoint, options.timeout)?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&options.endpoint)
        .with_timeout(options.timeout)
        .with_headers(headers(options.headers_file.as_deref())?)
        .build()
        .map_err(|error| refused(&error))?;
    let shared = Arc::new(Shared::default());
    let sending = Sending {
        inner: exporter,
        endpoint: options.endpoint.clone(),
        shared: shared.clone(),
    };
    let limits = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(DELAY)
        .build();
    let counted = Counted {
        inner: BatchSpanProcessor::new(sending, limits),
        shared: shared.clone(),
    };
    let resource = Resource::builder_empty()
        .with_service_name("millpond")
        .with_attribute(KeyValue::new("service.version", options.version))
        .with_attribute(KeyValue::new("process.pid", i64::from(std::process::id())))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(counted)
        .with_resource(resource)
        // What is followed was chosen before.
        .with_sampler(Sampler::AlwaysOn)
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("millpond"))
        .with_location(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false);
    Ok((Box::new(layer), Exporter { provider, shared }))
}

impl Exporter {
    /// Reads what became of the spans so far, for as long as it is kept.
    pub fn counts(&self) -> impl Fn() -> Counts + Send + Sync + 'static {
        let shared = self.shared.clone();
        move || shared.counts()
    }

    /// Sends what waits, for at most this long; what became of all.
    pub fn end(self, at_most: Duration) -> Counts {
        // What it says is in the counts.
        let _ = self.provider.shutdown_with_timeout(at_most);
        self.shared.give_up();
        self.shared.counts()
    }
}

fn headers(file: Option<&Path>) -> Result<HashMap<String, String>, OtlpError> {
    let Some(path) = file else {
        return Ok(HashMap::new());
    };
    let text = fs::read_to_string(path).map_err(|source| OtlpError::Headers {
        path: path.to_owned(),
        source,
    })?;
    let lines = text.lines().zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim().is_empty());
    let header = |(line, number): (&str, usize)| {
        let read = || {
            let (name, value) = line.split_once(':')?;
            let (name, value) = (name.trim(), value.trim());
            let name = ureq::http::HeaderName::from_bytes(name.as_bytes()).ok()?;
            ureq::http::HeaderValue::from_str(value).ok()?;
            Some((name.to_string(), value.to_owned()))
        };
        read().ok_or_else(|| OtlpError::Header {
            path: path.to_owned(),
            line: number,
        })
    };
    lines.map(header).collect()
}
