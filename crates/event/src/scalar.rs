//! What an event's fields can be set to.

use crate::escape;
use crate::raw::RawJson;

/// A value to set: most are made by `into()` from what one has at hand.
#[derive(Clone, Copy, Debug)]
pub enum Scalar<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A float; must be finite. Spelled with a fraction or an exponent, as short as reads back the same.
    Float(f64),
    /// A string.
    Str(&'a str),
    /// JSON text of any kind.
    Raw(&'a RawJson),
}

impl Scalar<'_> {
    /// Appends its JSON text. A float that is not finite becomes `null`; the caller has refused it before.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Scalar::Null => out.extend_from_slice(b"null"),
            Scalar::Bool(true) => out.extend_from_slice(b"true"),
            Scalar::Bool(false) => out.extend_from_slice(b"false"),
            Scalar::Int(int) => {
                if *int < 0 {
                    out.push(b'-');
                }
                write_digits(int.unsigned_abs(), out);
            }
            Scalar::Uint(int) => write_digits(*int, out),
            Scalar::Float(float) if float.is_finite() => {
                out.extend_from_slice(format!("{float:?}").as_bytes())
            }
            Scalar::Float(_) => out.extend_from_slice(b"null"),
            Scalar::Str(text) => escape::encode(text, out),
            Scalar::Raw(raw) => out.extend_from_slice(raw.as_bytes()),
        }
    }

    pub(crate) fn depth(&self) -> usize {
        if let Scalar::Raw(raw) = self {
            raw.depth()
        } else {
            0
        }
    }
}

fn write_digits(mut int: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (int % 10) as u8;
        int /= 10;
        if int == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

impl From<()> for Scalar<'_> {
    fn from((): ()) -> Self {
        Scalar::Null
    }
}

impl From<bool> for Scalar<'_> {
    fn from(value: bool) -> Self {
        Scalar::Bool(value)
    }
}

impl From<f64> for Scalar<'_> {
    fn from(value: f64) -> Self {
        Scalar::Float(value)
    }
}

impl<'a> From<&'a str> for Scalar<'a> {
    fn from(value: &'a str) -> Self {
        Scalar::Str(value)
    }
}

impl<'a> From<&'a String> for Scalar<'a> {
    fn from(value: &'a String) -> Self {
        Scalar::Str(value)
    }
}

impl<'a> From<&'a RawJson> for Scalar<'a> {
    fn from(value: &'a RawJson) -> Self {
        Scalar::Raw(value)
    }
}

macro_rules! from_integer {
    ($variant:ident($as:ty): $($integer:ty),*) => {$(
        impl From<$integer> for Scalar<'_> {
            fn from(value: $integer) -> Self {
                Scalar::$variant(value as $as)
            }
        }
    )*};
}

from_integer!(Int(i64): i8, i16, i32, i64, isize);
from_integer!(Uint(u64): u8, u16, u32, u64, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_json_spells_it() {
        let cases: Vec<(Scalar<'_>, &str)> = vec![
            (().into(), "null"),
            (true.into(), "true"),
            (false.into(), "false"),
            (0u8.into(), "0"),
            (u64::MAX.into(), "18446744073709551615"),
            (i64::MIN.into(), "-9223372036854775808"),
            ((-7i32).into(), "-7"),
            (1.0.into(), "1.0"),
            ((-0.0).into(), "-0.0"),
            (1e300.into(), "1e300"),
            (5e-324.into(), "5e-324"),
            (0.1.into(), "0.1"),
            ("a\"\\\n\u{1}é".into(), "\"a\\\"\\\\\\n\\u0001é\""),
        ];
        for (value, want) in cases {
            let mut out = Vec::new();
            value.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
            assert!(RawJson::parse(want).is_ok());
        }
    }
}
