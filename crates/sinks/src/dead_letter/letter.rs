use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use crate::Place;

/// The last microsecond that RFC 3339 can write.
const LAST_MICROS: u64 = 253_402_300_799_999_999;

/// An event that was set aside, with where it came from and why.
///
/// ```
/// use millpond_sinks::DeadLetter;
///
/// let letter = DeadLetter {
///     time_micros: 1_767_225_600_000_000,
///     pipeline: "clicks",
///     source: "web",
///     partition: 3,
///     sequence: 41,
///     offset: 10_250,
///     stage: "decode",
///     reason: "bad_syntax",
///     detail: "expected a value at byte 5",
///     event: br#"{"a":}"#,
///     truncated: None,
///     row: None,
/// };
/// let mut line = Vec::new();
/// letter.write_to(&mut line);
/// assert_eq!(
///     String::from_utf8_lossy(&line),
///     concat!(
///         r#"{"time":"2026-01-01T00:00:00.000000Z","pipeline":"clicks","source":"web","#,
///         r#""partition":3,"sequence":41,"offset":10250,"stage":"decode","reason":"bad_syntax","#,
///         r#""detail":"expected a value at byte 5","event":"{\"a\":}"}"#,
///         "\n",
///     )
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'a> {
    /// When it was set aside, in microseconds since the Unix epoch.
    pub time_micros: u64,
    /// The pipeline it was in.
    pub pipeline: &'a str,
    /// The source it came from.
    pub source: &'a str,
    /// The source's partition.
    pub partition: u64,
    /// Its number in the partition.
    pub sequence: u64,
    /// Where its first byte is in the partition.
    pub offset: u64,
    /// Where it failed: a stage's name, `decode` or `ingest`.
    pub stage: &'a str,
    /// Why, in a word for machines.
    pub reason: &'a str,
    /// Why, for people.
    pub detail: &'a str,
    /// The bytes it came in; for one that was too long, how they begin.
    pub event: &'a [u8],
    /// What is known of the original when `event` is only its beginning.
    pub truncated: Option<Truncated>,
    /// Where a row was that a sink's destination refused. Then `event` is the row as it was encoded for
    /// the sink, whose name is the stage; what it came from is known no more.
    pub row: Option<SinkRow>,
}

/// A row on its way into a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkRow {
    /// The shard it came from.
    pub shard: u32,
    /// Where in its lane it belongs, if a journal keeps its event.
    pub place: Option<Place>,
    /// Attempts that were made to write it.
    pub attempts: u32,
}

/// An original that was too long to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Its length in bytes.
    pub length: u64,
    /// The xxh3-64 of all of it.
    pub hash: u64,
}

impl DeadLetter<'_> {
    /// Appends the letter as one line of JSON, with its newline. The original is the string `event`
    /// if it is UTF-8, else `event_base64`; a truncated one that is UTF-8 but for a last character
    /// cut in two loses what is left of that character. `length` and `hash` (16 hex digits) follow
    /// when it was truncated, `shard`, `position`, `ordinal` and `output` (where known) and `attempts`
    /// when it is a row.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let micros = self.time_micros.min(LAST_MICROS);
        let time = UNIX_EPOCH + Duration::from_micros(micros);
        append(
            out,
            format_args!("{{\"time\":\"{}\"", humantime::format_rfc3339_micros(time)),
        );
        for (key, text) in [("pipeline", self.pipeline), ("source", self.source)] {
            self.member(out, key, text);
        }
        append(
            out,
            format_args!(
                ",\"partition\":{},\"sequence\":{},\"offset\":{}",
                self.partition, self.sequence, self.offset
            ),
        );
        for (key, text) in [
            ("stage", self.stage),
            ("reason", self.reason),
            ("detail", self.detail),
        ] {
            self.member(out, key, text);
        }
        match self.text() {
            Some(text) => self.member(out, "event", text),
            None => {
                out.extend_from_slice(b",\"event_base64\":\"");
                base64(self.event, out);
                out.push(b'"');
            }
        }
        if let Some(Truncated { length, hash }) = self.truncated {
            append(
                out,
                format_args!(",\"length\":{length},\"hash\":\"{hash:016x}\""),
            );
        }
        if let Some(row) = self.row {
            append(out, format_args!(",\"shard\":{}", row.shard));
            if let Some(Place { position, output }) = row.place {
                append(
                    out,
                    format_args!(
                        ",\"position\":{},\"ordinal\":{},\"output\":{output}",
                        position.sequence, position.ordinal
                    ),
                );
            }
            append(out, format_args!(",\"attempts\":{}", row.attempts));
        }
        out.extend_from_slice(b"}\n");
    }

    fn member(&self, out: &mut Vec<u8>, key: &str, text: &str) {
        append(out, format_args!(",\"{key}\":"));
        serde_json::to_writer(out, text).expect("a Vec takes every byte, and a str is valid JSON");
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.event)
            .or_else(|error| match error.error_len() {
                None if self.truncated.is_some() => {
                    std::str::from_utf8(&self.event[..error.valid_up_to()])
                }
                _ => Err(error),
            })
            .ok()
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every byte");
}

/// RFC 4648 base64, padded.
fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            out.push(if digit <= group.len() {
                DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]
            } else {
                b'='
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use millpond_event::Position;

    use super::*;

    fn letter(event: &[u8]) -> DeadLetter<'_> {
        DeadLetter {
            time_micros: 1_767_225_600_123_456,
            pipeline: "p\"q",
            source: "tcp\n",
            partition: u64::MAX,
            sequence: 1,
            offset: 2,
            stage: "decode",
            reason: "bad_syntax",
            detail: "\u{1}ü",
            event,
            truncated: None,
            row: None,
        }
    }

    fn written(letter: &DeadLetter<'_>) -> serde_json::Value {
        let mut line = Vec::new();
        letter.write_to(&mut line);
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        serde_json::from_slice(&line).expect("valid JSON")
    }

    #[test]
    fn hostile_names_and_bytes_cannot_break_out_of_their_strings() {
        let event = b"{\"a\":\n\x00\"} \xc3\xbc";
        let value = written(&letter(event));
        assert_eq!(value["time"], "2026-01-01T00:00:00.123456Z");
        assert_eq!(value["pipeline"], "p\"q");
        assert_eq!(value["source"], "tcp\n");
        assert_eq!(value["partition"], u64::MAX);
        assert_eq!(value["detail"], "\u{1}ü");
        assert_eq!(value["event"].as_str().expect("text").as_bytes(), event);
        assert!(value.get("event_base64").is_none() && value.get("hash").is_none());
    }

    #[test]
    fn bytes_that_are_no_text_survive_as_base64() {
        for (bytes, expected) in [
            (&b"\xff"[..], "/w=="),
            (b"\xff\x00", "/wA="),
            (b"\xff\x00\x10", "/wAQ"),
            (b"\xff\x00\x10\x83", "/wAQgw=="),
        ] {
            let value = written(&letter(bytes));
            assert_eq!(value["event_base64"], expected);
            assert!(value.get("event").is_none());
        }
    }

    #[test]
    fn a_truncated_original_keeps_its_length_and_hash() {
        let cut_in_a_character = DeadLetter {
            truncated: Some(Truncated {
                length: 10 << 20,
                hash: 0xab,
            }),
            ..letter(b"abc\xc3")
        };
        let value = written(&cut_in_a_character);
        assert_eq!(value["event"], "abc");
        assert_eq!(value["length"], 10 << 20);
        assert_eq!(value["hash"], "00000000000000ab");
    }

    #[test]
    fn a_row_says_where_it_was_and_how_often_it_was_tried() {
        let row = SinkRow {
            shard: 7,
            place: Some(Place {
                position: Position {
                    sequence: 1 << 40,
                    ordinal: 5,
                },
                output: 2,
            }),
            attempts: 3,
        };
        let value = written(&DeadLetter {
            row: Some(row),
            ..letter(b"{}")
        });
        assert_eq!(
            (&value["shard"], &value["attempts"]),
            (&7.into(), &3.into())
        );
        assert_eq!(
            (&value["position"], &value["output"]),
            (&(1_u64 << 40).into(), &2.into())
        );
    }

    #[test]
    fn a_time_beyond_the_calendar_is_written_as_its_end() {
        let late = DeadLetter {
            time_micros: u64::MAX,
            ..letter(b"{}")
        };
        assert_eq!(written(&late)["time"], "9999-12-31T23:59:59.999999Z");
    }
}
