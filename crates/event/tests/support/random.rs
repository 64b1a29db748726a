//! Random trees, random spellings of them, random paths.

use proptest::prelude::*;

use super::{Json, Step};

/// Few names, so that paths hit; odd ones, so that they hit hard.
pub(crate) const NAMES: &[&str] = &[
    "a",
    "b",
    "c",
    "user",
    "",
    "a.b",
    "é\"",
    "\\",
    "\n",
    "😀",
    "longer than eight",
];

pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![6 => 0..4usize, 1 => 4..NAMES.len()].prop_map(|i| NAMES[i].to_owned())
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        prop_oneof![4 => name().prop_map(Step::Name), 1 => (0..3usize).prop_map(Step::Index)];
    (name(), prop::collection::vec(step, 0..4))
        .prop_map(|(first, rest)| std::iter::once(Step::Name(first)).chain(rest).collect())
}

pub(crate) fn names() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(name().prop_map(Step::Name), 1..4)
}

fn number() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "0",
        "-0",
        "1.0",
        "1.10",
        "1e999",
        "-1E-999",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "0.1000000000000000055511151231257827",
        "123456789012345678901234567890e+00",
    ];
    prop_oneof![
        (0..ODD.len()).prop_map(|i| ODD[i].to_owned()),
        any::<i64>().prop_map(|int| int.to_string()),
        (0..2000i32).prop_map(|int| int.to_string()),
        "-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        name(),
        "[ -~]{0,20}",
        "\\PC{0,8}",
        prop::collection::vec(any::<char>(), 0..4).prop_map(String::from_iter)
    ]
}

pub(crate) fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number().prop_map(Json::Number),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            3 => prop::collection::vec((name(), inner), 0..5).prop_map(Json::Object),
        ]
    })
}

pub(crate) fn object() -> impl Strategy<Value = Json> {
    prop::collection::vec((name(), json()), 0..7).prop_map(Json::Object)
}

/// An object, and bytes that choose among the ways to spell it.
pub(crate) fn spelled() -> impl Strategy<Value = (Json, String)> {
    (object(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(json, style)| {
        let text = spell(&json, &style, false);
        (json, text)
    })
}

/// The text of a tree: `style` is read in a circle and chooses whitespace and escapes.
pub(crate) fn spell(json: &Json, style: &[u8], breaks: bool) -> String {
    let mut speller = Speller {
        out: String::new(),
        style,
        at: 0,
        breaks,
    };
    speller.value(json);
    speller.out
}

struct Speller<'a> {
    out: String,
    style: &'a [u8],
    at: usize,
    breaks: bool,
}

impl Speller<'_> {
    fn choose(&mut self) -> u8 {
        self.at += 1;
        if self.style.is_empty() {
            0
        } else {
            self.style[self.at % self.style.len()]
        }
    }

    fn blank(&mut self) {
        match self.choose() {
            0..=180 => {}
            181..=220 => self.out.push(' '),
            221..=235 => self.out.push('\t'),
            236..=245 if self.breaks => self.out.push_str("\r\n"),
            _ => self.out.push_str("  "),
        }
    }

    fn value(&mut self, json: &Json) {
        self.blank();
        match json {
            Json::Null => self.out.push_str("null"),
            Json::Bool(bool) => self.out.push_str(&bool.to_string()),
            Json::Number(number) => self.out.push_str(number),
            Json::Text(text) => self.string(text),
            Json::Array(elements) => {
                self.out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    if i > 0 {
                        self.out.push(',');
                    }
                    self.value(element);
                }
                self.blank();
                self.out.push(']');
            }
            Json::Object(members) => {
                self.out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        self.out.push(',');
                    }
                    self.blank();
                    self.string(name);
                    self.blank();
                    self.out.push(':');
                    self.value(value);
                }
                self.blank();
                self.out.push('}');
            }
        }
        self.blank();
    }

    fn string(&mut self, text: &str) {
        if self.choose() < 200 {
            self.out.push_str(&serde_json::to_string(text).unwrap());
            return;
        }
        self.out.push('"');
        for unit in text.encode_utf16() {
            self.out.push_str(&format!("\\u{unit:04x}"));
        }
        self.out.push('"');
    }
}
