use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;
use ureq::http::{HeaderName, HeaderValue, Uri};

use super::client::Client;
use super::writer::HttpWriter;
use crate::{ConfigError, Sink, SinkError, Writer};

/// The most that a sink takes in hand at a time, and so the most that one request can have.
const MOST_BYTES: u64 = 1 << 20;

/// Headers that the sink sets itself.
const OWN: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "transfer-encoding",
];

/// A sink that sends rows as the bodies of POST requests, lines of JSON in batches.
///
/// ```toml
/// [sinks.api]
/// type = "http"
/// url = "https://collector.example.net/v1/events"
/// headers = { authorization = { file = "/run/secrets/collector" } }  # default: none
/// batch = { events = 1000, bytes = "1MiB", linger = "10ms" }         # default
/// timeout = "30s"                                                    # default
/// gzip = false                                                       # default
/// ca = "/etc/millpond/ca.pem"                     # default: what the system trusts
/// content_type = "application/x-ndjson"           # default
/// ```
///
/// Rows go out at least once and in order, one request at a time. 2xx delivers a batch. A status that
/// speaks of the rows (400, 413, 422 and the like) halves the batch until the row at fault is alone,
/// and that one is refused for good. Whatever else goes wrong is tried again. Redirects are not
/// followed. Requests carry an `Idempotency-Key`, the same when the same batch is sent again.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to, `http` or `https`.
    pub url: String,
    /// Headers of every request: texts, or files that hold them. Values are never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderConfig>,
    /// The bounds of a request.
    #[serde(default)]
    pub batch: BatchConfig,
    /// How long a request may take, from connecting to the end of the answer.
    #[serde(default = "thirty_seconds", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// Whether bodies are compressed.
    #[serde(default)]
    pub gzip: bool,
    /// A file of PEM certificates that are trusted instead of the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// What bodies are said to be.
    #[serde(default = "ndjson")]
    pub content_type: String,
}

/// A header's value, or where it is.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or { file = \"PATH\" }")]
pub enum HeaderConfig {
    /// The value.
    Text(String),
    /// A file that holds it, read again on SIGHUP and when the destination says 401 or 403.
    File {
        /// Its path; white space around the value is cut off.
        file: PathBuf,
    },
}

/// The bounds of a request; all hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// At most this many rows.
    pub events: usize,
    /// At most this many bytes before compression; a longer row goes alone.
    #[schemars(with = "String")]
    pub bytes: ByteSize,
    /// How long rows may gather when none waited.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub linger: Duration,
}

impl Default for BatchConfig {
    fn default() -> Self {
        BatchConfig {
            events: 1_000,
            bytes: ByteSize::mib(1),
            linger: Duration::from_millis(10),
        }
    }
}

fn thirty_seconds() -> Duration {
    Duration::from_secs(30)
}

fn ndjson() -> String {
    "application/x-ndjson".to_owned()
}

/// Without what may be a secret.
impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig")
            .field("url", &shown(&self.url))
            .field("headers", &self.headers)
            .field("batch", &self.batch)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .field("ca", &self.ca)
            .field("content_type", &self.content_type)
            .finish()
    }
}

impl fmt::Debug for HeaderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderConfig::Text(_) => f.write_str("(not shown)"),
            HeaderConfig::File { file } => write!(f, "(in {})", file.display()),
        }
    }
}

/// A URL without its query, which may hold a secret.
pub(crate) fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl HttpConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        self.check_url()
            .map_err(|message| ConfigError::new("url", message))?;
        for (name, value) in &self.headers {
            let wrong = |message: String| ConfigError::new(format!("headers.{name}"), message);
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(wrong(format!("{name:?} is no name of a header")));
            }
            if OWN.contains(&name.to_ascii_lowercase().as_str()) {
                let message = "the sink sets this header itself, expected another one";
                return Err(wrong(message.to_owned()));
            }
            if let HeaderConfig::Text(text) = value
                && HeaderValue::from_str(text).is_err()
            {
                let message = "holds a character that no header may have, expected visible ASCII";
                return Err(wrong(message.to_owned()));
            }
        }
        let zero = |key: &str, what: &str| {
            Err(ConfigError::new(
                key,
                format!("{what}, expected at least 1"),
            ))
        };
        if self.batch.events == 0 {
            return zero("batch.events", "0 lets nothing through");
        }
        match self.batch.bytes.as_u64() {
            0 => return zero("batch.bytes", "0 lets nothing through"),
            bytes if bytes > MOST_BYTES => {
                let message = format!(
                    "{} is more than a sink takes in hand at a time, expected at most 1MiB",
                    self.batch.bytes
                );
                return Err(ConfigError::new("batch.bytes", message));
            }
            _ => {}
        }
        if self.timeout < Duration::from_millis(1) {
            let message = "0s leaves no time for an answer, expected at least 1ms";
            return Err(ConfigError::new("timeout", message));
        }
        if HeaderValue::from_str(&self.content_type).is_err() {
            let message = format!(
                "{:?} is no type, expected one such as \"application/x-ndjson\"",
                self.content_type
            );
            return Err(ConfigError::new("content_type", message));
        }
        Ok(())
    }

    /// What is wrong is said without the URL where that may hold a password.
    fn check_url(&self) -> Result<(), String> {
        let expected = "expected one such as \"https://collector.example.net/v1/events\"";
        let uri: Uri = self
            .url
            .parse()
            .map_err(|error| format!("this is no URL ({error}), {expected}"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            let message = "holds a user name or a password, expected it in \
                           `headers = { authorization = { file = \"PATH\" } }`";
            return Err(message.to_owned());
        }
        let scheme = uri.scheme_str().unwrap_or_default();
        if !["http", "https"].contains(&scheme) || uri.host().is_none_or(str::is_empty) {
            return Err(format!(
                "{:?} is no URL of a server, {expected}",
                shown(&self.url)
            ));
        }
        Ok(())
    }
}

impl Sink for HttpConfig {
    fn open(self: Box<Self>, _: &str, _: Option<u64>) -> Result<Box<dyn Writer>, SinkError> {
        let client = Client::open(&self)?;
        Ok(Box::new(HttpWriter::new(*self, client)))
    }
}
