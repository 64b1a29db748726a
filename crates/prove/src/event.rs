//! The events of a trial. Each follows from the seed and its number, so that what comes out can be compared to the
//! byte with what went in, without keeping it.

use fastrand::Rng;

/// How many keys each client sends.
pub(crate) const KEYS: u64 = 16;

/// What bodies are made of: text that does not survive a decoding and encoding on the way unchanged.
const WORDS: [&str; 16] = [
    "pond", "mill", "0", "1.10", "\\\"", "\\\\", "\\n", "\\u0041", "é", "\\u00e9", "→", "sluice",
    " ", "wheel", "{}[],:", "null",
];

/// How every event begins.
const BEGINNING: &str = "{\"client\":";
const NUMBER: &str = ",\"n\":";

/// An event: the one of this number, counted from 0, that this client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) client: usize,
    pub(crate) n: u64,
}

impl Event {
    /// Which of its client's keys it has. Its number among the events of that key is `n / KEYS`.
    pub(crate) fn key(self) -> usize {
        (self.n % KEYS) as usize
    }

    /// Appends its line, without the end of it.
    pub(crate) fn write(self, seed: u64, line: &mut Vec<u8>) {
        let Event { client, n } = self;
        let (key, count) = (self.key(), n / KEYS);
        let head = format!(
            "{BEGINNING}{client}{NUMBER}{n},\"key\":\"c{client}k{key}\",\"count\":{count},\"body\":\""
        );
        line.extend_from_slice(head.as_bytes());
        let mixed = seed ^ ((client as u64) << 48) ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = Rng::with_seed(mixed);
        for _ in 0..random.u32(20..80) {
            let word = WORDS[random.usize(..WORDS.len())];
            line.extend_from_slice(word.as_bytes());
        }
        line.extend_from_slice(b"\"}");
    }

    /// Reads which event a line says it is.
    pub(crate) fn named_by(line: &[u8]) -> Option<Event> {
        let rest = line.strip_prefix(BEGINNING.as_bytes())?;
        let (client, rest) = number(rest)?;
        let rest = rest.strip_prefix(NUMBER.as_bytes())?;
        let (n, rest) = number(rest)?;
        (rest.first() == Some(&b',')).then_some(())?;
        let client = usize::try_from(client).ok()?;
        Some(Event { client, n })
    }
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let digits = std::str::from_utf8(&text[..end]).ok()?;
    Some((digits.parse().ok()?, &text[end..]))
}

/// Whether a line that is no event may be the beginning of one, cut off by a crash.
pub(crate) fn may_be_torn(line: &[u8], seed: u64) -> bool {
    match Event::named_by(line) {
        Some(event) => {
            let mut whole = Vec::new();
            event.write(seed, &mut whole);
            whole.starts_with(line)
        }
        None => {
            let fixed = line.len().min(BEGINNING.len());
            let names = |byte: &u8| byte.is_ascii_digit() || NUMBER.as_bytes().contains(byte);
            line[..fixed] == BEGINNING.as_bytes()[..fixed] && line[fixed..].iter().all(names)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(client: usize, n: u64) -> Vec<u8> {
        let mut line = Vec::new();
        Event { client, n }.write(7, &mut line);
        line
    }

    #[test]
    fn an_event_is_json_that_names_itself_and_no_two_are_equal() {
        let mut seen = std::collections::BTreeSet::new();
        for (client, n) in (0..3).flat_map(|client| (0..200).map(move |n| (client, n))) {
            let line = line(client, n);
            let value: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
            assert_eq!(value["n"], n);
            assert_eq!(Event::named_by(&line), Some(Event { client, n }));
            assert!(!line.contains(&b'\n') && seen.insert(value["body"].to_string()));
        }
    }

    #[test]
    fn only_the_beginning_of_an_event_passes_for_a_torn_one() {
        let whole = line(1, 42);
        for end in 0..whole.len() {
            assert!(may_be_torn(&whole[..end], 7), "cut at {end}");
        }
        let mut changed = whole.clone();
        changed.truncate(whole.len() - 1);
        changed[30] ^= 1;
        for line in [
            &b"x"[..],
            b"{\"client\":1;",
            b"{\"clients",
            &changed,
            &whole[1..],
        ] {
            assert!(!may_be_torn(line, 7), "{}", line.escape_ascii());
        }
    }
}
