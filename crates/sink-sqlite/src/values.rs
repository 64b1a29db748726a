use millpond_event::{Kind, Value};
use rusqlite::types::Value as Stored;

/// A JSON value as SQLite keeps it: nothing becomes a number that it is not.
///
/// An integer that SQLite's are too small for, and a number beyond doubles, become texts as they are
/// spelled; arrays and objects become their JSON. A fraction becomes the nearest double.
pub(crate) fn stored(value: Option<Value<'_>>) -> Stored {
    let Some(value) = value else {
        return Stored::Null;
    };
    let spelled = || Stored::Text(String::from_utf8_lossy(value.raw()).into_owned());
    match value.kind() {
        Kind::Null => Stored::Null,
        Kind::Bool => Stored::Integer(value.as_bool().unwrap_or_default().into()),
        Kind::Number => match (value.as_i64(), value.as_f64()) {
            (Some(integer), _) => Stored::Integer(integer),
            (None, Some(number)) if number.is_finite() && is_fraction(value.raw()) => {
                Stored::Real(number)
            }
            _ => spelled(),
        },
        Kind::String => value
            .as_str()
            .map_or(Stored::Null, |text| Stored::Text(text.into_owned())),
        Kind::Array | Kind::Object => spelled(),
    }
}

fn is_fraction(number: &[u8]) -> bool {
    number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    use millpond_event::{Event, Path};

    use super::*;

    #[test]
    fn no_value_becomes_another_one() {
        let event = br#"{"a":[null,true,-3,9223372036854775807,9223372036854775808,1.5,1e999,"x\u0000\"",[1, 2],{"b":1},12345678901234567890123]}"#;
        let event = Event::parse(event).expect("valid");
        let at = |index: usize| {
            let path = Path::parse(&format!("a[{index}]")).expect("a path");
            stored(event.get(&path))
        };
        let text = |text: &str| Stored::Text(text.to_owned());
        let expected = [
            Stored::Null,
            Stored::Integer(1),
            Stored::Integer(-3),
            Stored::Integer(i64::MAX),
            text("9223372036854775808"),
            Stored::Real(1.5),
            text("1e999"),
            text("x\0\""),
            text("[1, 2]"),
            text(r#"{"b":1}"#),
            text("12345678901234567890123"),
            Stored::Null,
        ];
        for (index, expected) in expected.into_iter().enumerate() {
            assert_eq!(at(index), expected, "element {index}");
        }
    }
}
