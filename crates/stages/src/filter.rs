//! `filter`: keeps the events for which a condition holds.

use millpond_engine::{Flow, Output, Stage, StageError, factory};
use millpond_event::Event;
use schemars::schema_for;
use serde_json::Value;

use crate::ConfigError;
use crate::condition::{Condition, ConditionConfig};
use crate::config::parse;
use crate::kinds::{Factory, Kind};

pub(crate) const KIND: Kind = Kind {
    name: "filter",
    summary: "keeps the events for which a condition holds, and filters the others",
    example: r#"
type = "filter"
all = [
  { field = "type", in = ["click", "purchase"] },
  { field = "price", gt = 0, le = 500 },
  { not = { field = "context.ua", matches = "(?i)bot" } },
]
"#,
    schema: || schema_for!(ConditionConfig),
    build,
};

fn build(params: Value) -> Result<Factory, ConfigError> {
    let condition = Condition::compile(parse(params)?, "")?;
    Ok(Box::new(factory(move || Filter(condition.clone()))))
}

struct Filter(Condition);

impl Stage<Event> for Filter {
    fn process(&mut self, event: &mut Event, _: &mut Output<Event>) -> Result<Flow, StageError> {
        Ok(if self.0.holds(event) {
            Flow::Pass
        } else {
            Flow::Filter
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn a_condition_holds_exactly_when_it_should() {
        let many: Vec<String> = (0..20).map(|n| format!("\"v{n}\"")).collect();
        let many = format!("field = 'a'\nin = [{}]", many.join(","));
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "field = 'a'\nequals = 'x'",
                &[r#"{"a":"x"}"#, r#"{"a":"\u0078"}"#, r#"{"a":"y","a":"x"}"#],
                &[
                    r#"{"a":"y"}"#,
                    r#"{"a":null}"#,
                    r#"{"b":"x"}"#,
                    r#"{"a":["x"]}"#,
                    r#"{"a":"x","a":"y"}"#,
                ],
            ),
            (
                "field = 'a'\nequals = 1",
                &[r#"{"a":1}"#, r#"{"a":1.0}"#, r#"{"a":10e-1}"#],
                &[r#"{"a":"1"}"#, r#"{"a":true}"#, r#"{"a":1.0000001}"#],
            ),
            (
                "field = 'a'\nequals = 9007199254740993",
                &[r#"{"a":9007199254740993}"#],
                &[r#"{"a":9007199254740992}"#, r#"{"a":9007199254740993.0}"#],
            ),
            (
                "field = 'a'\nequals = true",
                &[r#"{"a":true}"#],
                &[r#"{"a":false}"#, r#"{"a":"true"}"#],
            ),
            (
                "field = 'a'\nin = ['x', 2, false]",
                &[r#"{"a":"x"}"#, r#"{"a":2}"#, r#"{"a":false}"#],
                &[
                    r#"{"a":"2"}"#,
                    r#"{"a":"false"}"#,
                    r#"{"a":true}"#,
                    r#"{"a":{}}"#,
                    r"{}",
                ],
            ),
            (
                &many,
                &[r#"{"a":"v19"}"#, r#"{"a":"\u00760"}"#],
                &[r#"{"a":"v20"}"#, r#"{"a":0}"#],
            ),
            (
                "field = 'a.b[1]'\nexists = true",
                &[r#"{"a":{"b":[1,null]}}"#],
                &[r#"{"a":{"b":[1]}}"#, "{}"],
            ),
            (
                "field = 'a'\nexists = false",
                &["{}", r#"{"b":1}"#],
                &[r#"{"a":null}"#],
            ),
            (
                "field = 'a'\ngt = 1\nle = 2.5",
                &[r#"{"a":1.1}"#, r#"{"a":2.5}"#],
                &[r#"{"a":1}"#, r#"{"a":2.6}"#, r#"{"a":"2"}"#, "{}"],
            ),
            (
                "field = 'a'\nge = 1",
                &[r#"{"a":1}"#, r#"{"a":1e999}"#],
                &[r#"{"a":-1e999}"#, r#"{"a":0.9}"#],
            ),
            (
                "field = 'a'\nlt = 1",
                &[r#"{"a":0}"#],
                &[r#"{"a":1}"#, r#"{"a":null}"#],
            ),
            (
                "field = 'a'\nmatches = '^x+$'",
                &[r#"{"a":"xx"}"#],
                &[r#"{"a":"xy"}"#, r#"{"a":1}"#],
            ),
            (
                "field = 'a'\ncontains = 'ü'",
                &[r#"{"a":"für"}"#, r#"{"a":"f\u00fcr"}"#],
                &[r#"{"a":"fur"}"#],
            ),
            (
                "all = [{ field = 'a', equals = 1 }, { any = [{ field = 'b', exists = true }, { not = { field = 'c', equals = 2 } }] }]",
                &[r#"{"a":1}"#, r#"{"a":1,"c":2,"b":0}"#],
                &[r#"{"a":1,"c":2}"#, r#"{"a":2}"#],
            ),
        ];
        for (config, pass, filter) in cases {
            for line in *pass {
                assert_eq!(run("filter", config, &[line]), [*line], "{config}");
            }
            for line in *filter {
                assert_eq!(
                    run("filter", config, &[line]),
                    ["filtered"],
                    "{config}\n{line}"
                );
            }
        }
    }

    #[test]
    fn null_in_a_config_is_a_value_and_not_an_absence() {
        let stage = |line: &str| {
            let factory = crate::build("filter", serde_json::json!({"field": "a", "equals": null}));
            crate::testing::run_built(&factory.unwrap().into(), &[line])
        };
        assert_eq!(stage(r#"{"a":null}"#), [r#"{"a":null}"#]);
        assert_eq!(stage("{}"), ["filtered"]);
    }

    #[test]
    fn a_bad_condition_is_refused_with_its_key() {
        const KNOWN: &str =
            "expected one of equals, in, exists, gt/ge/lt/le, matches, contains, all, any, not";
        let regex = "unclosed group";
        errors(
            "filter",
            &[
                ("", &format!("no test, {KNOWN}")),
                ("field = 'a'", &format!("no test, {KNOWN}")),
                (
                    "field = 'a'\nequals = 1\nin = [1]",
                    &format!("2 tests (equals, in), {KNOWN}"),
                ),
                (
                    "equals = 1",
                    "field: no field to test with `equals`, expected a path",
                ),
                (
                    "field = 'a'\nnot = { field = 'a', gt = 1 }",
                    "field: `field` can't stand beside `not`, expected one of the two",
                ),
                (
                    "all = []",
                    "all: the list is empty, expected at least one condition",
                ),
                (
                    "any = [{ not = { field = 'a', gt = 1, ge = 1 } }]",
                    "any[0].not.gt: `gt` can't stand beside `ge`, expected one of the two",
                ),
                (
                    "field = 'a'\ngt = 2\nlt = 1",
                    "the lower limit is above the upper one, expected a range",
                ),
                (
                    "field = 'a'\nin = []",
                    "in: the list is empty, expected at least one value",
                ),
                (
                    "field = 'a'\nin = ['x', [1]]",
                    "in[1]: [1], expected a string, a number, a boolean or null",
                ),
                (
                    "field = 'a'\nequal = 1",
                    "equal: unknown key \"equal\", did you mean \"equals\"?",
                ),
                (
                    "all = [{ feild = 'a', exists = true }]",
                    "all[0].feild: unknown key \"feild\", did you mean \"field\"?",
                ),
                (
                    "field = 'a'\nexists = 1",
                    "exists: invalid type: integer `1`, expected a boolean",
                ),
                ("field = 'a'\nmatches = '('", regex),
                ("field = 'a['\nexists = true", "field: "),
            ],
        );
    }
}
