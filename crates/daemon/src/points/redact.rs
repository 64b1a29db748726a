//! Takes out of events what nobody may see who looks at them.

use millpond_event::Path;
use serde_json::Value;

/// What stands in place of a value.
const REDACTED: &str = "[redacted]";

/// The fields that are not to be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redact {
    paths: Vec<Vec<String>>,
}

/// An event without what is redacted in it.
#[derive(Debug)]
pub(crate) struct Redacted {
    pub(crate) event: Value,
    /// The values that were taken out, as text.
    hidden: Vec<String>,
}

impl Redact {
    pub(crate) fn new(paths: &[Path]) -> Self {
        let names = |path: &Path| path.names().map(str::to_owned).collect();
        Redact {
            paths: paths.iter().map(names).collect(),
        }
    }

    /// Whether everything may be shown.
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether a condition on this field would tell something of one that is redacted.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        let names: Vec<&str> = path.names().collect();
        let overlap = |redacted: &Vec<String>| {
            let both = redacted.iter().zip(&names);
            both.into_iter().all(|(one, other)| one == other)
        };
        // A name with dots in it may stand for a path; see `hide`.
        let dotted = path.names().any(|name| name.contains('.'));
        !self.is_empty() && (dotted || self.paths.iter().any(overlap))
    }

    /// The event without what is redacted. None if it is no JSON, so that nobody can say where the fields are.
    pub(crate) fn apply(&self, event: &[u8]) -> Option<Redacted> {
        // Read as a value, names that are spelled with escapes or there twice are what they mean, once.
        let mut event: Value = serde_json::from_slice(event).ok()?;
        let mut hidden = Vec::new();
        for path in &self.paths {
            hide(&mut event, path, &mut hidden);
        }
        Some(Redacted { event, hidden })
    }
}

impl Redacted {
    /// A text that was written about the event, without the values that are redacted in it.
    pub(crate) fn about(&self, text: &str) -> String {
        let text = text.to_owned();
        let values = self.hidden.iter();
        values.fold(text, |text, value| text.replace(value.as_str(), REDACTED))
    }
}

/// Hides what lies at a path: in all elements of lists, and where several names are written as one with dots, too.
fn hide(value: &mut Value, path: &[String], hidden: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, path, hidden)),
        Value::Object(members) => {
            for taken in 1..=path.len() {
                let Some(member) = members.get_mut(&path[..taken].join(".")) else {
                    continue;
                };
                match &path[taken..] {
                    [] => {
                        texts(member, hidden);
                        *member = REDACTED.into();
                    }
                    rest => hide(member, rest, hidden),
                }
            }
        }
        _ => {}
    }
}

/// All that a value says.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(members) => members.values().for_each(|member| texts(member, into)),
        Value::String(text) if !text.is_empty() => into.push(text.clone()),
        Value::Number(number) => into.push(number.to_string()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(paths: &[&str]) -> Redact {
        let paths: Vec<Path> = paths.iter().map(|path| path.parse().unwrap()).collect();
        Redact::new(&paths)
    }

    fn shown(paths: &[&str], event: &str) -> String {
        let redacted = redact(paths).apply(event.as_bytes()).unwrap();
        redacted.event.to_string()
    }

    #[test]
    fn a_field_is_hidden_however_it_is_written() {
        let paths = ["email", "user.name"];
        for (event, expected) in [
            (
                r#"{"email":"e@x","b":1.10}"#,
                r#"{"b":1.1,"email":"[redacted]"}"#,
            ),
            (
                r#"{"user":{"name":"N","id":7}}"#,
                r#"{"user":{"id":7,"name":"[redacted]"}}"#,
            ),
            (
                r#"{"user":[{"name":"N"},{"name":{"first":"F"}}]}"#,
                r#"{"user":[{"name":"[redacted]"},{"name":"[redacted]"}]}"#,
            ),
            (r#"{"user.name":"N"}"#, r#"{"user.name":"[redacted]"}"#),
            (r#"{"em\u0061il":"e@x"}"#, r#"{"email":"[redacted]"}"#),
            (r#"[{"email":null}]"#, r#"[{"email":"[redacted]"}]"#),
            (
                r#"{"nested":{"email":"is another field"}}"#,
                r#"{"nested":{"email":"is another field"}}"#,
            ),
        ] {
            assert_eq!(shown(&paths, event), expected);
        }
        let twice = shown(
            &paths,
            r#"{"email":"first","email":"second","user":{"name":"N"},"user":{}}"#,
        );
        for secret in ["first", "second", "\"N\""] {
            assert!(!twice.contains(secret), "{twice}");
        }
    }

    #[test]
    fn what_is_no_json_cannot_be_redacted() {
        assert!(redact(&["email"]).apply(b"{\"email\":\"e@x\"").is_none());
        assert!(redact(&["email"]).apply(b"\xff").is_none());
    }

    #[test]
    fn a_text_about_an_event_does_not_tell_what_is_hidden_in_it() {
        let redacted = redact(&["user"])
            .apply(br#"{"user":{"name":"Ada","age":36},"a":1}"#)
            .unwrap();
        assert_eq!(
            redacted.about("row refused: Ada is 36 years old"),
            "row refused: [redacted] is [redacted] years old"
        );
    }

    #[test]
    fn no_condition_can_ask_for_what_is_hidden() {
        let redact = redact(&["user.name"]);
        let covers = |path: &str| redact.covers(&path.parse().unwrap());
        assert!(covers("user.name"));
        assert!(covers("user"), "what it is in");
        assert!(covers("user.name.first"), "what is in it");
        assert!(covers("user[0].name"), "an element of a list");
        assert!(covers("\"user.name\""), "the same in one name");
        assert!(!covers("user.id"));
        assert!(!covers("name"));
        assert!(!Redact::default().covers(&"a".parse().unwrap()));
    }
}
