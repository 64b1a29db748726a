use std::time::Duration;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, StatusCode};
use millpond_ingest::ConfigError;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::reply::{Refused, Reply, empty};

/// Which pages in browsers may send: none, unless they are named.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsConfig {
    /// Their origins, exactly as browsers send them, such as `https://shop.example`.
    pub origins: Vec<String>,
    /// How long a browser may remember that.
    #[serde(default = "default_max_age", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_age: Duration,
}

fn default_max_age() -> Duration {
    Duration::from_secs(600)
}

/// Pages that may send.
#[derive(Default)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    max_age: u64,
}

impl Cors {
    pub(crate) fn checked(config: &CorsConfig) -> Result<Self, ConfigError> {
        let key = "cors.origins";
        if config.origins.is_empty() {
            return Err(ConfigError::new(key, "none, expected at least one origin"));
        }
        let origins = config.origins.iter().map(|origin| {
            let host = origin.split_once("://").map(|(_, host)| host);
            let exact =
                host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
            let value = HeaderValue::from_str(origin).ok().filter(|_| exact);
            value.ok_or_else(|| {
                let message = format!(
                    "`{origin}`, expected an origin such as `https://shop.example`: no path, no `*`"
                );
                ConfigError::new(key, message)
            })
        });
        Ok(Cors {
            origins: origins.collect::<Result<_, _>>()?,
            max_age: config.max_age.as_secs(),
        })
    }

    /// The page that a request comes from, if it comes from one.
    ///
    /// # Errors
    /// When that page may not send: a browser would have sent the request all the same.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refused> {
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(None);
        };
        if self.origins.contains(origin) {
            Ok(Some(origin.clone()))
        } else {
            Err(Refused::Origin)
        }
    }

    /// What a browser hears that asks whether a page of this origin may send; `None` if it does not ask that.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Reply> {
        if method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut reply = empty(StatusCode::NO_CONTENT);
        let answer = reply.headers_mut();
        answer.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("POST"),
        );
        let allowed = "authorization, content-encoding, content-type, millpond-signature";
        answer.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(allowed),
        );
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age));
        Some(reply)
    }

    /// Lets the page read an answer.
    pub(crate) fn allow(&self, origin: HeaderValue, reply: &mut Reply) {
        let headers = reply.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after"),
        );
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
}
