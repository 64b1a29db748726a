//! The event as a struct.

use std::borrow::Cow;
use std::fmt;

use anyhow::Context as _;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sonic_rs::{JsonValueTrait, LazyValue};

/// A click. An event with other fields is refused: they would be lost.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    item_id: u64,
    ts: u64,
    session: u64,
    // Numbers with a fraction, or beyond any type, stay as they were spelled.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    big: Option<LazyValue<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    exact: Option<LazyValue<'a>>,
    #[serde(borrow)]
    price: LazyValue<'a>,
    #[serde(borrow)]
    context: Context<'a>,
    #[serde(skip_deserializing)]
    weight: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Context<'a> {
    #[serde(borrow)]
    page: Cow<'a, str>,
    #[serde(borrow)]
    referrer: Cow<'a, str>,
    #[serde(default, rename = "ua", skip_serializing)]
    _ua: Option<CheckedString>,
    #[serde(borrow)]
    ip: Cow<'a, str>,
}

/// A string that nobody wants but that has to be valid. `IgnoredAny` would let bad escapes pass.
struct CheckedString;

impl<'de> Deserialize<'de> for CheckedString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Check;
        impl Visitor<'_> for Check {
            type Value = CheckedString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<CheckedString, E> {
                Ok(CheckedString)
            }
        }
        deserializer.deserialize_str(Check)
    }
}

impl<'a> Event<'a> {
    /// `None` unless `line` is such an event and nothing else.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let event: Self = sonic_rs::from_str(line).ok()?;
        let numbers = [Some(&event.price), event.big.as_ref(), event.exact.as_ref()];
        let typed = numbers.into_iter().flatten().all(JsonValueTrait::is_number);
        typed.then_some(event)
    }

    /// Looks the weight up; false for an event that is not wanted.
    pub(super) fn weigh(&mut self) -> bool {
        self.weight = match self.kind.as_ref() {
            "click" => 1,
            "add_to_cart" => 3,
            "purchase" => 10,
            _ => return false,
        };
        true
    }

    pub(super) fn write(&self, rows: &mut Vec<u8>) -> anyhow::Result<()> {
        sonic_rs::to_writer(&mut *rows, self).context("cannot write a row")?;
        rows.push(b'\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"1","type":"click","user_id":"u","item_id":1,"ts":2,"session":3,"big":18446744073709551616,
        "exact":1.10,"price":2.50,"context":{"page":"/\u00fc","referrer":"r","ua":"a\"b","ip":"i"}}"#;

    fn row(line: &str) -> Option<String> {
        let mut event = Event::read(line)?;
        assert!(event.weigh());
        let mut rows = Vec::new();
        event.write(&mut rows).unwrap();
        Some(String::from_utf8(rows).unwrap())
    }

    #[test]
    fn numbers_come_out_as_they_were_spelled_and_strings_with_escapes_are_understood() {
        let expected = r#"{"id":"1","type":"click","user_id":"u","item_id":1,"ts":2,"session":3,"big":18446744073709551616,"exact":1.10,"price":2.50,"context":{"page":"/ü","referrer":"r","ip":"i"},"weight":1}"#;
        assert_eq!(row(GOOD).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn what_is_not_strict_json_is_refused_wherever_it_hides() {
        for (good, bad) in [
            (r#""ip":"i"}}"#, r#""ip":"i"}}}"#),
            (r#""ip":"i"}}"#, r#""ip":"i"}} x"#),
            (r#""ip":"i"}}"#, r#""ip":"i"}"#),
            (r#""a\"b""#, r#""a\qb""#),
            (r#""a\"b""#, "\"a\tb\""),
            (r#""a\"b""#, r#""a\u12g4""#),
            (r#""id":"1""#, "\"id\":\"\u{1}\""),
            (r#""price":2.50"#, r#""price":2."#),
            (r#""price":2.50"#, r#""price":02"#),
            (r#""price":2.50"#, r#""price":+2"#),
            (r#""price":2.50"#, r#""price":NaN"#),
            (r#""exact":1.10"#, r#""exact":1e"#),
            (r#""item_id":1"#, r#""item_id":01"#),
            (r#""id":"1","#, r#""id":"1",,"#),
            (r#""id":"1""#, r#""id"="1""#),
            (r#""id":"1""#, r#""id":"\ud800""#),
            (r#""price":2.50"#, r#""price":"\u12g4""#),
            (r#""price":2.50"#, r#""price":"2.50""#),
        ] {
            let line = GOOD.replace(good, bad);
            assert_ne!(line, GOOD, "{good} is not there");
            assert!(row(&line).is_none(), "{bad} passed");
        }
    }

    #[test]
    fn a_field_that_would_be_lost_is_refused() {
        assert!(row(&GOOD.replace(r#""id":"1""#, r#""id":"1","new":1"#)).is_none());
        assert!(row(&GOOD.replace(r#""ip":"i""#, r#""ip":"i","new":1"#)).is_none());
    }
}
