//! How a sample is written down for whoever looks.

use std::borrow::Cow;
use std::time::SystemTime;

use millpond_store::{Class, Filter, Found, Id, Letter};
use millpond_tap::Sample;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::Redact;
use super::conditions::Wanted;
use crate::codec::unix_micros;

/// Shows samples of one point.
pub(super) struct Lens {
    /// What all of them have in common: where they were taken.
    pub(super) at: Map<String, Value>,
    pub(super) what: What,
    pub(super) redact: Redact,
}

/// What passes the point.
pub(super) enum What {
    /// Events, or rows.
    Events(Wanted),
    /// Records of dead letters.
    Letters(Filter),
}

impl What {
    /// Dead letters for which these conditions hold.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(super) fn letters(conditions: &[String]) -> Result<Self, String> {
        let numbered = |text: &&String| text.starts_with("id=") || text.starts_with("replayed=");
        if let Some(text) = conditions.iter().find(numbered) {
            return Err(format!(
                "{text:?}: a letter that is just set aside has no number, and was not replayed"
            ));
        }
        let filter = Filter::parse(conditions, SystemTime::now());
        filter.map(What::Letters).map_err(|error| error.to_string())
    }
}

impl Lens {
    /// A sample as a JSON object in one line, if it is wanted; `dropped` events passed unseen before it.
    pub(super) fn show(&self, sample: &Sample, dropped: u64) -> Option<String> {
        let mut said = self.at.clone();
        said.insert("time".to_owned(), json!(unix_micros() as f64 / 1e6));
        said.insert("dropped".to_owned(), json!(dropped));
        let content = match &self.what {
            What::Events(wanted) => {
                if !(wanted.is_any() || !sample.is_cut() && wanted.holds(&sample.bytes)) {
                    return None;
                }
                if let Some((partition, sequence)) = sample.place {
                    said.insert("partition".to_owned(), json!(partition));
                    said.insert("sequence".to_owned(), json!(sequence));
                }
                said.insert("bytes".to_owned(), json!(sample.length));
                content(&sample.bytes, sample.is_cut(), &self.redact).0
            }
            What::Letters(filter) => self.letter(sample, filter, &mut said)?,
        };
        let mut line = Value::Object(said).to_string();
        line.pop();
        let (name, text) = content;
        line.push_str(&format!(",\"{name}\":{text}}}"));
        Some(line)
    }

    fn letter(
        &self,
        sample: &Sample,
        filter: &Filter,
        said: &mut Map<String, Value>,
    ) -> Option<Content> {
        let Ok(letter) = Letter::read_record(&sample.bytes) else {
            said.insert("bytes".to_owned(), json!(sample.length));
            let why = "the letter is longer than what is copied of one";
            return Some(("hidden", json!(why).to_string().into()));
        };
        let found = Found {
            id: Id {
                class: letter.class,
                sequence: 0,
            },
            letter,
            replayed: false,
        };
        if !filter.matches(&found) {
            return None;
        }
        let length = letter.truncated.map(|whole| whole.length);
        let length = length.unwrap_or(letter.event.len() as u64);
        let cut = letter.truncated.is_some();
        let (content, about) = content(letter.event, cut, &self.redact);
        let accepted = letter.class == Class::Accepted;
        let fields = json!({
            "class": if accepted { "accepted" } else { "rejects" },
            "pipeline": letter.pipeline,
            "source": letter.source,
            "partition": letter.partition,
            "sequence": letter.sequence,
            "stage": letter.stage,
            "reason": letter.reason,
            "detail": about(letter.detail),
            "attempts": letter.attempts,
            "bytes": length,
        });
        said.extend(fields.as_object().cloned().unwrap_or_default());
        Some(content)
    }
}

/// The name of the member that holds an event, and the member, which is JSON.
pub(super) type Content = (&'static str, Cow<'static, str>);

/// What an event says, and what rewrites a text about it, both without what is redacted.
pub(super) fn content(
    bytes: &[u8],
    cut: bool,
    redact: &Redact,
) -> (Content, impl Fn(&str) -> String + use<>) {
    let quoted = |text: &str| json!(text).to_string().into();
    let redacted = match redact.is_empty() || cut {
        true => None,
        false => redact.apply(bytes),
    };
    let shown: Content = match (&redacted, redact.is_empty()) {
        (Some(redacted), _) => ("event", redacted.event.to_string().into()),
        (None, false) if cut => (
            "hidden",
            quoted("only its beginning is here, and fields are redacted"),
        ),
        (None, false) => ("hidden", quoted("it is no JSON, and fields are redacted")),
        (None, true) => match std::str::from_utf8(bytes) {
            Ok(text) if !cut && serde_json::from_str::<IgnoredAny>(text).is_ok() => {
                // Line breaks can only stand between its parts.
                ("event", text.replace(['\n', '\r'], " ").into())
            }
            Ok(text) => ("text", quoted(text)),
            Err(_) => ("escaped", quoted(&bytes.escape_ascii().to_string())),
        },
    };
    let free = redact.is_empty();
    let about = move |text: &str| match &redacted {
        _ if free => text.to_owned(),
        Some(redacted) => redacted.about(text),
        None => "[redacted]".to_owned(),
    };
    (shown, about)
}

/// An event as bytes that may be shown, whether they are only a part of it, and a text about it.
pub(crate) fn glimpse(
    event: Vec<u8>,
    whole: u64,
    detail: String,
    redact: &Redact,
) -> (Vec<u8>, bool, String) {
    let cut = whole > event.len() as u64;
    if redact.is_empty() {
        return (event, cut, detail);
    }
    let ((name, text), about) = content(&event, cut, redact);
    let shown = match name {
        "event" => text.into_owned(),
        _ => format!("[redacted: {text}]"),
    };
    (shown.into_bytes(), cut, about(&detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(redact: &[&str], conditions: &[&str]) -> Lens {
        let paths: Vec<_> = redact.iter().map(|path| path.parse().unwrap()).collect();
        let redact = Redact::new(&paths);
        let conditions: Vec<String> = conditions.iter().map(|&text| text.to_owned()).collect();
        Lens {
            at: [("source".to_owned(), json!("web"))].into_iter().collect(),
            what: What::Events(Wanted::parse(&conditions, &redact).unwrap()),
            redact,
        }
    }

    fn seen(lens: &Lens, bytes: &[u8]) -> Value {
        let line = lens.show(&Sample::of(bytes), 3).unwrap();
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn events_are_shown_as_they_are_and_other_bytes_lose_nothing() {
        let lens = lens(&[], &[]);
        let line = lens
            .show(&Sample::of(br#"{"b":1.10,"a":12345678901234567890123}"#), 3)
            .unwrap();
        assert!(
            line.ends_with(r#""event":{"b":1.10,"a":12345678901234567890123}}"#),
            "{line}"
        );
        let text = seen(&lens, b"no event");
        assert_eq!(
            (&text["text"], &text["bytes"], &text["dropped"]),
            (&json!("no event"), &json!(8), &json!(3))
        );
        assert_eq!(seen(&lens, b"\xff\\\x00")["escaped"], r"\xff\\\x00");
        assert_eq!(text["source"], "web");
    }

    #[test]
    fn where_fields_are_redacted_only_what_can_be_redacted_is_shown() {
        let lens = lens(&["email"], &[]);
        assert_eq!(
            seen(&lens, br#"{"email":"e@x"}"#)["event"]["email"],
            "[redacted]"
        );
        for bytes in [&b"{\"email\":\"e@x\""[..], b"\xffe@x"] {
            let shown = seen(&lens, bytes);
            assert!(!shown.to_string().contains("e@x"), "{shown}");
            assert_eq!(shown["hidden"], "it is no JSON, and fields are redacted");
            assert_eq!(shown["bytes"], bytes.len());
        }
        let long = format!("{{\"email\":\"e@x\",\"a\":\"{}\"}}", "x".repeat(300 << 10));
        let shown = seen(&lens, long.as_bytes());
        assert!(!shown.to_string().contains("e@x"), "{shown}");
        assert_eq!(shown["bytes"], long.len());
    }

    #[test]
    fn conditions_choose_and_what_cannot_be_judged_is_not_chosen() {
        let lens = lens(&[], &["type=click"]);
        assert!(lens.show(&Sample::of(br#"{"type":"click"}"#), 0).is_some());
        assert!(lens.show(&Sample::of(br#"{"type":"view"}"#), 0).is_none());
        assert!(lens.show(&Sample::of(b"click"), 0).is_none());
    }

    #[test]
    fn a_dead_letter_tells_where_and_why_and_hides_what_is_redacted_in_its_detail_too() {
        let record = |event: &[u8], detail: &str| {
            let mut record = Vec::new();
            let letter = Letter {
                class: Class::Accepted,
                pipeline: "clicks",
                stage: "out",
                reason: "refused",
                detail,
                event,
                ..Letter::default()
            };
            letter.write_record(&mut record);
            Sample::of(&record)
        };
        let lens = |conditions: &[&str]| Lens {
            what: What::letters(
                &conditions
                    .iter()
                    .map(|&text| text.to_owned())
                    .collect::<Vec<_>>(),
            )
            .unwrap(),
            ..self::lens(&["email"], &[])
        };
        let letter = record(br#"{"email":"e@x","a":1}"#, "e@x is no address");
        let shown: Value =
            serde_json::from_str(&lens(&["reason=refused"]).show(&letter, 0).unwrap()).unwrap();
        assert_eq!(
            (&shown["stage"], &shown["class"]),
            (&json!("out"), &json!("accepted"))
        );
        assert_eq!(shown["detail"], "[redacted] is no address");
        assert_eq!(shown["event"]["email"], "[redacted]");
        assert!(lens(&["reason=other"]).show(&letter, 0).is_none());
        let broken = record(b"{\"email\":\"e@x", "e@x is cut");
        let shown = lens(&[]).show(&broken, 0).unwrap();
        assert!(!shown.contains("e@x"), "{shown}");
        assert!(What::letters(&["id=accepted-1".to_owned()]).is_err());
    }

    #[test]
    fn a_glimpse_of_a_letter_shows_no_more() {
        let redact = Redact::new(&["email".parse().unwrap()]);
        let whole = br#"{"email":"e@x"}"#.to_vec();
        let (event, cut, detail) = glimpse(whole.clone(), 15, "bad e@x".to_owned(), &redact);
        assert_eq!(
            (&event[..], cut),
            (&br#"{"email":"[redacted]"}"#[..], false)
        );
        assert_eq!(detail, "bad [redacted]");
        let (event, cut, detail) = glimpse(whole.clone(), 500, "bad e@x".to_owned(), &redact);
        assert!(cut);
        assert!(!String::from_utf8(event).unwrap().contains("e@x"));
        assert_eq!(detail, "[redacted]");
        let free = glimpse(whole.clone(), 500, "bad".to_owned(), &Redact::default());
        assert_eq!(free, (whole, true, "bad".to_owned()));
    }
}
