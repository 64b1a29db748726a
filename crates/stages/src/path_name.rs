use millpond_event::Path;

use crate::ConfigError;

/// The last name of a path: `b.c` for `a."b.c"`; `None` if it ends with an index.
pub(crate) fn last_name(path: &Path) -> Option<String> {
    let written = path.as_str();
    if written.ends_with(']') {
        return None;
    }
    if !written.ends_with('"') {
        let start = written.rfind(['.', ']', '"']).map_or(0, |at| at + 1);
        return Some(written[start..].to_owned());
    }
    // The opening quote is at the start or behind a dot. The first place from where the rest reads as
    // one string is it: a later one would lie inside the string, behind a backslash or in plain text.
    let quotes = written.match_indices('"').map(|(at, _)| at);
    quotes
        .filter(|&at| at == 0 || written.as_bytes()[at - 1] == b'.')
        .find_map(|at| serde_json::from_str(&written[at..]).ok())
}

/// A name as a path of its own.
pub(crate) fn as_path(name: &str) -> Result<Path, ConfigError> {
    Path::parse(&serde_json::Value::from(name).to_string())
        .map_err(|error| ConfigError::new("", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_is_found_however_it_is_written() {
        let cases = [
            ("a", Some("a")),
            ("a.b", Some("b")),
            ("a[0].b", Some("b")),
            ("a[0]", None),
            (r#"a."b.c""#, Some("b.c")),
            (r#""a.b".c"#, Some("c")),
            (r#""a"."b""#, Some("b")),
            (r#"a."b\".\"c""#, Some("b\".\"c")),
            (r#"a."[x]""#, Some("[x]")),
            (r#""""#, Some("")),
        ];
        for (written, name) in cases {
            let path = Path::parse(written).unwrap();
            assert_eq!(last_name(&path).as_deref(), name, "{written}");
            if let Some(name) = name {
                assert_eq!(last_name(&as_path(name).unwrap()).as_deref(), Some(name));
            }
        }
    }
}
