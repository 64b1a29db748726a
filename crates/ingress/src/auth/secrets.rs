use std::path::Path;
use std::time::SystemTime;

use ring::digest::{Digest, SHA256, digest};
use ring::hmac;
use subtle::ConstantTimeEq;

use super::signature::Signed;
use crate::reload;

/// The fewest bytes of a secret: what is shorter can be tried out.
const SHORTEST: usize = 8;

/// A secret, of which only digests are kept. It is never shown.
pub(super) struct Secret {
    digest: Digest,
    signing: hmac::Key,
    ends: Option<SystemTime>,
}

impl Secret {
    fn new(secret: &[u8], ends: Option<SystemTime>) -> Self {
        Secret {
            digest: digest(&SHA256, secret),
            signing: hmac::Key::new(hmac::HMAC_SHA256, secret),
            ends,
        }
    }

    /// Whether it is what was shown; takes the same time whatever that is.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        let shown = digest(&SHA256, shown);
        self.digest.as_ref().ct_eq(shown.as_ref()).into()
    }

    /// Whether it has signed the body.
    pub(super) fn has_signed(&self, signed: &Signed, body: &[u8]) -> bool {
        let mut context = hmac::Context::with_key(&self.signing);
        context.update(signed.time.as_bytes());
        context.update(b".");
        context.update(body);
        let tag = context.sign();
        let mut good = false;
        for shown in &signed.tags {
            good |= bool::from(tag.as_ref().ct_eq(shown));
        }
        good
    }

    /// Whether it is good no longer.
    pub(super) fn has_ended(&self, now: SystemTime) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }
}

/// Reads the secrets of a file. What is wrong is told by line, without what is in it.
pub(super) fn load(file: &Path) -> Result<Vec<Secret>, String> {
    let bytes = reload::read(file)?;
    let file = file.display();
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("`{file}` is no text"))?;
    let mut secrets = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = format!("`{file}`, line {}", number + 1);
        let (secret, ends) = line
            .split_once(' ')
            .map_or((line, None), |(a, b)| (a, Some(b.trim())));
        let ends = ends.map(humantime::parse_rfc3339).transpose().map_err(|_| {
            format!("{at}: expected a secret, and behind it nothing or the time of its end, such as 2027-01-31T00:00:00Z")
        })?;
        if secret.len() < SHORTEST {
            return Err(format!(
                "{at}: expected a secret of at least {SHORTEST} bytes"
            ));
        }
        secrets.push(Secret::new(secret.as_bytes(), ends));
    }
    if secrets.is_empty() {
        return Err(format!("`{file}` has no secret, expected one a line"));
    }
    Ok(secrets)
}
