//! Numbers as a reader of tables likes them.

/// `1234567.8` as `1,234,568`.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With so many digits behind the point; `n/a` for none.
pub(super) fn fixed(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| "n/a".to_owned(), |number| format!("{number:.digits$}"))
}

pub(super) fn mebibytes(bytes: Option<f64>) -> String {
    fixed(bytes.map(|bytes| bytes / f64::from(1 << 20)), 1)
}

/// Microseconds as milliseconds, with three digits that count.
pub(super) fn millis(micros: u64) -> String {
    let millis = micros as f64 / 1e3;
    let digits = match millis {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{millis:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0.0, "0"),
            (999.0, "999"),
            (1_000.0, "1,000"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn milliseconds_have_as_many_digits_as_count() {
        for (micros, text) in [
            (1, "0.00"),
            (450, "0.45"),
            (9_990, "9.99"),
            (9_999, "10.0"),
            (123_456, "123"),
        ] {
            assert_eq!(millis(micros), text);
        }
    }
}
