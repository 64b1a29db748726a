use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `[tracing]` as it is written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TracingSection {
    /// The share of the chunks that are followed on their way, 0 to 1.
    #[serde(deserialize_with = "share")]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) sample: f64,
    /// The collector that is sent their spans, by OTLP over HTTP.
    pub(crate) otlp: Option<OtlpSection>,
}

/// A collector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "it is read, to say that nothing is sent")
)]
pub(crate) struct OtlpSection {
    /// Its URL with the path, such as "http://127.0.0.1:4318/v1/traces".
    #[serde(deserialize_with = "url")]
    pub(crate) endpoint: String,
    /// A file of headers that requests carry, a line of NAME: VALUE for each.
    #[serde(default)]
    pub(crate) headers_file: Option<PathBuf>,
    /// How long it may take to send a batch, such as "10s".
    #[serde(default = "ten_seconds", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub(crate) timeout: Duration,
}

impl TracingSection {
    /// What is wrong with it in this build.
    pub(crate) fn unbuilt(&self) -> Option<&'static str> {
        let unbuilt = self.otlp.is_some() && !cfg!(feature = "otlp");
        unbuilt.then_some(
            "this build sends no spans to a collector, expected one built with the feature \"otlp\"",
        )
    }
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_f64() {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(D::Error::custom(format!(
            "{value} is no share of the chunks, expected a number from 0 to 1 such as 0.001"
        ))),
    }
}

/// What is refused may have a secret in it, and is not shown.
fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .map(|rest| rest.split('/').next().unwrap_or_default());
    let is_whole = host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    is_whole.then_some(url).ok_or_else(|| {
        D::Error::custom(
            "it is no URL of a collector, expected such as \"http://127.0.0.1:4318/v1/traces\"; \
             what is secret goes into `headers_file`",
        )
    })
}
