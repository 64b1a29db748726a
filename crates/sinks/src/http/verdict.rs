use std::time::{Duration, SystemTime};

use ureq::http::{HeaderMap, StatusCode, header};

/// What an answer means for the rows of its request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They are delivered.
    Taken,
    /// They may be taken later, not before this has passed.
    Later(Option<Duration>),
    /// One of them will never be taken.
    Refused,
}

/// What an answer with this status and these headers means, at `now`.
///
/// Of the statuses that blame the request, some say nothing of the rows: a token that has expired, a
/// path that is wrong, a redirect. No row is given up for those, or a mistake in a configuration would
/// empty the whole pipeline into the dead letters.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Verdict {
    match status.as_u16() {
        200..300 => Verdict::Taken,
        401 | 403..=408 | 411 | 415 | 421 | 425 | 426 | 429 | 431 => {
            Verdict::Later(retry_after(headers, now))
        }
        400..500 => Verdict::Refused,
        _ => Verdict::Later(retry_after(headers, now)),
    }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn only_a_status_that_speaks_of_the_rows_gives_one_up() {
        let headers = HeaderMap::new();
        let judged = |status: u16| {
            judge(
                StatusCode::from_u16(status).expect("a status"),
                &headers,
                UNIX_EPOCH,
            )
        };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judged(status), Verdict::Taken, "{status}");
        }
        for status in [400, 402, 409, 413, 418, 422] {
            assert_eq!(judged(status), Verdict::Refused, "{status}");
        }
        let later = [
            301, 302, 307, 308, 401, 403, 404, 405, 407, 408, 415, 425, 429, 431, 500, 502, 503,
            504, 599, 999,
        ];
        for status in later {
            assert_eq!(judged(status), Verdict::Later(None), "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_700);
        for (value, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(77)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("99999999999999999999999", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().expect("a value"));
            assert_eq!(
                retry_after(&headers, now).map(|wait| wait.as_secs()),
                expected,
                "{value}"
            );
        }
    }
}
