use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Body, Error};

use super::config::{HeaderConfig, HttpConfig, shown};
use super::verdict::{Verdict, judge};
use crate::SinkError;

/// How much of an answer is read.
const MOST_ANSWER: u64 = 64 << 10;
/// How much of an answer is shown.
const MOST_SHOWN: usize = 200;
/// A word of a header's value that is at least this long may be a secret by itself.
const SECRET: usize = 6;

/// What came of a request.
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    /// What to say of it where it was no yes.
    pub(crate) said: String,
    /// Whether the destination did not like who asks.
    pub(crate) denied: bool,
}

/// Sends requests and reads answers, one at a time.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What must not be shown, longest first.
    secrets: Vec<String>,
}

impl Answer {
    /// There was none: it may be better later.
    pub(crate) fn later(said: String) -> Self {
        Answer {
            verdict: Verdict::Later(None),
            said,
            denied: false,
        }
    }
}

impl Client {
    /// Reads the files that the configuration names; connects to nobody yet.
    pub(crate) fn open(config: &HttpConfig) -> Result<Self, SinkError> {
        let mut headers = Vec::new();
        let mut secrets = Vec::new();
        for (name, value) in &config.headers {
            let text = match value {
                HeaderConfig::Text(text) => text.clone(),
                HeaderConfig::File { file } => fs::read_to_string(file)
                    .map_err(|error| SinkError::io("read the header value in", file, error))?
                    .trim()
                    .to_owned(),
            };
            let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_str(&text),
            ) else {
                let path = match value {
                    HeaderConfig::File { file } => file.as_path(),
                    HeaderConfig::Text(_) => Path::new(name),
                };
                let what = "it is no header value, expected one line of visible ASCII";
                let error = io::Error::new(io::ErrorKind::InvalidData, what);
                return Err(SinkError::io("use the header value in", path, error));
            };
            secrets.extend(text.split_whitespace().map(str::to_owned));
            secrets.push(text);
            headers.push((name, value));
        }
        secrets.retain(|secret| secret.len() >= SECRET);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(roots(config)?)
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(config.timeout))
            .user_agent(concat!("millpond/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Client {
            agent,
            url: config.url.clone(),
            headers,
            secrets,
        })
    }

    /// Sends `body` with the sink's headers and `more`.
    pub(crate) fn post(&self, body: &[u8], more: &[(HeaderName, &str)]) -> Answer {
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in more {
            request = request.header(name, *value);
        }
        match request.send(body) {
            Ok(answer) => self.read(answer),
            Err(error) => Answer::later(self.failure(&error)),
        }
    }

    fn failure(&self, error: &Error) -> String {
        let url = shown(&self.url);
        match error {
            Error::Timeout(_) => format!("{url} does not answer in time"),
            error => self.hidden(&format!("cannot send to {url}: {error}")),
        }
    }

    fn read(&self, mut answer: Response<Body>) -> Answer {
        let status = answer.status();
        let verdict = judge(status, answer.headers(), SystemTime::now());
        let location = answer.headers().get(header::LOCATION).cloned();
        // Read in any case, so that the connection can be used again.
        let read = answer
            .body_mut()
            .with_config()
            .limit(MOST_ANSWER)
            .read_to_vec();
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if verdict == Verdict::Taken {
            let said = String::new();
            return Answer {
                verdict,
                said,
                denied,
            };
        }
        let mut message = format!("{} answers {status}", shown(&self.url));
        if let Some(location) = location.filter(|_| status.is_redirection()) {
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            message += &format!(
                " to {}, and redirects are not followed: expected `url` to be the final one",
                shown(&self.excerpt(&location))
            );
        }
        match read {
            Ok(body) => {
                let said = self.excerpt(&String::from_utf8_lossy(&body));
                if !said.is_empty() {
                    message += &format!(": {said}");
                }
            }
            Err(Error::BodyExceedsLimit(_)) => message += ": (a long answer)",
            Err(_) => message += ": (an answer without an end)",
        }
        Answer {
            verdict,
            said: message,
            denied,
        }
    }

    /// How `text` begins, in one line and without secrets.
    fn excerpt(&self, text: &str) -> String {
        let text = self.hidden(text.trim());
        let mut shown: String = text
            .chars()
            .take(MOST_SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    }

    fn hidden(&self, text: &str) -> String {
        let secrets = self.secrets.iter();
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

/// Whose certificates are trusted.
fn roots(config: &HttpConfig) -> Result<RootCerts, SinkError> {
    let none = |path: &Path| {
        let error = io::Error::new(io::ErrorKind::InvalidData, "it holds no PEM certificate");
        SinkError::io("use the certificates in", path, error)
    };
    let certificates: Vec<Certificate<'static>> = match &config.ca {
        Some(path) => {
            let pem = fs::read(path)
                .map_err(|error| SinkError::io("read the certificates in", path, error))?;
            parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect()
        }
        None if !config.url.starts_with("https:") => return Ok(RootCerts::from(Vec::new())),
        None => {
            let found = rustls_native_certs::load_native_certs();
            let certificates = found.certs.iter();
            certificates
                .map(|certificate| Certificate::from_der(certificate).to_owned())
                .collect()
        }
    };
    if certificates.is_empty() {
        let system = Path::new("the system's certificate store");
        return Err(none(config.ca.as_deref().unwrap_or(system)));
    }
    Ok(RootCerts::from(certificates))
}
