//! Logs: to stderr only, since stdout may be a sink.

use std::any::Any;
use std::io::{self, IsTerminal, Write};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::cli::LogFormat;
use crate::status;

/// Where spans go that are sent to a collector.
#[cfg(feature = "otlp")]
pub(crate) static SPANS: crate::late::Late = crate::late::Late::new();

/// Sets up logging, of panics too, which then cost a line and no backtrace.
///
/// # Errors
/// When the filter does not read.
pub(crate) fn start(format: LogFormat, filter: Option<&str>) -> Result<(), String> {
    let filter = filter.unwrap_or("info");
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        format!("--log {filter}: {error}, expected such as \"info,millpond_sinks=debug\"")
    })?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Stderr)
        .with_ansi(colours)
        // A chunk that is followed is told at its end, where it is asked for.
        .with_span_events(FmtSpan::CLOSE);
    let lines = match format {
        LogFormat::Human => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Each layer has a filter of its own: spans may be sent to a collector and not be in the log.
    let registry = tracing_subscriber::registry();
    #[cfg(feature = "otlp")]
    let registry = registry.with(SPANS.layer());
    registry.with(lines.with_filter(filter)).init();
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let what = words(panic.payload());
        let at = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(thread = thread.name().unwrap_or("?"), at, "panic: {what}");
    }));
    Ok(())
}

/// What a panic said.
fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
}

/// Writes to stderr, over the status line if one is shown.
struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Whole;

    fn make_writer(&'a self) -> Whole {
        Whole(Vec::with_capacity(256))
    }
}

/// A log line, written in one go when it is whole.
struct Whole(Vec<u8>);

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if self.0.is_empty() {
            return;
        }
        let mut stderr = io::stderr().lock();
        // There is nowhere to report that stderr is gone.
        let _ = stderr.write_all(status::clearing());
        let _ = stderr.write_all(&self.0);
    }
}
