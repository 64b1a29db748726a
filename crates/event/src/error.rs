//! What can go wrong: a line that is not an event, a path that is not a path, an edit that cannot be made.

use std::fmt;

use crate::path::Path;
use crate::value::Kind;

/// Containers may be nested this deep, the event's own object included.
pub const MAX_DEPTH: usize = 64;

/// Why a text is not an event (or not JSON).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text ends before its value does.
    CutShort,
    /// Something else stands where a value must begin.
    ExpectedValue,
    /// Something else stands where an event's `{` must stand.
    ExpectedObject,
    /// Something else stands where a member's `"name"` must begin.
    ExpectedName,
    /// Something else stands where the `:` after a name must stand.
    ExpectedColon,
    /// Something else stands where `,` or `}` must stand.
    ExpectedCommaOrBrace,
    /// Something else stands where `,` or `]` must stand.
    ExpectedCommaOrBracket,
    /// A number that RFC 8259 does not allow.
    BadNumber,
    /// A backslash that begins no escape.
    BadEscape,
    /// A raw control character (below U+0020) inside a string.
    ControlCharacter,
    /// A `\u` escape of one half of a surrogate pair without the other.
    LoneSurrogate,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// Containers nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// JSON, but not an object.
    NotAnObject,
    /// More after the value's end.
    TrailingBytes,
    /// A text of 4 GiB or more.
    TooLong,
    /// Refused before it was complete; [`ParseError::reason`] says why.
    Refused,
}

impl ParseErrorKind {
    fn reason(self) -> &'static str {
        match self {
            Self::CutShort => "cut_short",
            Self::ExpectedValue
            | Self::ExpectedObject
            | Self::ExpectedName
            | Self::ExpectedColon
            | Self::ExpectedCommaOrBrace
            | Self::ExpectedCommaOrBracket => "bad_syntax",
            Self::BadNumber => "bad_number",
            Self::BadEscape => "bad_escape",
            Self::ControlCharacter => "control_character",
            Self::LoneSurrogate => "lone_surrogate",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TooDeep => "too_deep",
            Self::NotAnObject => "not_an_object",
            Self::TrailingBytes => "trailing_bytes",
            Self::TooLong => "too_long",
            Self::Refused => "refused",
        }
    }

    fn explain(self) -> &'static str {
        match self {
            Self::CutShort => "the text ends before its value does",
            Self::ExpectedValue => "expected a value",
            Self::ExpectedObject => "expected an object",
            Self::ExpectedName => "expected a name in double quotes",
            Self::ExpectedColon => "expected `:`",
            Self::ExpectedCommaOrBrace => "expected `,` or `}`",
            Self::ExpectedCommaOrBracket => "expected `,` or `]`",
            Self::BadNumber => "not a number as JSON spells it",
            Self::BadEscape => "not an escape that JSON knows",
            Self::ControlCharacter => "control character in a string, expected an escape",
            Self::LoneSurrogate => "escape of half a surrogate pair, expected both halves",
            Self::InvalidUtf8 => "not UTF-8",
            Self::TooDeep => "nested deeper than 64 levels",
            Self::NotAnObject => "expected an object, found another JSON value",
            Self::TrailingBytes => "more bytes after the value",
            Self::TooLong => "4 GiB or longer",
            Self::Refused => "refused before it was complete",
        }
    }
}

/// A text that was rejected, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Byte offset in the text at which it is wrong.
    pub offset: usize,
    reason: &'static str,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, offset: usize) -> Self {
        Self {
            kind,
            offset,
            reason: kind.reason(),
        }
    }

    pub(crate) fn refused(reason: &'static str, offset: usize) -> Self {
        Self {
            kind: ParseErrorKind::Refused,
            offset,
            reason,
        }
    }

    /// A stable name for machines: `cut_short`, `bad_syntax`, `bad_number`, `bad_escape`,
    /// `control_character`, `lone_surrogate`, `invalid_utf8`, `too_deep`, `not_an_object`,
    /// `trailing_bytes`, `too_long`, or the reason of a [`Refusal`](crate::Refusal).
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} at byte {}",
            self.reason,
            self.kind.explain(),
            self.offset
        )
    }
}

impl std::error::Error for ParseError {}

/// A parse error while it is inside the hot path: two words, returned in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: ParseErrorKind,
    pub(crate) at: u32,
}

impl Fault {
    /// `at` lies in a text shorter than 4 GiB.
    #[cold]
    pub(crate) fn new(kind: ParseErrorKind, at: usize) -> Self {
        Self {
            kind,
            at: at as u32,
        }
    }
}

impl From<Fault> for ParseError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind, fault.at as usize)
    }
}

/// A path that could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path `{path}` is not valid at byte {offset}: {problem}")]
pub struct PathError {
    /// The path as written.
    pub path: String,
    /// Byte offset of the fault in the path.
    pub offset: usize,
    /// What is wrong there, and what was expected.
    pub problem: &'static str,
}

/// An edit that could not be made; the event is as it was before.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The path leads through a value that has no members or elements of that kind.
    #[error("cannot set `{path}`: `{at}` is {found}, expected {expected}")]
    WrongContainer {
        /// The path of the edit.
        path: Path,
        /// The part of the path that leads to the value in the way.
        at: String,
        /// What that value is.
        found: Kind,
        /// What it would have to be.
        expected: Kind,
    },
    /// An index beyond the end of its array; the index equal to the length appends.
    #[error(
        "cannot set `{path}`: index {index} is beyond the end of an array of {len}, expected at most {len}"
    )]
    IndexBeyondEnd {
        /// The path of the edit.
        path: Path,
        /// The index at fault.
        index: usize,
        /// How many elements the array has.
        len: usize,
    },
    /// A float that JSON cannot spell.
    #[error("cannot set `{path}` to {value}: expected a finite number")]
    NotFinite {
        /// The path of the edit.
        path: Path,
        /// The value at fault.
        value: f64,
    },
    /// The edit would nest containers deeper than [`MAX_DEPTH`].
    #[error("cannot set `{path}`: the event would be nested {depth} deep, expected at most 64")]
    TooDeep {
        /// The path of the edit.
        path: Path,
        /// How deep the event would be nested.
        depth: usize,
    },
    /// An event is an object; this value is not.
    #[error("cannot make an event of {found}, expected an object")]
    NotAnObject {
        /// What the value is.
        found: Kind,
    },
    /// The value's text is no event.
    #[error("cannot make an event of the value: {0}")]
    Unreadable(#[from] ParseError),
}
