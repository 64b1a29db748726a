//! One call: what it has to have, and what is added to it.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use millpond_event::outline::{Member, Members, Step, skip_blank};
use millpond_event::{Kind, Value, on_one_line};

use super::{MAX_BUILT, MAX_CALL};
use crate::decoded::{Fault, Id};
use crate::format::Context;

/// The calls of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// What somebody did.
    Track,
    /// Who somebody is.
    Identify,
    /// A page that was seen.
    Page,
    /// The same in an app.
    Screen,
    /// What somebody belongs to.
    Group,
    /// Another name for somebody.
    Alias,
}

const CALLS: [(&str, Call); 6] = [
    ("track", Call::Track),
    ("identify", Call::Identify),
    ("page", Call::Page),
    ("screen", Call::Screen),
    ("group", Call::Group),
    ("alias", Call::Alias),
];

impl Call {
    fn name(self) -> &'static str {
        let of_it = CALLS.iter().find(|(_, call)| *call == self);
        of_it.map_or("", |(name, _)| name)
    }

    fn named(name: &str) -> Option<Call> {
        let named = CALLS.iter().find(|(known, _)| *known == name);
        named.map(|(_, call)| *call)
    }

    /// The member that it has to have besides who it is about.
    fn needs(self) -> Option<&'static str> {
        match self {
            Call::Track => Some("event"),
            Call::Group => Some("groupId"),
            Call::Alias => Some("previousId"),
            Call::Identify | Call::Page | Call::Screen => None,
        }
    }
}

/// A call lacks what it has to have.
const BAD_CALL: &str = "bad_call";

/// What a batch says for all of its calls, each as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shared<'a> {
    pub(super) context: Option<&'a [u8]>,
    pub(super) integrations: Option<&'a [u8]>,
    pub(super) sent_at: Option<&'a [u8]>,
}

impl Shared<'_> {
    /// How many bytes it may add to a call.
    pub(super) fn len(&self) -> usize {
        let all = [self.context, self.integrations, self.sent_at];
        all.into_iter().flatten().map(<[u8]>::len).sum()
    }
}

/// Where calls become lines.
pub(super) struct Desk {
    received_at: String,
    max_event: usize,
}

impl Desk {
    pub(super) fn new(context: &Context) -> Self {
        let received = UNIX_EPOCH + Duration::from_micros(context.now_micros);
        Desk {
            received_at: format!("\"{}\"", humantime::format_rfc3339_millis(received)),
            max_event: context.max_event,
        }
    }

    /// Appends the line of the call that is all of `text`; by what it is known. `asked`: what its path says that it is.
    pub(super) fn call(
        &self,
        text: &[u8],
        asked: Option<Call>,
        shared: &Shared<'_>,
        lines: &mut Vec<u8>,
    ) -> Result<Option<Id>, Fault> {
        let value = Value::parse(text)?;
        if value.kind() != Kind::Object {
            let detail = format!("not_an_object: expected a call, found {}", value.kind());
            return Err(Fault::new("not_an_object", detail));
        }
        if value.raw().len() > MAX_CALL {
            let detail = format!(
                "call of {} bytes, expected at most {MAX_CALL}",
                value.raw().len()
            );
            return Err(Fault::new("event_too_large", detail));
        }
        let parts = Parts::of(value.raw());
        let call = parts.judge(asked)?;
        let start = lines.len();
        if start + value.raw().len() + shared.len() > MAX_BUILT {
            let detail = format!(
                "with what was said for all of them, the calls of the batch come to more than {MAX_BUILT} bytes"
            );
            return Err(Fault::new("batch_too_large", detail));
        }
        self.write(&parts, call, shared, lines);
        let length = lines.len() - start;
        if length > self.max_event {
            lines.truncate(start);
            return Err(Fault::too_long(length, self.max_event));
        }
        lines.push(b'\n');
        let id = parts.text("messageId").filter(|id| !id.is_empty());
        Ok(id.map(|id| Id::of(&["segment", &id])))
    }

    fn write(&self, parts: &Parts<'_>, call: Call, shared: &Shared<'_>, lines: &mut Vec<u8>) {
        let start = lines.len();
        let mut object = Object::new(lines);
        for (name, member) in &parts.members {
            let value = &parts.text[member.value.clone()];
            let raw_name = &parts.text[member.name.clone()];
            let over = match &**name {
                // A secret, and of no use to whoever reads the event.
                "writeKey" => continue,
                // Whoever receives it says when.
                "receivedAt" => continue,
                "context" => shared.context,
                "integrations" => shared.integrations,
                _ => None,
            };
            match over {
                Some(over) if value.first() == Some(&b'{') => {
                    object.name(raw_name);
                    merge(value, over, object.out);
                }
                _ => object.put(raw_name, value),
            }
        }
        let mut add = |name: &str, value: &[u8]| {
            if !parts.has(name) {
                object.put(format!("\"{name}\"").as_bytes(), value);
            }
        };
        add("type", format!("\"{}\"", call.name()).as_bytes());
        for (name, value) in [
            ("context", shared.context),
            ("integrations", shared.integrations),
            ("sentAt", shared.sent_at),
        ] {
            if let Some(value) = value {
                add(name, value);
            }
        }
        object.put(b"\"receivedAt\"", self.received_at.as_bytes());
        object.end();
        on_one_line(&mut lines[start..]);
    }
}

/// The members of a call.
struct Parts<'a> {
    text: &'a [u8],
    members: Vec<(Cow<'a, str>, Member)>,
}

impl<'a> Parts<'a> {
    /// `text` is a valid object.
    fn of(text: &'a [u8]) -> Self {
        Parts {
            text,
            members: members(text),
        }
    }

    /// The last member of that name: the one that counts.
    fn value(&self, name: &str) -> Option<Value<'a>> {
        let named = self.members.iter().rfind(|(known, _)| known == name)?;
        Value::parse(&self.text[named.1.value.clone()]).ok()
    }

    fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(known, _)| known == name)
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.value(name)?.as_str()
    }

    /// Whether it has something that can name somebody or something.
    fn names(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| match value.kind() {
            Kind::String => !value.is_str(""),
            Kind::Number => true,
            _ => false,
        })
    }

    fn judge(&self, asked: Option<Call>) -> Result<Call, Fault> {
        let call = match (self.value("type"), asked) {
            (None, Some(asked)) => asked,
            (None, None) => return Err(bad("no `type`, expected the name of a call".into())),
            (Some(value), asked) => {
                let name = value.as_str().unwrap_or_default();
                match (Call::named(&name), asked) {
                    (Some(call), None) => call,
                    (Some(call), Some(asked)) if call == asked => call,
                    (_, asked) => {
                        let found = String::from_utf8_lossy(value.raw());
                        let found: String = found.chars().take(80).collect();
                        let expected = asked
                            .map_or("track, identify, page, screen, group or alias", Call::name);
                        return Err(bad(format!("type {found}, expected {expected}")));
                    }
                }
            }
        };
        if !self.names("userId") && !self.names("anonymousId") {
            return Err(bad(
                "neither `userId` nor `anonymousId`, expected one".into()
            ));
        }
        match call.needs() {
            Some(name) if !self.names(name) => Err(bad(format!(
                "no `{name}`, expected one in a call `{}`",
                call.name()
            ))),
            _ => Ok(call),
        }
    }
}

fn bad(detail: String) -> Fault {
    Fault::new(BAD_CALL, detail)
}

/// The members of a valid object, with their names as they are meant.
fn members(text: &[u8]) -> Vec<(Cow<'_, str>, Member)> {
    let mut walk = Members::new(skip_blank(text, 0));
    let mut members = Vec::new();
    while let Step::Found(member) = walk.step(text) {
        let name = Value::parse(&text[member.name.clone()]).ok();
        let name = name.and_then(|name| name.as_str()).unwrap_or_default();
        members.push((name, member));
    }
    members
}

/// Appends an object with the members of `own`, and those of `shared` that it has not.
fn merge(own: &[u8], shared: &[u8], out: &mut Vec<u8>) {
    let known = members(own);
    let mut object = Object::new(out);
    for (_, member) in &known {
        object.put(&own[member.name.clone()], &own[member.value.clone()]);
    }
    for (name, member) in members(shared) {
        if !known.iter().any(|(known, _)| *known == name) {
            object.put(&shared[member.name], &shared[member.value]);
        }
    }
    object.end();
}

/// An object while it is written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    next: u8,
}

impl<'a> Object<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Object { out, next: b'{' }
    }

    fn name(&mut self, name: &[u8]) {
        self.out.push(self.next);
        self.next = b',';
        self.out.extend_from_slice(name);
        self.out.push(b':');
    }

    fn put(&mut self, name: &[u8], value: &[u8]) {
        self.name(name);
        self.out.extend_from_slice(value);
    }

    fn end(self) {
        if self.next == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}
