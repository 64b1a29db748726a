//! What is asked for behind the `?` of a request.

use crate::taps::{TapAt, TapWanted};

/// Events a second, if nobody says.
const RATE: u32 = 100;
/// The most that may be asked for.
const MOST_RATE: u32 = 1_000;

const EXPECTED: &str = "expected one of `source`, `pipeline` with `stage`, `sink` and `dead_letters=true`, and if you like \
    `where`, `limit` and `rate`";

/// What `/api/v1/tap` is asked for: what is wanted, and after how many events it ends.
pub(crate) fn tap(query: Option<&str>) -> Result<(TapWanted, Option<u64>), String> {
    let mut named: [Option<String>; 5] = Default::default();
    let [source, pipeline, stage, sink, dead_letters] = &mut named;
    let (mut conditions, mut limit, mut rate) = (Vec::new(), None, None);
    let pairs = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    for pair in pairs {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value).ok_or_else(|| format!("`{name}` does not read: {EXPECTED}"))?;
        let place = match name {
            "source" => &mut *source,
            "pipeline" => pipeline,
            "stage" => stage,
            "sink" => sink,
            "dead_letters" => dead_letters,
            "limit" => &mut limit,
            "rate" => &mut rate,
            "where" => {
                conditions.push(value);
                continue;
            }
            _ => return Err(format!("there is no `{name}` here: {EXPECTED}")),
        };
        if place.replace(value).is_some() {
            return Err(format!("`{name}` is there twice: {EXPECTED}"));
        }
    }
    let at = match named {
        [Some(source), None, None, None, None] => TapAt::Source(source),
        [None, Some(pipeline), Some(stage), None, None] => TapAt::Stage { pipeline, stage },
        [None, None, None, Some(sink), None] => TapAt::Sink(sink),
        [None, None, None, None, Some(yes)] if yes == "true" => TapAt::DeadLetters,
        _ => return Err(EXPECTED.to_owned()),
    };
    let limit = limit.map(|text: String| {
        let number = text.parse().ok().filter(|&number: &u64| number > 0);
        number.ok_or_else(|| format!("`limit` is {text:?}, expected a number from 1"))
    });
    let rate = rate.map_or(Ok(RATE), |text: String| {
        let number = text.parse().ok();
        let number = number.filter(|number| (1..=MOST_RATE).contains(number));
        number
            .ok_or_else(|| format!("`rate` is {text:?}, expected 1 to {MOST_RATE} events a second"))
    })?;
    let wanted = TapWanted {
        at,
        conditions,
        rate,
    };
    Ok((wanted, limit.transpose()?))
}

/// Text without its percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, others) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| plain)?);
                rest = others;
            }
            &byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_one_place_and_how_much_of_it() {
        let (wanted, limit) = tap(Some(
            "pipeline=clicks&stage=a%20b&where=type%3Dclick&where=x=1&limit=5&rate=7",
        ))
        .unwrap();
        let at = TapAt::Stage {
            pipeline: "clicks".to_owned(),
            stage: "a b".to_owned(),
        };
        let conditions = vec!["type=click".to_owned(), "x=1".to_owned()];
        assert_eq!(
            wanted,
            TapWanted {
                at,
                conditions,
                rate: 7
            }
        );
        assert_eq!(limit, Some(5));
        let (wanted, limit) = tap(Some("dead_letters=true")).unwrap();
        assert_eq!(
            (wanted.at, wanted.rate, limit),
            (TapAt::DeadLetters, RATE, None)
        );
    }

    #[test]
    fn what_is_asked_for_wrongly_is_told_with_what_was_expected() {
        for query in [
            "",
            "source=a&sink=b",
            "pipeline=a",
            "stage=a",
            "dead_letters=no",
            "source=a&source=b",
            "source=a&colour=red",
            "source=%4",
            "source=%+4",
            "source=%ff",
            "source=a&limit=0",
            "source=a&rate=0",
            "source=a&rate=1001",
        ] {
            let error = tap(Some(query)).unwrap_err();
            assert!(error.contains("expected"), "{query}: {error}");
        }
        assert!(tap(None).is_err());
    }
}
