//! `noop`: passes everything.

use millpond_engine::{Flow, stateless};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::parse;
use crate::kinds::{Factory, Kind};

pub(crate) const KIND: Kind = Kind {
    name: "noop",
    summary: "passes everything, and so counts what comes by",
    example: r#"
type = "noop"
"#,
    schema: || schema_for!(NoopConfig),
    build,
};

/// Passes everything; its counters show what comes by.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoopConfig {}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let NoopConfig {} = parse(params)?;
    Ok(Box::new(stateless(|_, _| Ok(Flow::Pass))))
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn everything_passes_as_it_came() {
        let line = r#"{ "a" : 1.10 }"#;
        assert_eq!(run("noop", "", &[line, "{}"]), [line, "{}"]);
        errors("noop", &[("a = 1", "a: unknown key \"a\", expected none")]);
    }
}
