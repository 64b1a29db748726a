//! A place for the layer that sends spans, which is there from the start of the log, before the configuration is read.

use std::sync::OnceLock;

use millpond_otlp::SpanLayer;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

/// Holds a layer once there is one.
pub(crate) struct Late(OnceLock<SpanLayer>);

impl Late {
    pub(crate) const fn new() -> Self {
        Late(OnceLock::new())
    }

    /// Spans that begin from now on go to `layer`; the first one stays.
    pub(crate) fn take(&self, layer: SpanLayer) {
        // A process runs one line.
        let _ = self.0.set(layer);
    }

    /// It in the subscriber, for our spans only.
    pub(crate) fn layer(&'static self) -> impl Layer<Registry> {
        let ours = Targets::new().with_target(millpond_spans::TARGET, Level::DEBUG);
        Layered(&self.0).with_filter(ours)
    }
}

struct Layered(&'static OnceLock<SpanLayer>);

impl Layer<Registry> for Layered {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_new_span(span, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_record(id, values, context);
        }
    }

    fn on_follows_from(&self, id: &Id, other: &Id, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_follows_from(id, other, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_event(event, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, Registry>) {
        if let Some(layer) = self.0.get() {
            layer.on_close(id, context);
        }
    }
}
