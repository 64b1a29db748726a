use schemars::Schema;
use serde_json::{Map, Value, json};

use super::sections::{AdminSection, JournalSection, PipelineSection, RuntimeSection};
use super::tracing::TracingSection;

/// The JSON Schema of a configuration file.
pub(crate) fn schema() -> Value {
    let mut definitions = Map::new();
    let sources = kinds(
        "source",
        crate::kinds::sources()
            .iter()
            .map(|kind| (kind.name, kind.summary, (kind.schema)())),
        &Map::new(),
        &mut definitions,
    );
    let options = hoist(
        "sink",
        millpond_sinks::SinkOptions::schema(),
        &mut definitions,
    );
    let options = options
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let sinks = kinds(
        "sink",
        crate::kinds::sinks()
            .iter()
            .map(|kind| (kind.name, kind.summary, (kind.schema)())),
        &options,
        &mut definitions,
    );
    let name = json!({ "type": "string", "description": "Its name; its type by default." });
    let stages = kinds(
        "stage",
        crate::kinds::stages()
            .iter()
            .map(|kind| (kind.name, kind.summary, (kind.schema)())),
        &Map::from_iter([("name".to_owned(), name)]),
        &mut definitions,
    );
    let mut section = |name: &str, schema| hoist(name, schema, &mut definitions);
    let mut pipeline = section("pipeline", schemars::schema_for!(PipelineSection));
    pipeline["properties"]["stages"]["items"] = stages;
    let dead_letters = section(
        "dead_letters",
        schemars::schema_for!(millpond_sinks::DeadLetterConfig),
    );
    let runtime = section("runtime", schemars::schema_for!(RuntimeSection));
    let journal = section("journal", schemars::schema_for!(JournalSection));
    let admin = section("admin", schemars::schema_for!(AdminSection));
    let tracing = section("tracing", schemars::schema_for!(TracingSection));
    let named = |what: &str, one: Value| {
        json!({
            "type": "object",
            "description": format!("The {what}, by name."),
            "propertyNames": { "pattern": "^[A-Za-z0-9_-]{1,64}$" },
            "additionalProperties": one,
        })
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Millpond configuration",
        "type": "object",
        "additionalProperties": false,
        "required": ["sources", "sinks"],
        "properties": {
            "sources": named("sources", sources),
            "pipelines": named("pipelines", pipeline),
            "sinks": named("sinks", sinks),
            "dead_letters": without_required(dead_letters),
            "journal": journal,
            "runtime": runtime,
            "admin": admin,
            "tracing": tracing,
        },
        "$defs": definitions,
    })
}

/// One of the kinds: each with its `type`, and with the properties that all of them have.
fn kinds(
    family: &str,
    kinds: impl Iterator<Item = (&'static str, &'static str, Schema)>,
    common: &Map<String, Value>,
    definitions: &mut Map<String, Value>,
) -> Value {
    let kinds = kinds.map(|(name, summary, schema)| {
        let mut schema = hoist(&format!("{family}_{name}"), schema, definitions);
        if !schema["properties"].is_object() {
            schema["properties"] = json!({});
        }
        if let Some(properties) = schema["properties"].as_object_mut() {
            properties.extend(common.clone());
            properties.insert("type".to_owned(), json!({ "const": name }));
        }
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        required.insert(0, json!("type"));
        schema["required"] = Value::Array(required);
        schema["title"] = json!(format!("{family} {name}"));
        schema["description"] = json!(summary);
        schema
    });
    json!({ "oneOf": kinds.collect::<Vec<_>>() })
}

/// A schema whose definitions have moved to `definitions`, under names that begin with `prefix`.
fn hoist(prefix: &str, schema: Schema, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = Value::from(schema);
    let recursive = rename(&mut schema, prefix);
    if let Some(table) = schema.as_object_mut() {
        table.remove("$schema");
        if let Some(Value::Object(own)) = table.remove("$defs") {
            definitions.extend(
                own.into_iter()
                    .map(|(name, one)| (format!("{prefix}_{name}"), one)),
            );
        }
    }
    if recursive {
        definitions.insert(prefix.to_owned(), schema.clone());
    }
    schema
}

/// Lets every reference to a definition lead to its new name, and one to the schema itself to a
/// definition named `prefix`. True when there is one of those.
fn rename(value: &mut Value, prefix: &str) -> bool {
    let mut itself = false;
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                match value {
                    Value::String(target) if key == "$ref" && target == "#" => {
                        *target = format!("#/$defs/{prefix}");
                        itself = true;
                    }
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{prefix}_{name}");
                        }
                    }
                    value => itself |= rename(value, prefix),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                itself |= rename(item, prefix);
            }
        }
        _ => {}
    }
    itself
}

/// Every key of the section has a default here.
fn without_required(mut schema: Value) -> Value {
    if let Some(table) = schema.as_object_mut() {
        table.remove("required");
    }
    schema
}
