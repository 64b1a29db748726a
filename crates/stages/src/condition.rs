use std::cmp::Ordering;
use std::sync::Arc;

use millpond_event::{Event, Kind, Path, Value};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::ConfigError;
use crate::config::{join, present};
use crate::lookup::Lookup;
use crate::number::Number;

/// A condition on an event: either one test of a field, or conditions joined by `all`, `any` or `not`.
///
/// A test of a field that is missing, or of another kind than the test is about, is false. Strings are
/// compared decoded. Numbers are compared by value: integers of 64 bits exactly, all others as the
/// nearest 64-bit float. A string never equals a number.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionConfig {
    /// Path of the field to test, such as `context.page`.
    #[schemars(with = "Option<String>")]
    field: Option<Path>,
    /// True when the field is this string, number, boolean or null.
    #[serde(default, deserialize_with = "present")]
    equals: Option<Json>,
    /// True when the field equals one of these.
    r#in: Option<Vec<Json>>,
    /// Whether the field must be there (`null` is there) or must not.
    exists: Option<bool>,
    /// True when the field is a number greater than this.
    gt: Option<serde_json::Number>,
    /// True when the field is a number greater than or equal to this.
    ge: Option<serde_json::Number>,
    /// True when the field is a number less than this.
    lt: Option<serde_json::Number>,
    /// True when the field is a number less than or equal to this.
    le: Option<serde_json::Number>,
    /// True when the field is a string in which this regular expression matches somewhere.
    matches: Option<String>,
    /// True when the field is a string that contains this one.
    contains: Option<String>,
    /// True when all of these are.
    all: Option<Vec<ConditionConfig>>,
    /// True when at least one of these is.
    any: Option<Vec<ConditionConfig>>,
    /// True when this is not.
    not: Option<Box<ConditionConfig>>,
}

/// A compiled condition. A clone shares nothing that instances would contend for.
#[derive(Clone, Debug)]
pub struct Condition(Tree);

#[derive(Clone, Debug)]
enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Test(Path, Test),
}

#[derive(Clone, Debug)]
enum Test {
    Exists(bool),
    In(Arc<Set>),
    Range(Option<Bound>, Option<Bound>),
    Matches(Regex),
    Contains(Box<str>),
}

/// What a field may equal.
#[derive(Debug)]
struct Set {
    strings: Lookup<()>,
    numbers: Vec<Number>,
    bools: Vec<bool>,
    null: bool,
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    limit: Number,
    inclusive: bool,
}

impl Condition {
    /// Compiles a condition; `at` is the path of its table inside the stage's.
    ///
    /// # Errors
    ///
    /// When it is no single test, or a test's values are not what it compares.
    pub fn compile(config: ConditionConfig, at: &str) -> Result<Self, ConfigError> {
        Tree::compile(config, at).map(Condition)
    }

    /// Whether it holds for the event.
    #[must_use]
    pub fn holds(&self, event: &Event) -> bool {
        self.0.holds(event)
    }
}

impl Tree {
    fn compile(config: ConditionConfig, at: &str) -> Result<Self, ConfigError> {
        let group = |key: &str, conditions: Vec<ConditionConfig>| {
            if conditions.is_empty() {
                let message = "the list is empty, expected at least one condition";
                return Err(ConfigError::new(join(at, key), message));
            }
            let compile =
                |(i, condition)| Self::compile(condition, &format!("{}[{i}]", join(at, key)));
            conditions.into_iter().enumerate().map(compile).collect()
        };
        let operators = config.operators();
        match (config, operators.as_slice()) {
            (
                config @ ConditionConfig { field: Some(_), .. },
                &[key @ ("all" | "any" | "not"), ..],
            ) => {
                drop(config);
                let message =
                    format!("`field` can't stand beside `{key}`, expected one of the two");
                Err(ConfigError::new(join(at, "field"), message))
            }
            (ConditionConfig { all: Some(all), .. }, ["all"]) => Ok(Self::All(group("all", all)?)),
            (ConditionConfig { any: Some(any), .. }, ["any"]) => Ok(Self::Any(group("any", any)?)),
            (ConditionConfig { not: Some(not), .. }, ["not"]) => {
                Ok(Self::Not(Box::new(Self::compile(*not, &join(at, "not"))?)))
            }
            (mut config, ["range" | "equals" | "in" | "exists" | "matches" | "contains"]) => {
                let Some(field) = config.field.take() else {
                    let message =
                        format!("no field to test with `{}`, expected a path", operators[0]);
                    return Err(ConfigError::new(join(at, "field"), message));
                };
                Ok(Self::Test(field, config.test(at)?))
            }
            (_, found) => {
                const KNOWN: &str = "expected one of equals, in, exists, gt/ge/lt/le, matches, contains, all, any, not";
                let message = match found {
                    [] => format!("no test, {KNOWN}"),
                    found => format!("{} tests ({}), {KNOWN}", found.len(), found.join(", ")),
                };
                Err(ConfigError::new(at, message))
            }
        }
    }

    #[inline]
    fn holds(&self, event: &Event) -> bool {
        match self {
            // The commonest by far, and so short that what the others need would cost more.
            Self::Test(path, Test::In(set)) => event.get(path).is_some_and(|value| set.has(&value)),
            _ => self.holds_otherwise(event),
        }
    }

    #[inline(never)]
    fn holds_otherwise(&self, event: &Event) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(event)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(event)),
            Self::Not(condition) => !condition.holds(event),
            Self::Test(path, Test::Exists(expected)) => event.exists(path) == *expected,
            Self::Test(path, test) => event.get(path).is_some_and(|value| test.holds(&value)),
        }
    }
}

impl ConditionConfig {
    /// The operators that are given; the four of a range count as one.
    fn operators(&self) -> Vec<&'static str> {
        let range =
            self.gt.is_some() || self.ge.is_some() || self.lt.is_some() || self.le.is_some();
        let given = [
            ("equals", self.equals.is_some()),
            ("in", self.r#in.is_some()),
            ("exists", self.exists.is_some()),
            ("range", range),
            ("matches", self.matches.is_some()),
            ("contains", self.contains.is_some()),
            ("all", self.all.is_some()),
            ("any", self.any.is_some()),
            ("not", self.not.is_some()),
        ];
        given
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| name)
            .collect()
    }

    fn test(self, at: &str) -> Result<Test, ConfigError> {
        if let Some(exists) = self.exists {
            return Ok(Test::Exists(exists));
        }
        if let Some(contains) = self.contains {
            return Ok(Test::Contains(contains.into()));
        }
        if let Some(matches) = self.matches {
            let bad = |error: regex::Error| {
                // Its last line says what is wrong; those before draw where.
                let error = error.to_string();
                let what = error.lines().last().unwrap_or_default();
                let what = what.strip_prefix("error: ").unwrap_or(what);
                ConfigError::new(
                    join(at, "matches"),
                    format!("bad regular expression {matches:?}: {what}"),
                )
            };
            return Regex::new(&matches).map(Test::Matches).map_err(bad);
        }
        if let Some(equals) = self.equals {
            return Set::of(&[equals], |_| join(at, "equals")).map(|set| Test::In(set.into()));
        }
        if let Some(values) = self.r#in {
            if values.is_empty() {
                return Err(ConfigError::new(
                    join(at, "in"),
                    "the list is empty, expected at least one value",
                ));
            }
            return Set::of(&values, |i| format!("{}[{i}]", join(at, "in")))
                .map(|set| Test::In(set.into()));
        }
        let low = bound(at, ("gt", self.gt), ("ge", self.ge))?;
        let high = bound(at, ("lt", self.lt), ("le", self.le))?;
        if let (Some(low), Some(high)) = (low, high)
            && low.limit.compare(high.limit) == Some(Ordering::Greater)
        {
            return Err(ConfigError::new(
                at,
                "the lower limit is above the upper one, expected a range",
            ));
        }
        Ok(Test::Range(low, high))
    }
}

impl Test {
    fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Exists(expected) => *expected,
            Self::In(set) => set.has(value),
            Self::Range(low, high) => Number::of(value).is_some_and(|number| {
                let beyond = |bound: &Option<Bound>, side| {
                    bound.is_none_or(|bound| match number.compare(bound.limit) {
                        Some(Ordering::Equal) => bound.inclusive,
                        order => order == Some(side),
                    })
                };
                beyond(low, Ordering::Greater) && beyond(high, Ordering::Less)
            }),
            Self::Matches(regex) => value.as_str().is_some_and(|text| regex.is_match(&text)),
            Self::Contains(part) => value.as_str().is_some_and(|text| text.contains(&**part)),
        }
    }
}

impl Set {
    fn of(values: &[Json], key: impl Fn(usize) -> String) -> Result<Self, ConfigError> {
        let mut strings = Vec::new();
        let mut numbers = Vec::new();
        let mut bools = Vec::new();
        let mut null = false;
        for (i, value) in values.iter().enumerate() {
            match value {
                Json::String(text) => strings.push((Box::from(text.as_str()), ())),
                Json::Number(number) => numbers.push(Number::of_config(number)),
                Json::Bool(bool) => bools.push(*bool),
                Json::Null => null = true,
                Json::Array(_) | Json::Object(_) => {
                    let message =
                        format!("{value}, expected a string, a number, a boolean or null");
                    return Err(ConfigError::new(key(i), message));
                }
            }
        }
        Ok(Self {
            strings: strings.into_iter().collect(),
            numbers,
            bools,
            null,
        })
    }

    #[inline]
    fn has(&self, value: &Value<'_>) -> bool {
        match value.kind() {
            Kind::String => self.strings.get_string(value).is_some(),
            kind => self.has_other(kind, value),
        }
    }

    #[inline(never)]
    fn has_other(&self, kind: Kind, value: &Value<'_>) -> bool {
        match kind {
            Kind::Number => {
                !self.numbers.is_empty()
                    && Number::of(value).is_some_and(|number| {
                        let equal =
                            |other: &Number| number.compare(*other) == Some(Ordering::Equal);
                        self.numbers.iter().any(equal)
                    })
            }
            Kind::Bool => value
                .as_bool()
                .is_some_and(|bool| self.bools.contains(&bool)),
            Kind::Null => self.null,
            Kind::String | Kind::Array | Kind::Object => false,
        }
    }
}

fn bound(
    at: &str,
    (strict, beyond): (&str, Option<serde_json::Number>),
    (loose, from): (&str, Option<serde_json::Number>),
) -> Result<Option<Bound>, ConfigError> {
    let bound = |limit: &serde_json::Number, inclusive| Bound {
        limit: Number::of_config(limit),
        inclusive,
    };
    match (beyond, from) {
        (Some(_), Some(_)) => {
            let message =
                format!("`{strict}` can't stand beside `{loose}`, expected one of the two");
            Err(ConfigError::new(join(at, strict), message))
        }
        (Some(limit), None) => Ok(Some(bound(&limit, false))),
        (None, Some(limit)) => Ok(Some(bound(&limit, true))),
        (None, None) => Ok(None),
    }
}
