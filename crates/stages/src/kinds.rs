use millpond_engine::StageFactory;
use millpond_event::Event;
use schemars::Schema;
use serde_json::Value;

use crate::config::unknown;
use crate::{
    ConfigError, delay, explode, fail, filter, map, noop, remove, rename, sample, set, work,
};

/// What a stage's table is turned into.
pub type Factory = Box<dyn StageFactory<Event>>;

/// A kind of stage, named by `type` in its table.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// An example of its table, in TOML.
    pub example: &'static str,
    /// The JSON schema of its table, without `type`.
    pub schema: fn() -> Schema,
    /// Makes a factory of its table, without `type`.
    pub build: fn(Value) -> Result<Factory, ConfigError>,
}

/// All kinds of stages in this crate, by name. Others come from crates of their own, and whoever composes
/// them passes all to [`build_of`].
#[must_use]
pub fn kinds() -> &'static [Kind] {
    const KINDS: [Kind; 11] = [
        delay::KIND,
        explode::KIND,
        fail::KIND,
        filter::KIND,
        map::KIND,
        noop::KIND,
        remove::KIND,
        rename::KIND,
        sample::KIND,
        set::KIND,
        work::KIND,
    ];
    &KINDS
}

/// Makes a factory of the table of one of [`kinds`]. `params` is the table without its `type`.
///
/// # Errors
///
/// When there is no such kind (the key is `type` then), or the table is not what the kind expects; the
/// error names the key at fault, the value, and what was expected.
pub fn build(kind: &str, params: Value) -> Result<Factory, ConfigError> {
    build_of(kinds(), kind, params)
}

/// As [`build`], with the kinds that are known.
///
/// # Errors
///
/// As [`build`].
pub fn build_of(kinds: &[Kind], kind: &str, params: Value) -> Result<Factory, ConfigError> {
    match kinds.iter().find(|known| known.name == kind) {
        Some(known) => (known.build)(params),
        None => {
            let names: Vec<&str> = kinds.iter().map(|known| known.name).collect();
            Err(ConfigError::new("type", unknown("stage", kind, &names)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::toml;

    #[test]
    fn every_example_builds_and_names_its_own_kind() {
        for kind in kinds() {
            let mut table = toml(kind.example);
            let name = table.as_object_mut().and_then(|table| table.remove("type"));
            assert_eq!(name, Some(kind.name.into()), "{}", kind.example);
            assert!(build(kind.name, table).is_ok(), "{}", kind.example);
        }
    }

    #[test]
    fn kinds_are_sorted_and_every_schema_is_closed() {
        assert!(kinds().is_sorted_by_key(|kind| kind.name));
        for kind in kinds() {
            let schema = (kind.schema)();
            assert_eq!(
                schema.get("additionalProperties"),
                Some(&false.into()),
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn an_unknown_kind_is_refused_with_the_nearest_one() {
        let error = |kind| {
            build(kind, Value::Null)
                .err()
                .map(|error| error.to_string())
        };
        let expected = "type: unknown stage \"fliter\", did you mean \"filter\"?";
        assert_eq!(error("fliter").as_deref(), Some(expected));
        let expected = "type: unknown stage \"kafkaesque\", expected one of delay, explode, fail, \
             filter, map, noop, remove, rename, sample, set, work";
        assert_eq!(error("kafkaesque").as_deref(), Some(expected));
    }
}
