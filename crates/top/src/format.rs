//! Numbers for people, as the live page writes them. What is not known is a dash.

const DASH: &str = "\u{2013}";

/// A whole number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number in at most seven characters, for where there is little room.
pub(crate) fn short(number: f64) -> String {
    for (unit, size, from) in [("G", 1e9, 1e9), ("M", 1e6, 1e6), ("k", 1e3, 1e4)] {
        if number >= from {
            return format!("{} {unit}", digits(number / size));
        }
    }
    if number > 0.0 && number < 10.0 {
        trimmed(format!("{number:.1}"))
    } else {
        count(number.round() as u64)
    }
}

pub(crate) fn rate(number: Option<f64>) -> String {
    match number {
        None => DASH.to_owned(),
        Some(number) if number >= 1e7 => format!("{}/s", short(number)),
        Some(number) => format!("{}/s", count(number.round() as u64)),
    }
}

pub(crate) fn bytes(number: Option<f64>) -> String {
    let Some(number) = number else {
        return DASH.to_owned();
    };
    for (unit, power) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        let size = f64::from(1_u32 << power);
        if number >= size {
            return format!("{} {unit}", digits(number / size));
        }
    }
    format!("{number:.0} B")
}

/// A time span in the unit that suits it.
pub(crate) fn span(seconds: Option<f64>) -> String {
    let three = |number: f64| match number {
        _ if number >= 100.0 => format!("{number:.0}"),
        _ if number >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    };
    match seconds {
        None => DASH.to_owned(),
        Some(0.0) => "0 s".to_owned(),
        Some(seconds) if seconds < 1e-6 => format!("{:.0} ns", seconds * 1e9),
        Some(seconds) if seconds < 1e-3 => format!("{} \u{b5}s", three(seconds * 1e6)),
        Some(seconds) if seconds < 1.0 => format!("{} ms", three(seconds * 1e3)),
        Some(seconds) if seconds < 90.0 => format!("{} s", three(seconds)),
        Some(seconds) if seconds < 5_400.0 => format!("{:.0} min", seconds / 60.0),
        Some(seconds) if seconds < 129_600.0 => format!("{:.1} h", seconds / 3_600.0),
        Some(seconds) => format!("{:.1} d", seconds / 86_400.0),
    }
}

/// How long something has gone on, in whole units, the two largest of them.
pub(crate) fn age(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let parts = [
        (whole / 86_400, "d"),
        (whole / 3_600 % 24, "h"),
        (whole / 60 % 60, "min"),
        (whole % 60, "s"),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    match said.is_empty() {
        true => "0 s".to_owned(),
        false => said.join(" "),
    }
}

pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or(DASH.to_owned(), |share| format!("{:.0} %", share * 100.0))
}

pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", count(number))
}

fn digits(scaled: f64) -> String {
    if scaled >= 100.0 {
        format!("{scaled:.0}")
    } else {
        trimmed(format!("{scaled:.1}"))
    }
}

fn trimmed(number: String) -> String {
    let whole = number.strip_suffix(".0").map(str::to_owned);
    whole.unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_they_do_on_the_page() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(
            [9.96, 0.0, 9_999.0, 12_345.0, 250_000.0, 3.2e7].map(short),
            ["10", "0", "9,999", "12.3 k", "250 k", "32 M"]
        );
        assert_eq!(rate(Some(50_123.4)), "50,123/s");
        assert_eq!(rate(None), "\u{2013}");
        assert_eq!(bytes(Some(1_536.0)), "1.5 KiB");
        let spans = [0.0, 3.2e-7, 2.5e-5, 0.0123, 1.5, 120.0, 7_200.0, 200_000.0];
        assert_eq!(
            spans.map(|seconds| span(Some(seconds))),
            [
                "0 s",
                "320 ns",
                "25.0 \u{b5}s",
                "12.3 ms",
                "1.50 s",
                "2 min",
                "2.0 h",
                "2.3 d"
            ]
        );
        assert_eq!(age(3_725.0), "1 h 2 min");
        assert_eq!(age(0.2), "0 s");
        assert_eq!(percent(Some(0.666)), "67 %");
        assert_eq!(plural(1, "shard", "shards"), "1 shard");
    }
}
