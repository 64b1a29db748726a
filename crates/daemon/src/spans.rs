//! The spans of the chunks that are followed: whether there are any, and who is sent them.

use std::time::Duration;

use millpond_admin::{Read, SpanCounts};

use crate::config::Config;
use crate::error::StartError;

/// What follows chunks, for as long as a line runs.
#[derive(Default)]
pub(crate) struct Spans {
    #[cfg(feature = "otlp")]
    exporter: Option<millpond_otlp::Exporter>,
}

impl Spans {
    /// Follows chunks from now on as the configuration says.
    pub(crate) fn start(config: &Config) -> Result<Self, StartError> {
        let tracing = &config.tracing;
        if tracing.otlp.is_some() && tracing.sample == 0.0 {
            tracing::warn!("no spans are sent: tracing.sample is 0");
        }
        let spans = Spans::to_collector(config)?;
        millpond_spans::set_rate(tracing.sample);
        Ok(spans)
    }

    #[cfg(feature = "otlp")]
    fn to_collector(config: &Config) -> Result<Self, StartError> {
        let Some(otlp) = &config.tracing.otlp else {
            return Ok(Spans::default());
        };
        let options = millpond_otlp::Options {
            endpoint: otlp.endpoint.clone(),
            headers_file: otlp.headers_file.clone(),
            timeout: otlp.timeout,
            version: env!("CARGO_PKG_VERSION"),
        };
        let (layer, exporter) =
            millpond_otlp::start(&options).map_err(|error| StartError::Spans(error.to_string()))?;
        crate::logs::SPANS.take(layer);
        tracing::info!(
            endpoint = otlp.endpoint,
            sample = config.tracing.sample,
            "spans are sent"
        );
        Ok(Spans {
            exporter: Some(exporter),
        })
    }

    #[cfg(not(feature = "otlp"))]
    fn to_collector(config: &Config) -> Result<Self, StartError> {
        // The configuration was read: it asks for no more than this build can.
        let _ = config;
        Ok(Spans::default())
    }

    /// Reads what became of them, if they are sent anywhere.
    pub(crate) fn counts(&self) -> Option<Read<SpanCounts>> {
        #[cfg(feature = "otlp")]
        return self.exporter.as_ref().map(|exporter| {
            let counts = exporter.counts();
            let read: Read<SpanCounts> = std::sync::Arc::new(move || shown(counts()));
            read
        });
        #[cfg(not(feature = "otlp"))]
        None
    }

    /// Sends what is left, for at most this long.
    pub(crate) fn end(self, at_most: Duration) {
        millpond_spans::set_rate(0.0);
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter {
            let counts = exporter.end(at_most);
            let (sent, failed, dropped) = (counts.sent, counts.failed, counts.dropped);
            tracing::info!(sent, failed, dropped, "spans");
        }
        #[cfg(not(feature = "otlp"))]
        let _ = at_most;
    }
}

#[cfg(feature = "otlp")]
fn shown(counts: millpond_otlp::Counts) -> SpanCounts {
    SpanCounts {
        sent: counts.sent,
        failed: counts.failed,
        dropped: counts.dropped,
    }
}
