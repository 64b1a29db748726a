//! Numbers and names as they are written on the page.

use crate::bench::stats::Spread;

/// `1234567.8` as `1,234,568`.
pub(in crate::bench) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 && digits.as_bytes()[index - 1] != b'-' {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `text` between tags or in a quoted attribute.
pub(in crate::bench) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The median, and from where to where the runs went.
pub(super) fn spread(spread: Option<Spread>, number: impl Fn(f64) -> String) -> String {
    let Some(Spread { min, median, max }) = spread else {
        return "<span class=\"quiet\">n/a</span>".to_owned();
    };
    let (min, median, max) = (number(min), number(median), number(max));
    if min == max {
        return median;
    }
    format!("{median} <span class=\"quiet\">{min} – {max}</span>")
}

pub(super) fn mebibytes(bytes: f64) -> String {
    format!("{:.1}", bytes / f64::from(1 << 20))
}

/// Milliseconds with three digits that count.
pub(super) fn millis(micros: u64) -> String {
    let millis = micros as f64 / 1e3;
    match micros {
        0..10_000 => format!("{millis:.2}"),
        10_000..100_000 => format!("{millis:.1}"),
        _ => grouped(millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        let numbers = [0.0, 999.0, 1_000.0, 1_234_567.8, -100.0, -123_456.0];
        assert_eq!(
            numbers.map(grouped),
            ["0", "999", "1,000", "1,234,568", "-100", "-123,456"]
        );
    }

    #[test]
    fn a_name_cannot_leave_its_place() {
        assert_eq!(
            escaped("<b a=\"1\" c='2'>&amp;"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;"
        );
    }

    #[test]
    fn short_and_long_times_keep_their_digits() {
        assert_eq!(
            [5, 450, 12_700, 1_234_567].map(millis),
            ["0.01", "0.45", "12.7", "1,235"]
        );
    }
}
