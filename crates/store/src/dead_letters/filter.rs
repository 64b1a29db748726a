use std::time::{SystemTime, UNIX_EPOCH};

use super::{Class, Found, Id};

/// The fields that a condition may name.
const FIELDS: &str = "id, class, pipeline, source, stage, reason, replayed, since or until";

/// Which letters are wanted: every one by default.
///
/// A condition is written `field=value`. Conditions on the same field are alternatives; those on different
/// fields must all hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    conditions: Vec<Condition>,
    fresh_only: bool,
}

/// A condition that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{condition:?}: {problem}")]
pub struct FilterError {
    /// The condition as it was given.
    pub condition: String,
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

#[derive(Clone, Debug)]
enum Condition {
    Id(Id),
    Class(Class),
    Pipeline(String),
    Source(String),
    Stage(String),
    Reason(String),
    Replayed(bool),
    Since(u64),
    Until(u64),
}

impl Filter {
    /// Reads conditions. `now` is what times like `1h` (ago) count from.
    ///
    /// # Errors
    /// [`FilterError`], naming the condition and what was expected.
    pub fn parse<T: AsRef<str>>(
        conditions: impl IntoIterator<Item = T>,
        now: SystemTime,
    ) -> Result<Self, FilterError> {
        let one = |text: T| {
            Condition::parse(text.as_ref(), now).map_err(|problem| FilterError {
                condition: text.as_ref().to_owned(),
                problem,
            })
        };
        let conditions = conditions.into_iter().map(one).collect::<Result<_, _>>()?;
        Ok(Filter {
            conditions,
            fresh_only: false,
        })
    }

    /// Of these, only the letters that have not been replayed.
    #[must_use]
    pub fn not_replayed(self) -> Self {
        Filter {
            fresh_only: true,
            ..self
        }
    }

    /// Whether a letter is wanted.
    pub fn matches(&self, found: &Found<'_>) -> bool {
        let held = self.conditions.iter().all(|condition| {
            let field = std::mem::discriminant(condition);
            let same = |other: &&Condition| std::mem::discriminant(*other) == field;
            let mut alternatives = self.conditions.iter().filter(same);
            alternatives.any(|condition| condition.holds(found))
        });
        held && !(self.fresh_only && found.replayed)
    }
}

impl Condition {
    fn parse(text: &str, now: SystemTime) -> Result<Self, String> {
        let expected = || format!("expected field=value with a field of {FIELDS}");
        let (field, value) = text.split_once('=').ok_or_else(expected)?;
        let owned = || value.to_owned();
        Ok(match field {
            "id" => {
                let message = "expected an id such as rejects-17 or accepted-4";
                Condition::Id(value.parse().map_err(|()| message.to_owned())?)
            }
            "class" => {
                let mut known = Class::ALL.into_iter();
                let class = known.find(|class| class.as_str() == value);
                Condition::Class(class.ok_or("expected rejects or accepted")?)
            }
            "pipeline" => Condition::Pipeline(owned()),
            "source" => Condition::Source(owned()),
            "stage" => Condition::Stage(owned()),
            "reason" => Condition::Reason(owned()),
            "replayed" => Condition::Replayed(match value {
                "true" => true,
                "false" => false,
                _ => return Err("expected true or false".to_owned()),
            }),
            "since" => Condition::Since(micros(value, now)?),
            "until" => Condition::Until(micros(value, now)?),
            _ => return Err(expected()),
        })
    }

    fn holds(&self, found: &Found<'_>) -> bool {
        let letter = &found.letter;
        match self {
            Condition::Id(id) => found.id == *id,
            Condition::Class(class) => found.id.class == *class,
            Condition::Pipeline(name) => letter.pipeline == name,
            Condition::Source(name) => letter.source == name,
            Condition::Stage(name) => letter.stage == name,
            Condition::Reason(reason) => letter.reason == reason,
            Condition::Replayed(replayed) => found.replayed == *replayed,
            Condition::Since(micros) => letter.time_micros >= *micros,
            Condition::Until(micros) => letter.time_micros < *micros,
        }
    }
}

/// A moment: as RFC 3339 has it, a date, or how long ago it was.
fn micros(value: &str, now: SystemTime) -> Result<u64, String> {
    let moment = humantime::parse_rfc3339_weak(value)
        .or_else(|_| humantime::parse_rfc3339(&format!("{value}T00:00:00Z")))
        .ok()
        .or_else(|| now.checked_sub(humantime::parse_duration(value).ok()?));
    let since = moment.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
    since
        .and_then(|since| u64::try_from(since.as_micros()).ok())
        .ok_or_else(|| {
            "expected a time such as 2026-01-31T12:00:00Z or 2026-01-31, or how long ago, such as 1h".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Letter;

    fn found<'a>(reason: &'a str, stage: &'a str, seconds: u64) -> Found<'a> {
        Found {
            id: Id {
                class: Class::Accepted,
                sequence: 4,
            },
            letter: Letter {
                reason,
                stage,
                time_micros: seconds * 1_000_000,
                ..Letter::default()
            },
            replayed: false,
        }
    }

    fn filter(conditions: &[&str]) -> Filter {
        let now = UNIX_EPOCH + Duration::from_secs(1_767_229_200);
        Filter::parse(conditions, now).expect("understood")
    }

    #[test]
    fn conditions_on_one_field_are_alternatives_and_those_on_several_must_all_hold() {
        let both = filter(&["reason=a", "reason=b", "stage=s"]);
        assert!(both.matches(&found("a", "s", 0)) && both.matches(&found("b", "s", 0)));
        assert!(!both.matches(&found("c", "s", 0)) && !both.matches(&found("a", "t", 0)));
        assert!(filter(&[]).matches(&found("a", "s", 0)));
        for (condition, wanted) in [
            ("id=accepted-4", true),
            ("id=accepted-5", false),
            ("id=rejects-4", false),
            ("class=accepted", true),
            ("class=rejects", false),
            ("replayed=false", true),
            ("replayed=true", false),
        ] {
            assert_eq!(
                filter(&[condition]).matches(&found("a", "s", 0)),
                wanted,
                "{condition}"
            );
        }
    }

    #[test]
    fn what_was_replayed_is_left_out_whatever_the_conditions_say() {
        let replayed = Found {
            replayed: true,
            ..found("a", "s", 0)
        };
        let any = filter(&["replayed=true", "replayed=false"]);
        assert!(any.matches(&replayed) && any.matches(&found("a", "s", 0)));
        let fresh = any.not_replayed();
        assert!(!fresh.matches(&replayed) && fresh.matches(&found("a", "s", 0)));
    }

    #[test]
    fn times_are_dates_moments_or_how_long_ago() {
        let noon = 1_767_225_600; // 2026-01-01T00:00:00Z, an hour before `now`
        for since in [
            "2026-01-01T00:00:00Z",
            "2026-01-01",
            "1h",
            "60m",
            "2026-01-01 00:00:00",
        ] {
            let since = filter(&[&format!("since={since}")]);
            assert!(since.matches(&found("", "", noon)));
            assert!(!since.matches(&found("", "", noon - 1)));
        }
        let until = filter(&["until=1h"]);
        assert!(until.matches(&found("", "", noon - 1)) && !until.matches(&found("", "", noon)));
    }

    #[test]
    fn what_is_not_understood_is_named_with_what_was_expected() {
        for (condition, part) in [
            ("reason", "field=value"),
            ("colour=red", "reason, replayed"),
            ("id=7", "rejects-17"),
            ("class=junk", "rejects or accepted"),
            ("replayed=yes", "true or false"),
            ("since=soon", "how long ago"),
        ] {
            let error = Filter::parse([condition], UNIX_EPOCH)
                .expect_err("refused")
                .to_string();
            assert!(error.contains(condition) && error.contains(part), "{error}");
        }
    }
}
