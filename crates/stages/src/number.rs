use std::cmp::Ordering;

use millpond_event::{Kind, Value};

/// A number to compare by value: integers of 64 bits exactly, all others as the nearest `f64`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    /// The number that `value` spells; `None` if it is none. Beyond the range of `f64` it is infinite.
    pub(crate) fn of(value: &Value<'_>) -> Option<Self> {
        if value.kind() != Kind::Number {
            return None;
        }
        if let Some(int) = value.as_i64() {
            return Some(Self::Int(int.into()));
        }
        if let Some(int) = value.as_u64() {
            return Some(Self::Int(int.into()));
        }
        let spelled = std::str::from_utf8(value.raw()).ok()?;
        spelled.parse().ok().map(Self::Float)
    }

    pub(crate) fn of_config(number: &serde_json::Number) -> Self {
        number.as_i128().map_or_else(
            || Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            Self::Int,
        )
    }

    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => compare_int(a, b),
            (Self::Float(a), Self::Int(b)) => compare_int(b, a).map(Ordering::reverse),
        }
    }
}

/// Compares without rounding the integer.
fn compare_int(int: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // The cast cuts the fraction off and saturates far outside of what 64 bits hold.
    let whole = float as i128;
    let rest = float - float.trunc();
    Some(int.cmp(&whole).then_with(|| match rest {
        rest if rest > 0.0 => Ordering::Less,
        rest if rest < 0.0 => Ordering::Greater,
        _ => Ordering::Equal,
    }))
}

#[cfg(test)]
mod tests {
    use millpond_event::RawJson;

    use super::*;

    #[test]
    fn numbers_compare_by_value_and_integers_never_round() {
        use Ordering::{Equal, Greater, Less};
        let cases = [
            ("1", "1.0", Equal),
            ("-0", "0", Equal),
            ("1e2", "100", Equal),
            ("2", "1.5", Greater),
            ("-2", "-1.5", Less),
            ("-1", "-1.5", Greater),
            ("9007199254740993", "9007199254740992", Greater),
            ("9007199254740993", "9007199254740992.0", Greater),
            ("18446744073709551615", "18446744073709551614", Greater),
            ("18446744073709551615", "1.8446744073709552e19", Less),
            ("-9223372036854775808", "9223372036854775808", Less),
            ("1e999", "18446744073709551615", Greater),
            ("-1e999", "-1e308", Less),
        ];
        for (a, b, order) in cases {
            let number = |text| Number::of(&RawJson::parse(text).unwrap().value()).unwrap();
            assert_eq!(number(a).compare(number(b)), Some(order), "{a} {b}");
            assert_eq!(
                number(b).compare(number(a)),
                Some(order.reverse()),
                "{b} {a}"
            );
        }
    }
}
