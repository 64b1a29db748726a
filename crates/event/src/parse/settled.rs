//! The pass over an event of which all names are expected, as those of the last two were: only the values are looked at.

use super::grammar::{container, scalar, string};
use super::{Index, Node};
use crate::spelled::Spelled;

/// Fills `index` from a text that begins at `start` with an event of the expected shape, and says where the event ends.
/// `None` says nothing of the text, which another pass has to judge.
#[inline]
pub(super) fn event(text: &[u8], start: usize, index: &mut Index) -> Option<usize> {
    if !index.shape.is_settled() {
        return None;
    }
    if !index.is_shaped {
        let (top, sub) = index.shape.members();
        top.clone_into(&mut index.top);
        sub.clone_into(&mut index.sub);
        index.is_shaped = true;
    }
    index.is_mapped = index.shape.is_unique();
    let mut names = index.shape.names();
    let mut at = start;
    for node in &mut index.top {
        at = begin(text, at, names.next()?, node)?;
        let children = node.child_start as usize..node.child_end as usize;
        if children.is_empty() {
            at = match text.get(at)? {
                b'{' if text.get(at + 1) == Some(&b'}') => at + 2,
                b'{' => return None,
                _ => value(text, at, 1)?,
            };
        } else {
            for node in index.sub.get_mut(children)? {
                at = begin(text, at, names.next()?, node)?;
                at = value(text, at, 2)?;
                node.value_end = at as u32;
            }
            at = brace(text, at)?;
        }
        node.value_end = at as u32;
    }
    brace(text, at)
}

/// From before a name to its value.
#[inline(always)]
fn begin(text: &[u8], at: usize, name: &Spelled, node: &mut Node) -> Option<usize> {
    let value = at + name.len_at(text, at)?;
    // All else is the shape's.
    (node.value_start, node.flags) = (value as u32, 0);
    Some(value)
}

/// One past the value at `at`, which lies in `depth` containers.
#[inline(always)]
fn value(text: &[u8], at: usize, depth: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => Some(string(text, at + 1).ok()?.0 + 1),
        b'{' | b'[' => container(text, at, depth).ok(),
        _ => scalar::<false>(text, at).ok(),
    }
}

#[inline(always)]
fn brace(text: &[u8], at: usize) -> Option<usize> {
    (text.get(at) == Some(&b'}')).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const TEXT: &str = r#"{"a":1,"b":{"c":"x","d":{"e":2}},"f":[],"g":{},"h":null}"#;

    #[test]
    fn only_the_third_of_like_events_is_expected() {
        let mut index = Index::default();
        for time in 1..4 {
            let expected = event(TEXT.as_bytes(), 0, &mut index).is_some();
            assert_eq!(expected, time == 3, "time {time}");
            parse::event(TEXT.as_bytes(), TEXT.len(), &mut index).unwrap();
        }
        index.clear();
        assert_eq!(event(TEXT.as_bytes(), 0, &mut index), Some(TEXT.len()));
    }

    #[test]
    fn blanks_between_tokens_are_expected_where_they_were() {
        let spaced = r#"{"a": 1, "b": {"c": "x", "d" : [ ]}, "long_enough_for_two": 2 }"#;
        let mut index = Index::default();
        for _ in 0..2 {
            parse::event(spaced.as_bytes(), spaced.len(), &mut index).unwrap();
        }
        for (from, to, expected) in [
            ("1", "-0.5", true),
            ("[ ]", "[ 1 ]", true),
            (r#""a": "#, r#""a":"#, false),
            (r#", "b""#, r#" ,"b""#, false),
            (r#""d" :"#, r#""d": "#, false),
        ] {
            // Behind the last value there is a blank: what follows one is never expected.
            let text = spaced.replacen(from, to, 1).replace(" }", "}");
            let found = event(text.as_bytes(), 0, &mut index.clone());
            assert_eq!(found.is_some(), expected, "{text}");
        }
        let text = spaced.replace(" }", "}");
        assert_eq!(event(text.as_bytes(), 0, &mut index), Some(text.len()));
        let names = index.top.iter().chain(&index.sub);
        let names: Vec<_> = names
            .map(|node| &text[node.key_start()..node.key_end()])
            .collect();
        assert_eq!(names, ["a", "b", "long_enough_for_two", "c", "d"]);
    }

    #[test]
    fn names_are_where_they_stand_after_an_event_with_more_blanks() {
        let [tight, loose] = [r#"{"a":1,"b":[2]}"#, r#"{"a":1,"b":  [2]}"#];
        let mut index = Index::default();
        for text in [
            tight, tight, loose, loose, tight, loose, loose, tight, tight, tight,
        ] {
            parse::event(text.as_bytes(), text.len(), &mut index).unwrap();
            let names = index.top.iter();
            let names: String = names
                .map(|node| &text[node.key_start()..node.key_end()])
                .collect();
            assert_eq!(names, "ab", "{text}");
        }
    }

    #[test]
    fn what_has_changed_for_good_is_expected_soon() {
        let texts = [
            r#"{"a":1,"b":[2]}"#,
            r#"{"a": 1, "b": [2]}"#,
            r#"{"a":1,"b":  [2]}"#,
        ];
        let mut index = Index::default();
        for text in texts.into_iter().chain(texts).rev() {
            for _ in 0..6 {
                parse::event(text.as_bytes(), text.len(), &mut index).unwrap();
            }
            let found = event(text.as_bytes(), 0, &mut index);
            assert_eq!(found, Some(text.len()), "{text}");
        }
    }

    #[test]
    fn a_stray_event_changes_nothing_of_what_is_expected() {
        let strays = [
            r#"{"a":1,"b":{"c":"x","d":{"e":2}},"new":1,"more":2,"f":[],"g":{},"h":null}"#,
            r#"{"a":1,"b":{"c":"x"},"f":[],"g":{},"h":null}"#,
            r#"{"a":1,"b": {"c":"x","d":{"e":2}},"f":[],"g":{}}"#,
            r#"{"a":1,"b":{"c":"x","d":{"e":2}}"#,
            "no json",
        ];
        let mut index = Index::default();
        for _ in 0..2 {
            parse::event(TEXT.as_bytes(), TEXT.len(), &mut index).unwrap();
        }
        for stray in strays {
            for _ in 0..3 {
                let _ = parse::event(stray.as_bytes(), stray.len(), &mut index);
            }
            let found = event(TEXT.as_bytes(), 0, &mut index);
            assert_eq!(found, Some(TEXT.len()), "after {stray}");
            for _ in 0..3 {
                parse::event(TEXT.as_bytes(), TEXT.len(), &mut index).unwrap();
            }
        }
    }

    #[test]
    fn what_most_events_are_like_is_expected_after_all() {
        let most = r#"{"a":1,"b":2}"#;
        let mut index = Index::default();
        for text in [TEXT, TEXT]
            .into_iter()
            .chain([most, most, most, TEXT].into_iter().cycle().take(12))
        {
            parse::event(text.as_bytes(), text.len(), &mut index).unwrap();
        }
        assert_eq!(event(most.as_bytes(), 0, &mut index), Some(most.len()));
    }

    #[test]
    fn other_values_are_expected_and_other_names_are_not() {
        let mut index = Index::default();
        for _ in 0..2 {
            parse::event(TEXT.as_bytes(), TEXT.len(), &mut index).unwrap();
        }
        for (from, to, expected) in [
            ("1", "[{}]", true),
            (r#""x""#, "false", true),
            ("{}", "{}", true),
            ("null}", "-1.5}  ", true),
            (r#""c""#, r#""C""#, false),
            ("{}", r#"{"i":1}"#, false),
            (r#"{"c":"x","d":{"e":2}}"#, "{}", false),
            ("1", "01", false),
            ("null}", "null}}", false),
            ("null}", "null", false),
            ("null}", r#"null,"i":1}"#, false),
        ] {
            let text = TEXT.replacen(from, to, 1);
            let found = event(text.as_bytes(), 0, &mut index.clone());
            // What stands behind the event is judged by the caller: only blanks may.
            let is_whole = found.is_some_and(|end| text[end..].trim_end().is_empty());
            assert_eq!(is_whole, expected, "{text}");
        }
    }
}
