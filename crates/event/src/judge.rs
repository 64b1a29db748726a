//! Texts judged where they lie.

use crate::error::ParseError;
use crate::parse::{self, Index};
use crate::raw::check_utf8;

/// Judges texts as strictly as [`Event::parse`](crate::Event::parse), copies nothing, and keeps nothing but the memory
/// it works in.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    index: Index,
}

impl Judge {
    /// Whether `text` is an event.
    ///
    /// # Errors
    /// If it is not, with the reason and the place.
    pub fn event(&mut self, text: &[u8]) -> Result<(), ParseError> {
        check_utf8(text)?;
        Ok(parse::event(text, text.len(), &mut self.index)?)
    }
}

#[cfg(test)]
mod tests {
    use crate::Event;

    use super::*;

    #[test]
    fn a_text_is_judged_as_an_event_is() {
        let mut judge = Judge::default();
        for text in [
            &b"{\"a\":[1]}"[..],
            b" {} ",
            b"{\"a\":1,}",
            b"[]",
            b"{",
            b"{\"a\":\"\xff\"}",
            b"{}{}",
            b"",
        ] {
            let want = Event::parse(text).map(drop);
            assert_eq!(judge.event(text), want, "{}", String::from_utf8_lossy(text));
        }
    }
}
