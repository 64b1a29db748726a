//! The binary mode: the attributes are headers, and the body is the data.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use millpond_event::{Value, on_one_line};

use super::attributes::{REQUIRED, check_name, check_text};
use super::structured::identity;
use super::{BAD, BAD_DATA, MISSING, header};
use crate::decoded::{Decoded, Fault};
use crate::events::Look;
use crate::format::Context;
use crate::media::Media;

const PREFIX: &str = "ce-";

/// One event.
pub(crate) fn binary(headers: &HeaderMap, body: &[u8], context: &Context) -> Decoded {
    let judged = attributes(headers).and_then(|attributes| {
        let line = attributes.line(body)?;
        Look::new(context).closely_at(&line)?;
        Ok((attributes, line))
    });
    match judged {
        Ok((attributes, mut line)) => {
            line.push(b'\n');
            let mut decoded = Decoded::built(line);
            let [_, id, source, _] = &attributes.required;
            decoded.line_known_by(Some(identity(source, id)));
            decoded
        }
        Err(fault) => {
            let mut decoded = Decoded::built(Vec::new());
            decoded.refuse(fault, &as_sent(headers, body));
            decoded
        }
    }
}

/// About how long the line is that becomes of such a body.
pub(crate) fn line_bytes(headers: &HeaderMap, body: usize) -> usize {
    let attributes = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with(PREFIX));
    let attributes: usize = attributes
        .map(|(name, value)| name.as_str().len() + value.len() + 8)
        .sum();
    attributes + body.div_ceil(3) * 4 + 256
}

/// The attributes of an event.
struct Attributes {
    required: [String; REQUIRED.len()],
    content_type: Option<String>,
    /// All others, by name.
    others: Vec<(String, String)>,
}

fn attributes(headers: &HeaderMap) -> Result<Attributes, Fault> {
    let mut required = [const { None }; REQUIRED.len()];
    let mut others = Vec::new();
    for name in headers.keys() {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        let value = value(name, headers)?;
        match REQUIRED.iter().position(|required| *required == name) {
            Some(place) => required[place] = Some(value),
            None => others.push((name.to_owned(), value)),
        }
    }
    let mut missing = REQUIRED.iter().zip(&required);
    if let Some((name, _)) = missing.find(|(_, value)| value.is_none()) {
        let detail = format!(
            "no header `{PREFIX}{name}`, expected one (or, if the body is the whole event, content-type application/cloudevents+json)"
        );
        return Err(Fault::new(MISSING, detail));
    }
    others.sort();
    let content_type = headers.get(CONTENT_TYPE);
    let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(value) = &content_type {
        check_text("datacontenttype", value)?;
    }
    Ok(Attributes {
        required: required.map(Option::unwrap_or_default),
        content_type: content_type.map(Cow::into_owned),
        others,
    })
}

/// The value of the attribute `name`.
fn value(name: &str, headers: &HeaderMap) -> Result<String, Fault> {
    check_name(name)?;
    if name == "datacontenttype" {
        let detail = "header `ce-datacontenttype`, expected content-type to say it";
        return Err(Fault::new(BAD, detail));
    }
    let mut values = headers.get_all(format!("{PREFIX}{name}")).iter();
    let (value, second) = (values.next(), values.next());
    let value = match (value, second) {
        (Some(value), None) => value,
        _ => {
            let detail = format!("header `{PREFIX}{name}` is there twice");
            return Err(Fault::new(BAD, detail));
        }
    };
    let value = header::decode(value.as_bytes()).map_err(|expected| {
        let found = String::from_utf8_lossy(value.as_bytes());
        let found = super::attributes::short(&found);
        let detail = format!("header `{PREFIX}{name}` is `{found}`, expected {expected}");
        Fault::new(BAD, detail)
    })?;
    check_text(name, &value)?;
    Ok(value)
}

impl Attributes {
    /// The event in the JSON format, on one line.
    fn line(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut line = Vec::with_capacity(256 + body.len() / 3 * 4);
        let required = REQUIRED.iter().copied().zip(&self.required);
        let content_type = self.content_type.as_ref();
        let content_type = content_type.map(|value| ("datacontenttype", value));
        let others = self.others.iter();
        let others = others.map(|(name, value)| (name.as_str(), value));
        for (name, value) in required.chain(content_type).chain(others) {
            let open = if line.is_empty() { '{' } else { ',' };
            line.extend_from_slice(format!("{open}\"{name}\":").as_bytes());
            put_string(value, &mut line);
        }
        if !body.is_empty() {
            self.put_data(body, &mut line)?;
        }
        line.push(b'}');
        Ok(line)
    }

    fn put_data(&self, body: &[u8], line: &mut Vec<u8>) -> Result<(), Fault> {
        let media = self.content_type.as_deref().and_then(Media::parse);
        if let Some(media) = media
            && media.is_utf8()
        {
            if media.is_made_of("json") {
                let data = Value::parse(body).map_err(|error| {
                    let detail = format!("the data is said to be JSON, but is not: {error}");
                    Fault::new(BAD_DATA, detail)
                })?;
                line.extend_from_slice(b",\"data\":");
                let start = line.len();
                line.extend_from_slice(data.raw());
                on_one_line(&mut line[start..]);
                return Ok(());
            }
            let is_text = media.is_kind("text") || media.is_made_of("xml");
            if let (true, Ok(text)) = (is_text, std::str::from_utf8(body)) {
                line.extend_from_slice(b",\"data\":");
                put_string(text, line);
                return Ok(());
            }
        }
        line.extend_from_slice(b",\"data_base64\":\"");
        line.extend_from_slice(BASE64_STANDARD.encode(body).as_bytes());
        line.push(b'"');
        Ok(())
    }
}

fn put_string(text: &str, line: &mut Vec<u8>) {
    line.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

/// What made the event, as it was sent: the headers that say something of it, an empty line, the body.
fn as_sent(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    for (name, value) in headers {
        if name.as_str().starts_with(PREFIX) || name == CONTENT_TYPE {
            sent.extend_from_slice(name.as_str().as_bytes());
            sent.extend_from_slice(b": ");
            sent.extend_from_slice(value.as_bytes());
            sent.push(b'\n');
        }
    }
    sent.push(b'\n');
    sent.extend_from_slice(body);
    sent
}
