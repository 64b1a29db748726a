//! One event of a body, looked at.

use memchr::memchr2;
use millpond_event::Judge;

use crate::decoded::Fault;
use crate::format::{Check, Context};

/// Looks at events as closely as the context asks for.
pub(crate) struct Look {
    judge: Judge,
    max_event: usize,
    check: Check,
}

impl Look {
    pub(crate) fn new(context: &Context) -> Self {
        Look {
            judge: Judge::default(),
            max_event: context.max_event,
            check: context.check,
        }
    }

    /// Judges an event without whitespace around it.
    #[inline]
    pub(crate) fn at(&mut self, text: &[u8]) -> Result<(), Fault> {
        let looks_right = matches!(text, [b'{', .., b'}']) && text.len() <= self.max_event;
        if looks_right && self.check == Check::Shape {
            return Ok(());
        }
        self.closely_at(text)
    }

    /// Judges it strictly, whatever the context asks for.
    #[inline(never)]
    pub(crate) fn closely_at(&mut self, text: &[u8]) -> Result<(), Fault> {
        if text.len() > self.max_event {
            return Err(Fault::too_long(text.len(), self.max_event));
        }
        Ok(self.judge.event(text)?)
    }

    /// Whether it is an event.
    pub(crate) fn is_event(&mut self, text: &[u8]) -> bool {
        self.judge.event(text).is_ok()
    }
}

/// Whether a text stands on more than one line.
pub(super) fn has_breaks(text: &[u8]) -> bool {
    memchr2(b'\n', b'\r', text).is_some()
}
