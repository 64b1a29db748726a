//! Who may send: keys from files, several at a time while they are changed, compared in constant time.

mod bucket;
mod config;
mod secrets;
mod signature;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::header::{AUTHORIZATION, HeaderMap};

use crate::reload::Reloaded;
use bucket::Bucket;
pub use config::{KeyConfig, Scheme};
use secrets::Secret;
use signature::Signed;

/// Where a signature is.
pub(crate) const SIGNATURE: &str = "millpond-signature";

/// Everybody who may send; whoever has a key or, where there is none, whoever comes.
pub(crate) struct Auth {
    keys: Vec<Key>,
}

/// A key, which may be several secrets.
pub(crate) struct Key {
    scheme: Scheme,
    secrets: Reloaded<Vec<Secret>>,
    bucket: Option<Bucket>,
    /// The branch of the source that its events go to.
    branch: Option<String>,
    /// How old a signature may be, or how far ahead.
    window: Duration,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Missing,
    Wrong,
    Expired,
}

/// Somebody who is let in.
pub(crate) enum Guest<'a> {
    /// Nobody has a key here.
    Anybody,
    Known(&'a Key),
    /// Who that is, the body has to show.
    Signed(Signed),
}

impl Auth {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the key whose file cannot be used, and why; never what is in it.
    pub(crate) fn open(configs: Vec<KeyConfig>) -> Result<Self, String> {
        let keys = configs.into_iter().map(Key::open);
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Auth { keys })
    }

    /// The source that they are for.
    pub(crate) fn belongs_to(&self, source: &Arc<str>) {
        self.keys
            .iter()
            .for_each(|key| key.secrets.belongs_to(source));
    }

    /// Judges a request by its head.
    pub(crate) fn judge(&self, headers: &HeaderMap, now: SystemTime) -> Result<Guest<'_>, Denied> {
        if self.keys.is_empty() {
            return Ok(Guest::Anybody);
        }
        let signs = |key: &&Key| key.scheme == Scheme::Hmac;
        if let Some(value) = headers.get(SIGNATURE)
            && let Some(window) = self.keys.iter().filter(signs).map(|key| key.window).max()
        {
            let signed = Signed::parse(value.to_str().unwrap_or("")).ok_or(Denied::Wrong)?;
            if signed.distance(now) > window {
                return Err(Denied::Expired);
            }
            return Ok(Guest::Signed(signed));
        }
        let value = headers.get(AUTHORIZATION).ok_or(Denied::Missing)?;
        let (scheme, shown) = config::shown(value.as_bytes()).ok_or(Denied::Wrong)?;
        let mut found = Err(Denied::Wrong);
        // To the end, whoever is found: how long it takes says nothing.
        for key in self.keys.iter().filter(|key| key.scheme == scheme) {
            for secret in key.secrets.current().iter() {
                let good = secret.is(&shown);
                if good && secret.has_ended(now) {
                    found = found.or(Err(Denied::Expired));
                } else if good {
                    found = Ok(Guest::Known(key));
                }
            }
        }
        found
    }

    /// Whose signature it is, now that the body is there.
    pub(crate) fn verify(
        &self,
        signed: &Signed,
        body: &[u8],
        now: SystemTime,
    ) -> Result<&Key, Denied> {
        let mut found = Err(Denied::Wrong);
        for key in self.keys.iter().filter(|key| key.scheme == Scheme::Hmac) {
            for secret in key.secrets.current().iter() {
                let good = secret.has_signed(signed, body);
                let late = secret.has_ended(now) || signed.distance(now) > key.window;
                if good && late {
                    found = found.or(Err(Denied::Expired));
                } else if good {
                    found = Ok(key);
                }
            }
        }
        found
    }

    /// For how long a signature is good at most.
    pub(crate) fn longest_window(&self) -> Option<Duration> {
        let signs = self.keys.iter().filter(|key| key.scheme == Scheme::Hmac);
        signs.map(|key| key.window).max()
    }

    /// What those are told who have shown no key.
    pub(crate) fn challenges(&self) -> Vec<&'static str> {
        let mut all: Vec<_> = self
            .keys
            .iter()
            .filter_map(|key| key.scheme.challenge())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Key {
    fn open(config: KeyConfig) -> Result<Self, String> {
        let name = config.name.clone();
        let file = config.file.clone();
        let load = move || secrets::load(&file);
        let secrets = Reloaded::new(vec![config.file], load);
        let secrets = secrets.map_err(|error| format!("key `{name}`: {error}"))?;
        Ok(Key {
            scheme: config.scheme,
            secrets,
            bucket: config.rate.map(Bucket::new),
            branch: (!config.pipelines.is_empty()).then_some(name),
            window: config.window,
        })
    }

    /// The branch of the source that its events go to, if they do not go everywhere.
    pub(crate) fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    /// How long to wait until it may send again; nothing if it may now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        self.bucket.as_ref()?.wait(now)
    }

    /// It has sent so many events.
    pub(crate) fn sent(&self, events: u64, now: Instant) {
        if let Some(bucket) = &self.bucket {
            bucket.take(events, now);
        }
    }
}
