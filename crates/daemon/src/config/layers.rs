mod file;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use config::{Config, File, FileFormat, Map, Source, ValueKind};
use serde_json::{Number, Value};

use super::model::Place;
use super::problem::{Problem, Problems, join};
use file::read_file;

/// What the variables that set something begin with.
const PREFIX: &str = "MILLPOND__";

/// Where the configuration comes from, weakest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    /// TOML or YAML files, by their extension.
    pub(crate) files: Vec<PathBuf>,
    /// The environment; only `MILLPOND__SECTION__KEY` counts.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// `key=value`, the key a path.
    pub(crate) set: Vec<String>,
}

/// Who said what: origins by the path of the key.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    by_key: HashMap<String, String>,
    /// All files, for what none of them says.
    files: String,
}

impl Origins {
    /// Who set `key`, or something in it, or something that it should be in.
    pub(crate) fn of(&self, key: &str) -> &str {
        let inside = |(path, origin): (&String, &String)| {
            let rest = path.strip_prefix(key)?;
            rest.starts_with(['.', '['])
                .then(|| (path.clone(), origin.clone()))
        };
        let mut at = key;
        loop {
            if let Some(origin) = self.by_key.get(at) {
                return origin;
            }
            let first = if at == key {
                self.by_key.iter().filter_map(inside).min()
            } else {
                None
            };
            if let Some(origin) = first.and_then(|(path, _)| self.by_key.get(&path)) {
                return origin;
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = &at[..end],
                None => return &self.files,
            }
        }
    }
}

/// Reads all layers and lays them over each other.
pub(crate) fn read(inputs: &Inputs) -> Result<(Value, Origins), Problems> {
    let mut problems = Vec::new();
    let mut layers = Vec::new();
    for file in &inputs.files {
        match read_file(file) {
            Ok(layer) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    let mut merged = merge(&layers).map_err(|problem| Problems(vec![problem]))?;
    for (name, value) in &inputs.environment {
        match variable(name, value, &merged) {
            Ok(None) => {}
            Ok(Some(layer)) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    for setting in &inputs.set {
        match option(setting) {
            Ok(layer) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    merged = merge(&layers).map_err(|problem| Problems(vec![problem]))?;
    let files: Vec<String> = inputs
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let mut origins = Origins {
        files: files.join(", "),
        ..Origins::default()
    };
    let tree = convert(
        config::Value::new(None, merged),
        "",
        &mut origins,
        &mut problems,
    );
    if problems.is_empty() {
        Ok((tree, origins))
    } else {
        Err(Problems(problems))
    }
}

/// A layer that was read. Keys are as they are, except in [`Layer::Path`].
#[derive(Clone, Debug)]
enum Layer {
    Table(Map<String, config::Value>),
    /// The key is a path as `config` understands it.
    Path(String, config::Value),
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, config::ConfigError> {
        Ok(match self {
            Layer::Table(table) => table.clone(),
            Layer::Path(key, value) => Map::from_iter([(key.clone(), value.clone())]),
        })
    }
}

fn merge(layers: &[Layer]) -> Result<Map<String, config::Value>, Problem> {
    let builder = layers.iter().fold(Config::builder(), |builder, layer| {
        builder.add_source(layer.clone())
    });
    builder
        .build()
        .and_then(|config| config.collect())
        .map_err(|error| Problem {
            at: Place::default(),
            message: error.to_string(),
        })
}

/// `value` with `origin` all through it.
fn mark(value: config::Value, origin: &String) -> config::Value {
    let kind = match value.kind {
        ValueKind::Table(table) => {
            let table = table
                .into_iter()
                .map(|(key, value)| (key, mark(value, origin)));
            ValueKind::Table(table.collect())
        }
        ValueKind::Array(array) => {
            ValueKind::Array(array.into_iter().map(|value| mark(value, origin)).collect())
        }
        plain => plain,
    };
    config::Value::new(Some(origin), kind)
}

/// The layer of one variable. Its segments stand for keys that are there already, whatever their
/// case, or else for keys in lower case: names of variables are written in capitals.
fn variable(
    name: &OsString,
    value: &OsString,
    below: &Map<String, config::Value>,
) -> Result<Option<Layer>, Problem> {
    let Some(path) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
        return Ok(None);
    };
    let origin = format!("environment {PREFIX}{path}");
    let problem = |message: String| Problem {
        at: Place {
            origin: origin.clone(),
            ..Place::default()
        },
        message,
    };
    let value = value
        .to_str()
        .ok_or_else(|| problem(format!("{value:?} is not UTF-8, expected text")))?;
    let mut keys = Vec::new();
    let mut below = Some(below);
    for segment in path.split("__") {
        if segment.is_empty() {
            return Err(problem(format!(
                "a part of the name is empty, expected {PREFIX}SECTION__KEY"
            )));
        }
        let known = below.and_then(|table| {
            let mut same = table.keys().filter(|key| key.eq_ignore_ascii_case(segment));
            same.next()
        });
        let key = known
            .cloned()
            .unwrap_or_else(|| segment.to_ascii_lowercase());
        below = below
            .and_then(|table| table.get(&key))
            .and_then(|value| match &value.kind {
                ValueKind::Table(table) => Some(table),
                _ => None,
            });
        keys.push(key);
    }
    let value = mark(literal(value), &origin);
    let wrapped = keys.into_iter().rev().fold(value, |value, key| {
        config::Value::new(
            Some(&origin),
            ValueKind::Table(Map::from_iter([(key, value)])),
        )
    });
    match wrapped.kind {
        ValueKind::Table(table) => Ok(Some(Layer::Table(table))),
        _ => Ok(None),
    }
}

/// The layer of one `--set`.
fn option(setting: &str) -> Result<Layer, Problem> {
    let origin = format!("--set {setting}");
    let problem = |message: &str| Problem {
        at: Place {
            origin: origin.clone(),
            ..Place::default()
        },
        message: message.to_owned(),
    };
    let Some((key, value)) = setting.split_once('=') else {
        return Err(problem("there is no =, expected key=value"));
    };
    let key = key.trim();
    if !key.split('.').all(is_step) {
        return Err(problem(
            "the key does not read, expected a path such as runtime.workers or pipelines.main.stages[0].field",
        ));
    }
    Ok(Layer::Path(
        key.to_owned(),
        mark(literal(value.trim()), &origin),
    ))
}

/// Whether a part of a `--set` path is a key, with or without indices behind it. Lists are as long
/// as the largest index into them, so that is bounded.
fn is_step(part: &str) -> bool {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut parts = part.split('[');
    let is_key = parts.next().is_some_and(|key| {
        key.starts_with(|c: char| c.is_ascii_alphanumeric()) && key.chars().all(bare)
    });
    is_key
        && parts.all(|index| {
            let digits = index.strip_suffix(']').unwrap_or_default();
            (1..=3).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        })
}

/// A value as TOML has it, or else the text itself.
fn literal(text: &str) -> config::Value {
    let document = format!("value = {text}\n");
    let parsed = File::from_str(&document, FileFormat::Toml).collect();
    match parsed {
        Ok(mut table) if table.len() == 1 => table
            .remove("value")
            .unwrap_or_else(|| config::Value::from(text)),
        _ => config::Value::from(text),
    }
}

/// The tree without origins, which go to `origins`. What no event can hold is a problem.
fn convert(
    value: config::Value,
    path: &str,
    origins: &mut Origins,
    problems: &mut Vec<Problem>,
) -> Value {
    if let Some(origin) = value.origin() {
        origins.by_key.insert(path.to_owned(), origin.to_owned());
    }
    match value.kind {
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(value) => Value::Bool(value),
        ValueKind::I64(value) => Value::from(value),
        ValueKind::I128(value) => Value::from(value.to_string()),
        ValueKind::U64(value) => Value::from(value),
        ValueKind::U128(value) => Value::from(value.to_string()),
        ValueKind::Float(value) => Number::from_f64(value).map_or_else(
            || {
                let at = Place {
                    origin: origins.of(path).to_owned(),
                    key: path.to_owned(),
                };
                let message = format!("{value} is no number in JSON, expected a finite one");
                problems.push(Problem { at, message });
                Value::Null
            },
            Value::Number,
        ),
        ValueKind::String(value) => Value::String(value),
        ValueKind::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| convert(item, &format!("{path}[{index}]"), origins, problems))
            .collect(),
        ValueKind::Table(table) => {
            let entries = table.into_iter();
            let entries = entries.map(|(key, item)| {
                let path = join(path, &key);
                let item = convert(item, &path, origins, problems);
                (key, item)
            });
            Value::Object(entries.collect())
        }
    }
}
