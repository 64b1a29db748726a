//! A batch: an object with an array of calls, and what is said for all of them.

use std::ops::Range;

use millpond_event::outline::{Elements, Members, Step, skip_blank};
use millpond_event::{Kind, Value};

use super::call::{Desk, Shared};
use super::{MAX_CALL, unreadable};
use crate::decoded::{Decoded, Lines};
use crate::format::Context;

/// A body that is a batch.
pub(crate) fn batch(body: &mut [u8], context: &Context) -> Decoded {
    crate::events::blank_mark(body);
    let body = &*body;
    let outline = match Outline::of(body) {
        Ok(outline) => outline,
        Err(why) => return unreadable(&why, body),
    };
    let desk = Desk::new(context);
    let mut decoded = Decoded::in_body();
    decoded.may_be_empty = true;
    let mut lines = Vec::with_capacity(body.len());
    for call in outline.calls {
        let text = &body[call];
        match desk.call(text, None, &outline.shared, &mut lines) {
            Ok(id) => decoded.line_known_by(id),
            Err(fault) => decoded.refuse(fault, text),
        }
    }
    decoded.lines = Lines::Built(lines);
    decoded
}

/// What a batch is made of. Its calls are not judged yet: each is judged for itself.
struct Outline<'a> {
    calls: Vec<Range<usize>>,
    shared: Shared<'a>,
}

impl<'a> Outline<'a> {
    fn of(body: &'a [u8]) -> Result<Self, String> {
        let open = skip_blank(body, 0);
        if body.get(open) != Some(&b'{') {
            return Err("expected an object with an array `batch`".into());
        }
        let mut shared = Shared::default();
        let mut batch = None;
        let mut members = Members::new(open);
        let end = loop {
            let member = match members.step(body) {
                Step::Found(member) => member,
                Step::End(end) => break end,
                Step::Broken(at) => return Err(format!("it is broken at byte {at}")),
            };
            let name = Value::parse(&body[member.name]).map_err(|error| error.to_string())?;
            let name = name.as_str().unwrap_or_default();
            if name == "batch" {
                batch = Some(member.value);
                continue;
            }
            let value = &body[member.value];
            let kind = Value::parse(value)
                .map_err(|error| format!("its member `{name}` is no JSON: {error}"))?
                .kind();
            match (&*name, kind) {
                ("context", Kind::Object) => shared.context = Some(value),
                ("integrations", Kind::Object) => shared.integrations = Some(value),
                ("sentAt", Kind::String) => shared.sent_at = Some(value),
                _ => {}
            }
        };
        if skip_blank(body, end) < body.len() {
            return Err(format!("there is more after its end at byte {end}"));
        }
        if shared.len() > MAX_CALL {
            let length = shared.len();
            return Err(format!(
                "what it says for all calls has {length} bytes, expected at most {MAX_CALL}"
            ));
        }
        let batch = batch.ok_or("it has no `batch`, expected an array of calls")?;
        Ok(Outline {
            calls: calls(body, batch)?,
            shared,
        })
    }
}

fn calls(body: &[u8], batch: Range<usize>) -> Result<Vec<Range<usize>>, String> {
    if body.get(batch.start) != Some(&b'[') {
        return Err("its `batch` is no array, expected an array of calls".into());
    }
    let text = &body[..batch.end];
    let mut elements = Elements::new(batch.start);
    let mut calls = Vec::new();
    loop {
        match elements.step(text) {
            Step::Found(call) => calls.push(call),
            Step::End(end) if end == batch.end => return Ok(calls),
            Step::End(at) | Step::Broken(at) => {
                return Err(format!("its `batch` is broken at byte {at}"));
            }
        }
    }
}
