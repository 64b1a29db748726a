//! Values one after the other, laid out as they may be: over several lines each, or several on a line.

use millpond_event::on_one_line;
use millpond_event::outline::{skip_blank, value_end};

use super::element::{Look, has_breaks};
use crate::decoded::{Decoded, Fault, Lines};
use crate::format::Context;

/// Copies each value to a line of its own.
pub(super) fn sequence(body: &[u8], context: &Context) -> Decoded {
    let mut lines = Vec::with_capacity(body.len() + 1);
    let mut decoded = Decoded::in_body();
    let mut look = Look::new(context);
    let mut at = skip_blank(body, 0);
    while at < body.len() {
        let Some(end) = value_end(body, at) else {
            let rest = &body[at..];
            let fault = look.closely_at(rest).err();
            let fault = fault.unwrap_or_else(|| Fault::new("bad_syntax", "no value"));
            decoded.refuse(fault, rest);
            break;
        };
        let value = &body[at..end];
        at = skip_blank(body, end);
        let breaks = has_breaks(value);
        let judged = if breaks {
            look.closely_at(value)
        } else {
            look.at(value)
        };
        match judged {
            Err(fault) if breaks => {
                decoded.refuse(fault, value);
                continue;
            }
            Err(fault) => decoded.reject(fault),
            Ok(()) => decoded.line(),
        }
        let start = lines.len();
        lines.extend_from_slice(value);
        on_one_line(&mut lines[start..]);
        lines.push(b'\n');
    }
    decoded.lines = Lines::Built(lines);
    decoded
}
