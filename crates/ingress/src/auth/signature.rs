use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a tag of HMAC-SHA256 is.
const TAG: usize = 32;
/// The most signatures that are looked at: one for each secret while secrets are changed.
const MOST: usize = 4;

/// What somebody has signed with, and when.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// Seconds since 1970, as they were written and signed.
    pub(super) time: String,
    seconds: u64,
    pub(super) tags: Vec<[u8; TAG]>,
}

impl Signed {
    /// Reads `t=SECONDS,v1=HEX`, with more of the second.
    pub(super) fn parse(value: &str) -> Option<Signed> {
        let mut time = None;
        let mut tags = Vec::new();
        for part in value.split(',') {
            match part.trim().split_once('=')? {
                ("t", seconds) if time.is_none() => time = Some(seconds),
                ("v1", tag) if tags.len() < MOST => tags.push(hex(tag)?),
                // A later version of the scheme, beside this one.
                (other, _) if other.starts_with('v') && other != "v1" => {}
                _ => return None,
            }
        }
        let time = time?;
        if tags.is_empty() || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Signed {
            seconds: time.parse().ok()?,
            time: time.to_owned(),
            tags,
        })
    }

    /// How far from now it was signed, in either direction.
    pub(super) fn distance(&self, now: SystemTime) -> Duration {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        now.abs_diff(Duration::from_secs(self.seconds))
    }

    /// What tells it from every other one.
    pub(crate) fn fingerprint(&self) -> u128 {
        crate::memory::fingerprint(self.tags.iter().map(|tag| &tag[..]))
    }
}

fn hex(text: &str) -> Option<[u8; TAG]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * TAG {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut tag = [0; TAG];
    for (byte, pair) in tag.iter_mut().zip(digits.chunks(2)) {
        let value = digit(pair[0])? << 4 | digit(pair[1])?;
        *byte = u8::try_from(value).ok()?;
    }
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_signature_is_none() {
        let tag = "0f".repeat(TAG);
        let good = Signed::parse(&format!("t=1700000000, v1={tag},v2=later")).unwrap();
        assert_eq!(good.tags, [[0x0f; TAG]]);
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_100);
        assert_eq!(good.distance(now), Duration::from_secs(100));
        assert_eq!(
            good.distance(now - Duration::from_secs(200)),
            Duration::from_secs(100)
        );
        for bad in [
            String::new(),
            "t=1700000000".to_owned(),
            format!("v1={tag}"),
            format!("t=,v1={tag}"),
            format!("t=+1,v1={tag}"),
            format!("t=1,t=2,v1={tag}"),
            format!("t=1,v1={}", &tag[1..]),
            format!("t=1,v1=x{}", &tag[1..]),
            format!("t=1{}", format!(",v1={tag}").repeat(MOST + 1)),
            format!("t=1,a=b,v1={tag}"),
        ] {
            assert_eq!(Signed::parse(&bad), None, "{bad}");
        }
    }
}
