//! `docs/CONFIG.md` says what the schema says, and what it shows can be run.

use std::collections::BTreeMap;

use bytesize::ByteSize;
use serde_json::Value;

use super::*;

const CONFIG: &str = include_str!("../../../../../docs/CONFIG.md");
const README: &str = include_str!("../../../../../README.md");

/// Keys with what the schema says of them.
type Keys = BTreeMap<String, Value>;

#[test]
fn every_key_of_the_schema_is_documented_with_its_default_and_no_other() {
    let sections = sections();
    let documented: Vec<&str> = tables().map(|(heading, _)| heading).collect();
    for heading in sections.keys() {
        assert!(
            documented.contains(&heading.as_str()),
            "no table for {heading}"
        );
    }
    for (heading, rows) in tables().filter(|(heading, _)| is_built(heading)) {
        let keys = &sections[heading];
        let known: Vec<&str> = keys.keys().map(String::as_str).collect();
        let mut said: Vec<&str> = rows.iter().map(|(key, _)| *key).collect();
        said.sort_unstable();
        assert_eq!(said, known, "{heading}");
        for (key, default) in rows {
            let schema = &keys[key];
            let required = schema["required"] == true;
            assert_eq!(required, default == "required", "{heading}: {key}");
            if !schema["default"].is_null() {
                let written = literal(default);
                let same = written == schema["default"]
                    || size(&written).is_some_and(|size_| Some(size_) == size(&schema["default"]));
                assert!(
                    same,
                    "{heading}: {key}: {default}, expected {}",
                    schema["default"]
                );
            }
        }
    }
}

#[test]
fn every_example_is_a_good_configuration() {
    let examples: Vec<(&str, &str, &str)> = blocks(CONFIG).chain(blocks(README)).collect();
    assert!(examples.len() > 20, "{}", examples.len());
    for (heading, language, text) in examples {
        if !is_built(heading) {
            continue;
        }
        let text = match language {
            "toml" => completed(text),
            _ => text.to_owned(),
        };
        let (_directory, paths) = files(&[(&format!("example.{language}"), &text)]);
        let config = load(&inputs(paths, &[], &[]));
        let config = config.unwrap_or_else(|problems| panic!("{heading}\n{text}\n{problems}"));
        if let Some(kind) = heading.strip_prefix("### Stage ") {
            assert_eq!(format!("`{}`", config.pipelines[0].stages[0].kind), kind);
        }
    }
}

/// Whether what a heading is about is in this build.
fn is_built(heading: &str) -> bool {
    let optional = [
        ("### Sink `sqlite`", cfg!(feature = "sqlite")),
        ("### Stage `chaos`", cfg!(feature = "chaos")),
        ("### To a collector", cfg!(feature = "otlp")),
    ];
    !optional.contains(&(heading, false))
}

/// A fragment of a configuration with what it needs besides: a stage gets a pipeline around it.
fn completed(text: &str) -> String {
    let mut text = text.to_owned();
    if !text.trim_start().starts_with('[') {
        text.insert_str(0, "[[pipelines.main.stages]]\n");
    }
    for (section, one) in [
        ("[sources.", "[sources.in]\ntype = \"stdin\"\n"),
        ("[sinks.", "[sinks.out]\ntype = \"blackhole\"\n"),
    ] {
        if !text.contains(section) {
            text += one;
        }
    }
    text
}

/// The keys of each section of the schema, by its heading in the documentation.
fn sections() -> BTreeMap<String, Keys> {
    let schema = schema();
    let properties = &schema["properties"];
    let pipeline = &properties["pipelines"]["additionalProperties"];
    let mut sections = BTreeMap::new();
    for name in ["dead_letters", "journal", "runtime", "admin", "tracing"] {
        sections.insert(format!("## `[{name}]`"), keys(&schema, &properties[name]));
    }
    sections.insert("## `[pipelines.NAME]`".to_owned(), keys(&schema, pipeline));
    let common = [
        "required",
        "on_full",
        "buffer.dir",
        "buffer.max",
        "queue.events",
        "queue.bytes",
        "retry.first",
        "retry.longest",
        "retry.attempts",
        "retry.open_after",
    ];
    let families = [
        (
            "Source",
            &properties["sources"]["additionalProperties"],
            &[][..],
        ),
        (
            "Stage",
            &pipeline["properties"]["stages"]["items"],
            &["name"],
        ),
        (
            "Sink",
            &properties["sinks"]["additionalProperties"],
            &common,
        ),
    ];
    for (family, kinds, shared) in families {
        for kind in kinds["oneOf"].as_array().unwrap() {
            let name = kind["properties"]["type"]["const"].as_str().unwrap();
            let mut own = keys(&schema, kind);
            own.remove("type");
            let every: Keys = shared
                .iter()
                .filter_map(|key| own.remove_entry(*key))
                .collect();
            assert_eq!(every.len(), shared.len(), "{family} {name}");
            if family == "Sink" {
                sections.insert("### Every sink".to_owned(), every);
            }
            if !own.is_empty() {
                sections.insert(format!("### {family} `{name}`"), own);
            }
        }
    }
    sections
}

/// The keys of a table, those of tables in it with a dot.
fn keys(schema: &Value, table: &Value) -> Keys {
    let mut found = Keys::new();
    for (key, value) in table["properties"].as_object().unwrap() {
        let options = value["anyOf"].as_array().into_iter().flatten();
        let inner = std::iter::once(value).chain(options);
        let mut inner = inner
            .filter_map(|one| schema["$defs"].get(one["$ref"].as_str()?.strip_prefix("#/$defs/")?));
        // Conditions are documented once.
        match inner
            .find(|inner| inner["properties"].is_object() && inner["properties"]["not"].is_null())
        {
            Some(inner) => found.extend(
                keys(schema, inner)
                    .into_iter()
                    .map(|(name, one)| (format!("{key}.{name}"), one)),
            ),
            None => {
                let mut value = value.clone();
                let required = table["required"].as_array().into_iter().flatten();
                value["required"] = Value::Bool(required.into_iter().any(|name| name == key));
                found.insert(key.clone(), value);
            }
        }
    }
    found
}

/// The tables of keys: under which heading, and the key and the default of each row.
fn tables() -> impl Iterator<Item = (&'static str, Vec<(&'static str, &'static str)>)> {
    let mut heading = "";
    let mut tables: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    let mut inside = false;
    for line in CONFIG.lines() {
        if line.starts_with('#') {
            heading = line;
        }
        let cells: Vec<&str> = line.split(" | ").collect();
        match cells[..] {
            ["| key", "type", "default", _] => {
                tables.push((heading, Vec::new()));
                inside = true;
            }
            [key, _, default, ..] if inside => {
                let key = key.trim_start_matches("| ").trim_matches('`');
                tables.last_mut().unwrap().1.push((key, default));
            }
            _ => inside &= line.starts_with("|---"),
        }
    }
    tables.into_iter()
}

/// The blocks of configuration in a document: under which heading, in which language, and the text.
fn blocks(document: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut heading = "";
    let mut fences = document.split("```");
    std::iter::from_fn(move || {
        let prose = fences.next()?;
        let (language, text) = fences.next()?.split_once('\n')?;
        heading = prose
            .lines()
            .rfind(|line| line.starts_with('#'))
            .unwrap_or(heading);
        Some((heading, language, text))
    })
    .filter(|(_, language, _)| ["toml", "yaml"].contains(language))
}

/// A default as it is written in a table.
fn literal(cell: &str) -> Value {
    serde_json::from_str(cell.trim_matches('`')).unwrap_or_else(|error| panic!("{cell}: {error}"))
}

fn size(value: &Value) -> Option<ByteSize> {
    value.as_str()?.parse().ok()
}
