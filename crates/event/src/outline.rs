//! The outline of a text that nobody has judged yet: where the values of an array or an object begin and end, found
//! by a structural scan. Nothing here judges JSON; on text that is not valid the answers are meaningless, but there
//! always is one, and each step goes on from the last.

use std::ops::Range;

use crate::scan;

/// One past the end of the value that begins at `at`; `None` if the text ends before it does, or no value begins
/// there.
pub fn value_end(text: &[u8], at: usize) -> Option<usize> {
    let end = scan::value_end(text, at)?;
    (end > at && end <= text.len()).then_some(end)
}

/// The first byte from `at` on that is no JSON whitespace, or the end of the text.
pub fn skip_blank(text: &[u8], at: usize) -> usize {
    scan::blank(text, at)
}

/// What a step through a container finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// The next element or member.
    Found(T),
    /// The container's closing bracket: one past it.
    End(usize),
    /// Something else than could stand there, here; nothing follows that could be told apart.
    Broken(usize),
}

/// A walk over the elements of an array. It holds no borrow of the text, so that what it has passed may be
/// overwritten.
#[derive(Clone, Debug)]
pub struct Elements {
    walk: Walk,
}

impl Elements {
    /// `open` is where the array's `[` stands.
    pub fn new(open: usize) -> Self {
        Elements {
            walk: Walk::new(open),
        }
    }

    /// The next element of the array in `text`.
    pub fn step(&mut self, text: &[u8]) -> Step<Range<usize>> {
        let start = match self.walk.next(text, b']') {
            Step::Found(start) => start,
            Step::End(end) => return Step::End(end),
            Step::Broken(at) => return Step::Broken(at),
        };
        match value_end(text, start) {
            Some(end) => Step::Found(self.walk.passed(start, end)),
            None => Step::Broken(start),
        }
    }
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, quotes included.
    pub name: Range<usize>,
    /// Its value.
    pub value: Range<usize>,
}

/// A walk over the members of an object.
#[derive(Clone, Debug)]
pub struct Members {
    walk: Walk,
}

impl Members {
    /// `open` is where the object's `{` stands.
    pub fn new(open: usize) -> Self {
        Members {
            walk: Walk::new(open),
        }
    }

    /// The next member of the object in `text`.
    pub fn step(&mut self, text: &[u8]) -> Step<Member> {
        let start = match self.walk.next(text, b'}') {
            Step::Found(start) => start,
            Step::End(end) => return Step::End(end),
            Step::Broken(at) => return Step::Broken(at),
        };
        if text.get(start) != Some(&b'"') {
            return Step::Broken(start);
        }
        let Some(name_end) = value_end(text, start) else {
            return Step::Broken(start);
        };
        let colon = skip_blank(text, name_end);
        if text.get(colon) != Some(&b':') {
            return Step::Broken(colon);
        }
        let value = skip_blank(text, colon + 1);
        match value_end(text, value) {
            Some(end) => Step::Found(Member {
                name: start..name_end,
                value: self.walk.passed(value, end),
            }),
            None => Step::Broken(value),
        }
    }
}

/// Between two items of a container.
#[derive(Clone, Debug)]
struct Walk {
    at: usize,
    is_first: bool,
}

impl Walk {
    fn new(open: usize) -> Self {
        Walk {
            at: open + 1,
            is_first: true,
        }
    }

    /// Where the next item begins.
    fn next(&self, text: &[u8], close: u8) -> Step<usize> {
        let at = skip_blank(text, self.at);
        match text.get(at) {
            Some(byte) if *byte == close => return Step::End(at + 1),
            Some(b',') if !self.is_first => {}
            Some(_) if self.is_first => return Step::Found(at),
            _ => return Step::Broken(at),
        }
        let start = skip_blank(text, at + 1);
        match text.get(start) {
            None | Some(b',' | b':' | b']' | b'}') => Step::Broken(start),
            Some(_) => Step::Found(start),
        }
    }

    fn passed(&mut self, start: usize, end: usize) -> Range<usize> {
        self.at = end;
        self.is_first = false;
        start..end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn elements(text: &str) -> (Vec<&str>, Step<()>) {
        let mut walk = Elements::new(0);
        let mut found = Vec::new();
        loop {
            match walk.step(text.as_bytes()) {
                Step::Found(range) => found.push(&text[range]),
                Step::End(end) => return (found, Step::End(end)),
                Step::Broken(at) => return (found, Step::Broken(at)),
            }
        }
    }

    #[test]
    fn an_array_is_cut_between_its_elements_and_nowhere_else() {
        type Case = (&'static str, &'static [&'static str], Step<()>);
        let cases: &[Case] = &[
            ("[]", &[], Step::End(2)),
            ("[ ] x", &[], Step::End(3)),
            (
                "[1,\"],\",{\"a\":[2]}]",
                &["1", "\"],\"", "{\"a\":[2]}"],
                Step::End(18),
            ),
            ("[ {} , [] ]", &["{}", "[]"], Step::End(11)),
            ("[1 2]", &["1"], Step::Broken(3)),
            ("[1,]", &["1"], Step::Broken(3)),
            ("[,1]", &[], Step::Broken(1)),
            ("[1,,2]", &["1"], Step::Broken(3)),
            ("[{},{\"a\":", &["{}"], Step::Broken(4)),
            ("[{}", &["{}"], Step::Broken(3)),
            ("[{}}]", &["{}"], Step::Broken(3)),
        ];
        for (text, want, end) in cases {
            assert_eq!(elements(text), (want.to_vec(), end.clone()), "{text}");
        }
    }

    #[test]
    fn an_object_is_cut_into_its_members() {
        let text = br#"{ "a" : 1,"\"}":{"b":[]} }"#;
        let mut walk = Members::new(0);
        let mut found = Vec::new();
        let end = loop {
            match walk.step(text) {
                Step::Found(member) => found.push((&text[member.name], &text[member.value])),
                Step::End(end) => break end,
                Step::Broken(at) => panic!("broken at {at}"),
            }
        };
        assert_eq!(end, text.len());
        let want: [(&[u8], &[u8]); 2] = [(b"\"a\"", b"1"), (br#""\"}""#, br#"{"b":[]}"#)];
        assert_eq!(found, want);
        for (text, at) in [
            ("{1:2}", 1),
            ("{\"a\"}", 4),
            ("{\"a\":}", 5),
            ("{\"a\":1 \"b\":2}", 7),
        ] {
            let mut walk = Members::new(0);
            let broken = loop {
                match walk.step(text.as_bytes()) {
                    Step::Found(_) => {}
                    Step::End(_) => panic!("{text}"),
                    Step::Broken(at) => break at,
                }
            };
            assert_eq!(broken, at, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_walk_over_any_bytes_ends_and_goes_forward(bytes in proptest::collection::vec(
            prop_oneof![Just(b'['), Just(b']'), Just(b'{'), Just(b'}'), Just(b','), Just(b'"'),
                        Just(b'\\'), Just(b':'), Just(b' '), Just(b'1'), any::<u8>()], 0..80)) {
            let mut walk = Elements::new(0);
            let mut last = 0;
            while let Step::Found(range) = walk.step(&bytes) {
                prop_assert!(range.start > last && range.end > range.start && range.end <= bytes.len());
                last = range.end - 1;
            }
            let mut walk = Members::new(0);
            let mut last = 0;
            while let Step::Found(member) = walk.step(&bytes) {
                prop_assert!(member.name.start > last && member.value.end <= bytes.len());
                last = member.value.end - 1;
            }
        }

        #[test]
        fn the_elements_of_an_array_are_those_of_its_tree(values in proptest::collection::vec(
            prop_oneof![
                any::<i32>().prop_map(|n| serde_json::json!(n)),
                "[\\[\\]{},:\"\\\\ a]{0,12}".prop_map(|s| serde_json::json!(s)),
                "[\\[\\]{},:\"\\\\ a]{0,12}".prop_map(|s| serde_json::json!({ s.clone(): [s, null, {}] })),
            ], 0..8)) {
            let text = serde_json::to_string(&values).unwrap();
            let (found, end) = elements(&text);
            let want: Vec<String> = values.iter().map(ToString::to_string).collect();
            prop_assert_eq!(found, want);
            prop_assert_eq!(end, Step::End(text.len()));
        }
    }
}
