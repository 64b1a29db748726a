//! A letter as a line of JSON: what people and scripts read.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use super::{Found, Truncated};

/// The last microsecond that RFC 3339 can write.
const LAST_MICROS: u64 = 253_402_300_799_999_999;

impl Found<'_> {
    /// Appends the letter as one line of JSON, with its newline. The original is the string `event`
    /// if it is UTF-8, else `event_base64`; a truncated one that is UTF-8 but for a last character
    /// cut in two loses what is left of that character. `length` and `hash` (16 hex digits) follow
    /// when it was truncated.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        let letter = &self.letter;
        append(out, format_args!("{{\"time\":\"{}\"", self.time()));
        for (key, text) in [("pipeline", letter.pipeline), ("source", letter.source)] {
            member(out, key, text);
        }
        append(
            out,
            format_args!(
                ",\"partition\":{},\"sequence\":{},\"offset\":{}",
                letter.partition, letter.sequence, letter.offset
            ),
        );
        for (key, text) in [
            ("stage", letter.stage),
            ("reason", letter.reason),
            ("detail", letter.detail),
        ] {
            member(out, key, text);
        }
        match self.text() {
            Some(text) => member(out, "event", text),
            None => {
                out.extend_from_slice(b",\"event_base64\":\"");
                base64(letter.event, out);
                out.push(b'"');
            }
        }
        if let Some(Truncated { length, hash }) = letter.truncated {
            append(
                out,
                format_args!(",\"length\":{length},\"hash\":\"{hash:016x}\""),
            );
        }
        append(
            out,
            format_args!(
                ",\"attempts\":{},\"id\":\"{}\",\"replayed\":{}}}\n",
                letter.attempts, self.id, self.replayed
            ),
        );
    }

    /// When the letter was set aside, in RFC 3339.
    pub fn time(&self) -> impl std::fmt::Display + use<> {
        let micros = self.letter.time_micros.min(LAST_MICROS);
        humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_micros(micros))
    }

    fn text(&self) -> Option<&str> {
        let event = self.letter.event;
        std::str::from_utf8(event)
            .or_else(|error| match error.error_len() {
                None if self.letter.truncated.is_some() => {
                    std::str::from_utf8(&event[..error.valid_up_to()])
                }
                _ => Err(error),
            })
            .ok()
    }
}

fn member(out: &mut Vec<u8>, key: &str, text: &str) {
    append(out, format_args!(",\"{key}\":"));
    serde_json::to_writer(out, text).expect("a Vec takes every byte, and a str is valid JSON");
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
    use super::*;
    use crate::{Class, Id, Letter};

    fn letter(event: &[u8]) -> Letter<'_> {
        Letter {
            class: Class::Rejects,
            time_micros: 1_767_225_600_123_456,
            pipeline: "p\"q",
            source: "tcp\n",
            partition: u64::MAX,
            sequence: 1,
            offset: 2,
            stage: "decode",
            reason: "bad_syntax",
            detail: "\u{1}ü",
            attempts: 1,
            event,
            truncated: None,
        }
    }

    fn line(letter: &Letter<'_>) -> Vec<u8> {
        let mut line = Vec::new();
        Found {
            id: Id {
                class: letter.class,
                sequence: 7,
            },
            letter: *letter,
            replayed: false,
        }
        .write_line(&mut line);
        line
    }

    fn written(letter: &Letter<'_>) -> serde_json::Value {
        let line = line(letter);
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        serde_json::from_slice(&line).expect("valid JSON")
    }

    #[test]
    fn a_letter_is_written_as_it_always_was_and_what_is_new_comes_last() {
        let letter = Letter {
            time_micros: 1_767_225_600_000_000,
            pipeline: "clicks",
            source: "web",
            partition: 3,
            sequence: 41,
            offset: 10_250,
            detail: "expected a value at byte 5",
            ..letter(br#"{"a":}"#)
        };
        assert_eq!(
            String::from_utf8_lossy(&line(&letter)),
            concat!(
                r#"{"time":"2026-01-01T00:00:00.000000Z","pipeline":"clicks","source":"web","#,
                r#""partition":3,"sequence":41,"offset":10250,"stage":"decode","reason":"bad_syntax","#,
                r#""detail":"expected a value at byte 5","event":"{\"a\":}","#,
                r#""attempts":1,"id":"rejects-7","replayed":false}"#,
                "\n",
            )
        );
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
        let cut_in_a_character = Letter {
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
    fn a_time_beyond_the_calendar_is_written_as_its_end() {
        let late = Letter {
            time_micros: u64::MAX,
            ..letter(b"{}")
        };
        assert_eq!(written(&late)["time"], "9999-12-31T23:59:59.999999Z");
    }
}
