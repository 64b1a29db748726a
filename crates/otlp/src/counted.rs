use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use crate::QUEUE;

/// What became of the spans that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The collector took them.
    pub sent: u64,
    /// The collector did not, or there was none; tried for as long as a request may take.
    pub failed: u64,
    /// Too many waited already.
    pub dropped: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    waiting: AtomicUsize,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    /// The last attempt failed.
    fails: AtomicBool,
}

impl Shared {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            sent: self.sent.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    /// Nobody sends what still waits any more.
    pub(crate) fn give_up(&self) {
        let left = self.waiting.swap(0, Ordering::Relaxed) as u64;
        self.dropped.fetch_add(left, Ordering::Relaxed);
    }
}

/// Hands spans to the queue of a processor, but no more than fit, so that none is lost without being counted.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) inner: BatchSpanProcessor,
    pub(crate) shared: Arc<Shared>,
}

impl SpanProcessor for Counted {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.shared.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what an exporter sends, and says when it cannot.
#[derive(Debug)]
pub(crate) struct Sending<E> {
    pub(crate) inner: E,
    pub(crate) endpoint: String,
    pub(crate) shared: Arc<Shared>,
}

impl<E: SpanExporter> SpanExporter for Sending<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let done = self.inner.export(batch).await;
        let shared = &self.shared;
        shared.waiting.fetch_sub(spans, Ordering::Relaxed);
        let count = match &done {
            Ok(()) => &shared.sent,
            Err(_) => &shared.failed,
        };
        count.fetch_add(spans as u64, Ordering::Relaxed);
        let failed = shared.fails.swap(done.is_err(), Ordering::Relaxed);
        match &done {
            Err(error) if !failed => {
                tracing::warn!(endpoint = self.endpoint, %error, "spans cannot be sent");
            }
            Ok(()) if failed => tracing::info!(endpoint = self.endpoint, "spans are sent again"),
            _ => {}
        }
        done
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
