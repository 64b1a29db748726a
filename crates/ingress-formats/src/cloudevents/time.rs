//! Timestamps, as RFC 3339 has them.

/// Whether `text` is one.
pub(super) fn is_timestamp(text: &str) -> bool {
    read(text.as_bytes()).is_some()
}

fn read(text: &[u8]) -> Option<()> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(after(rest, b"-")?, 2)?;
    let (day, rest) = number(after(rest, b"-")?, 2)?;
    let (hour, rest) = number(after(rest, b"Tt")?, 2)?;
    let (minute, rest) = number(after(rest, b":")?, 2)?;
    let (second, mut rest) = number(after(rest, b":")?, 2)?;
    if let Some(fraction) = after(rest, b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        rest = fraction.get(digits..).filter(|_| digits > 0)?;
    }
    let offset = match after(rest, b"Zz") {
        Some(rest) => rest.is_empty(),
        None => {
            let (hours, rest) = number(after(rest, b"+-")?, 2)?;
            let (minutes, rest) = number(after(rest, b":")?, 2)?;
            hours < 24 && minutes < 60 && rest.is_empty()
        }
    };
    let date = (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
    // Second 60: a leap second.
    let time = hour < 24 && minute < 60 && second <= 60;
    (date && time && offset).then_some(())
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let digit = |value: u32, byte: &u8| {
        byte.is_ascii_digit()
            .then(|| value * 10 + u32::from(byte - b'0'))
    };
    Some((number.iter().try_fold(0, digit)?, rest))
}

fn after<'a>(text: &'a [u8], any: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = text.split_first()?;
    any.contains(first).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_that_exists_an_hour_of_it_and_an_offset() {
        for text in [
            "2018-04-05T17:31:00Z",
            "2018-04-05t17:31:00.123456789z",
            "2024-02-29T00:00:00+14:00",
            "2000-02-29T23:59:59.9-00:00",
            "1990-12-31T23:59:60Z",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "",
            "2018-04-05",
            "2018-04-05T17:31:00",
            "2018-04-05 17:31:00Z",
            "2018-04-05T17:31:00.Z",
            "2018-04-05T17:31Z",
            "2018-04-05T17:31:00+0200",
            "2018-04-05T17:31:00Z ",
            "2018-13-05T17:31:00Z",
            "2018-00-05T17:31:00Z",
            "2018-04-31T17:31:00Z",
            "2018-04-00T17:31:00Z",
            "2023-02-29T17:31:00Z",
            "1900-02-29T17:31:00Z",
            "2018-04-05T24:00:00Z",
            "2018-04-05T17:60:00Z",
            "2018-04-05T17:31:61Z",
            "2018-04-05T17:31:00+24:00",
            "+018-04-05T17:31:00Z",
            "2018-04-05T17:31:0\u{663}Z",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
