use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Nanoseconds as seconds.
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// Writes families; one call, one family.
pub(crate) struct Families<'a> {
    pub(crate) encoder: DescriptorEncoder<'a>,
}

/// The labels of one sample.
pub(crate) trait Labels: EncodeLabelSet {}
impl<T: EncodeLabelSet> Labels for T {}

impl Families<'_> {
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
    }

    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.encoder
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    pub(crate) fn counters<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (L, u64)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Counter,
            samples,
            |mut metric, value| metric.encode_counter::<NoLabelSet, _, u64>(&value, None),
        )
    }

    pub(crate) fn seconds_counters<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        nanos: impl Iterator<Item = (L, u64)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Counter,
            nanos,
            |mut metric, value| metric.encode_counter::<NoLabelSet, _, u64>(&seconds(value), None),
        )
    }

    pub(crate) fn gauges<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (L, u64)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Gauge,
            samples,
            |mut metric, value| metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX)),
        )
    }

    pub(crate) fn seconds_gauges<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (L, f64)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Gauge,
            samples,
            |mut metric, value| metric.encode_gauge(&value),
        )
    }

    /// Each sample: the sum in nanoseconds and the buckets by upper bound in seconds, not cumulative.
    pub(crate) fn histograms<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (L, u64, Vec<(f64, u64)>)>,
    ) -> fmt::Result {
        let samples = samples.map(|(labels, sum, buckets)| (labels, (sum, buckets)));
        self.family(
            name,
            help,
            MetricType::Histogram,
            samples,
            |mut metric, (sum, buckets)| {
                let count = buckets.iter().map(|(_, count)| count).sum();
                metric.encode_histogram::<NoLabelSet>(seconds(sum), count, &buckets, None)
            },
        )
    }

    fn family<L: Labels, V>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: impl Iterator<Item = (L, V)>,
        sample: impl Fn(MetricEncoder<'_>, V) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in samples {
            sample(family.encode_family(&labels)?, value)?;
        }
        Ok(())
    }
}
