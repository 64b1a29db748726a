//! The structured mode: the body is an event in the JSON format, and goes out as it came.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millpond_event::outline::skip_blank;
use millpond_event::{Kind, Value, on_one_line};

use super::attributes::{DATA, REQUIRED, check_name, check_value};
use super::{BAD, BAD_DATA, MISSING};
use crate::decoded::{Decoded, Fault, Id};
use crate::events::{Look, blank_mark};
use crate::format::Context;

/// One event.
pub(crate) fn structured(body: &mut [u8], context: &Context) -> Decoded {
    blank_mark(body);
    if is_blank(body) {
        return Decoded::built(Vec::new());
    }
    match Judgement::new(context).of(body) {
        Ok(id) => {
            // All of it is valid, so that nothing of it but whitespace is a line break.
            on_one_line(body);
            let mut decoded = Decoded::in_body();
            decoded.line_known_by(Some(id));
            decoded
        }
        Err(fault) => refused(fault, body),
    }
}

/// A body that is not what its type says.
pub(super) fn no_events(expected: &str, body: &[u8]) -> Decoded {
    if is_blank(body) {
        return Decoded::built(Vec::new());
    }
    let fault = Fault::new("bad_syntax", format!("bad_syntax: expected {expected}"));
    refused(fault, body)
}

fn refused(fault: Fault, body: &[u8]) -> Decoded {
    let mut decoded = Decoded::built(Vec::new());
    decoded.refuse(fault, body);
    decoded
}

fn is_blank(body: &[u8]) -> bool {
    skip_blank(body, 0) == body.len()
}

/// Judges events in the JSON format.
pub(super) struct Judgement {
    look: Look,
}

impl Judgement {
    pub(super) fn new(context: &Context) -> Self {
        Judgement {
            look: Look::new(context),
        }
    }

    /// Whether the text is a valid event; by what it is known.
    pub(super) fn of(&mut self, text: &[u8]) -> Result<Id, Fault> {
        self.look.closely_at(text)?;
        let event = Value::parse(text)?;
        let mut members = Members::default();
        let mut names = Vec::new();
        for (name, value) in event.members() {
            members.take(&name, &value)?;
            names.push(name);
        }
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let detail = format!("attribute `{}` is there twice", twice[0]);
            return Err(Fault::new(BAD, detail));
        }
        members.identity()
    }
}

/// What of the members of an event matters for the event as a whole.
#[derive(Default)]
struct Members {
    required: [Option<String>; REQUIRED.len()],
    data: Option<&'static str>,
}

impl Members {
    fn take(&mut self, name: &str, value: &Value<'_>) -> Result<(), Fault> {
        if name == "data_base64" && value.kind() == Kind::Null {
            return Ok(());
        }
        if let Some(data) = DATA.iter().find(|data| **data == name) {
            if self.data.replace(data).is_some() {
                let detail = "both `data` and `data_base64` are there, expected one of them";
                return Err(Fault::new(BAD_DATA, detail));
            }
            let is_text = *data == "data";
            return if is_text { Ok(()) } else { check_base64(value) };
        }
        check_name(name)?;
        // As if it were not there.
        if value.kind() == Kind::Null {
            return Ok(());
        }
        check_value(name, value)?;
        if let Some(place) = REQUIRED.iter().position(|required| *required == name) {
            self.required[place] = value.as_str().map(Cow::into_owned);
        }
        Ok(())
    }

    fn identity(&self) -> Result<Id, Fault> {
        for (name, value) in REQUIRED.iter().zip(&self.required) {
            if value.is_none() {
                let detail = format!("no `{name}`, expected an attribute of that name");
                return Err(Fault::new(MISSING, detail));
            }
        }
        let [_, id, source, _] = &self.required;
        Ok(identity(
            source.as_deref().unwrap_or_default(),
            id.as_deref().unwrap_or_default(),
        ))
    }
}

/// By what an event is known.
pub(super) fn identity(source: &str, id: &str) -> Id {
    Id::of(&["cloudevent", source, id])
}

fn check_base64(value: &Value<'_>) -> Result<(), Fault> {
    let text = value.as_str();
    let is_valid = text.is_some_and(|text| BASE64_STANDARD.decode(text.as_bytes()).is_ok());
    if is_valid {
        return Ok(());
    }
    let detail = "`data_base64` is not what it is called, expected a string of Base64";
    Err(Fault::new(BAD_DATA, detail))
}
