use std::num::ParseIntError;
use std::path::Path;

use config::{File, FileFormat, Source};

use super::{Layer, mark};
use crate::config::model::Place;
use crate::config::problem::Problem;

/// How much of a line that does not parse is shown, in characters.
const LINE_SHOWN: usize = 80;

/// Reads a file as a layer.
pub(super) fn read_file(path: &Path) -> Result<Layer, Problem> {
    let problem = |message: String| Problem {
        at: Place {
            origin: path.display().to_string(),
            ..Place::default()
        },
        message,
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    let format = match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("toml") => FileFormat::Toml,
        Some("yaml" | "yml") => FileFormat::Yaml,
        _ => {
            return Err(problem(
                "cannot tell the format from the name, expected .toml, .yaml or .yml".to_owned(),
            ));
        }
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| problem(format!("cannot read the file: {error}")))?;
    let table = File::from_str(&text, format).collect().map_err(|error| {
        let message = match error {
            config::ConfigError::FileParse { cause, .. } if cause.is::<ParseIntError>() => {
                too_large(&text)
            }
            config::ConfigError::FileParse { cause, .. } => cause.to_string(),
            other => other.to_string(),
        };
        problem(one_line(&message))
    })?;
    let origin = path.display().to_string();
    let table = table
        .into_iter()
        .map(|(key, value)| (key, mark(value, &origin)));
    Ok(Layer::Table(table.collect()))
}

/// A parser's message without its drawing of the line: where, what, and the text of the line.
fn one_line(message: &str) -> String {
    let mut text = None;
    let mut parts = Vec::new();
    for line in message.lines().map(str::trim) {
        match line.split_once('|') {
            Some((number, line)) if number.trim().bytes().all(|byte| byte.is_ascii_digit()) => {
                text = text.or((!number.is_empty()).then_some(line.trim()));
            }
            _ if line.is_empty() => {}
            _ => parts.push(line),
        }
    }
    match text {
        Some(text) if text.chars().count() > LINE_SHOWN => {
            let shown: String = text.chars().take(LINE_SHOWN).collect();
            format!("{} in {shown:?}...", parts.join(": "))
        }
        Some(text) => format!("{} in {text:?}", parts.join(": ")),
        None => parts.join(": "),
    }
}

/// Where the whole number stands of which the parser only says that it is too large.
fn too_large(text: &str) -> String {
    let is_it = |word: &&str| {
        let digits = word.replace('_', "");
        digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.is_empty()
            && digits.parse::<i64>().is_err()
    };
    let mut lines = text.lines().zip(1..);
    let found = lines.find_map(|(line, number)| {
        let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words
            .find(is_it)
            .map(|word| format!("line {number}: {word}"))
    });
    let found = found.as_deref().unwrap_or("a whole number");
    format!("{found} is too large, expected a whole number of 64 bits")
}
