//! An array, made into lines where it lies: its brackets and commas become line breaks, and its elements stay as they
//! are, but for line breaks between their tokens, which become spaces.

use millpond_event::on_one_line;
use millpond_event::outline::{Elements, Step, skip_blank, value_end};

use super::element::{Look, has_breaks};
use crate::decoded::{Decoded, Fault};
use crate::format::Context;

/// Makes lines of the array at `body[open]`, before which there is only whitespace.
pub(super) fn array(body: &mut [u8], open: usize, context: &Context) -> Decoded {
    let mut look = Look::new(context);
    array_with(body, open, |element, has_breaks, decoded| {
        let judged = if has_breaks {
            look.closely_at(element)
        } else {
            look.at(element)
        };
        match judged {
            Ok(()) => {
                decoded.line();
                true
            }
            // What is broken over several lines cannot be shown as one.
            Err(fault) if has_breaks => {
                decoded.refuse(fault, element);
                false
            }
            Err(fault) => {
                decoded.reject(fault);
                true
            }
        }
    })
}

/// The same with another judgement: `judge` gets each element, and whether it has line breaks, counts it, and says
/// whether it becomes a line. One that has line breaks may become one only if it is valid.
pub(crate) fn array_with(
    body: &mut [u8],
    open: usize,
    mut judge: impl FnMut(&[u8], bool, &mut Decoded) -> bool,
) -> Decoded {
    let mut decoded = Decoded::in_body();
    decoded.may_be_empty = true;
    let any_breaks = has_breaks(body);
    let mut elements = Elements::new(open);
    let mut done = 0;
    loop {
        match elements.step(body) {
            Step::Found(found) => {
                erase(&mut body[done..found.start]);
                done = found.end;
                let element = &mut body[found];
                let breaks = any_breaks && has_breaks(element);
                if !judge(element, breaks, &mut decoded) {
                    erase(element);
                } else if breaks {
                    on_one_line(element);
                }
            }
            Step::End(end) => {
                let rest = skip_blank(body, end);
                if rest < body.len() {
                    let fault = Fault::new(
                        "trailing_bytes",
                        format!("trailing_bytes: more after the array, at byte {rest} of the body"),
                    );
                    decoded.refuse(fault, &body[rest..]);
                }
                erase(&mut body[done..]);
                return decoded;
            }
            Step::Broken(at) => {
                // A string or a container that begins there and has no end is not whole either.
                let is_cut = match body.get(at) {
                    Some(b'"' | b'[' | b'{') => value_end(body, at).is_none(),
                    other => other.is_none(),
                };
                let reason = if is_cut { "cut_short" } else { "bad_syntax" };
                let detail = format!(
                    "{reason}: the array is broken at byte {at} of the body; nothing of it was read from there on"
                );
                let rest = skip_blank(body, done);
                decoded.refuse(Fault::new(reason, detail), &body[rest..]);
                erase(&mut body[done..]);
                return decoded;
            }
        }
    }
}

/// Leaves nothing of what stands between two events. Line breaks, for a line of blanks may be one that is too long.
fn erase(gap: &mut [u8]) {
    gap.fill(b'\n');
}
