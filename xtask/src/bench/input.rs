//! The events that are sent: clickstream lines of about 300 bytes, made from a seed, 1 % of them malformed.

/// Lines in memory, and what each of them is.
pub(super) struct Input {
    bytes: Vec<u8>,
    /// The end of each line, behind its line break.
    ends: Vec<usize>,
    kinds: Vec<Kind>,
}

/// What a number of lines holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All lines.
    pub(super) lines: u64,
    /// Lines that are no JSON.
    pub(super) malformed: u64,
    /// Good lines whose type is `view`.
    pub(super) views: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Malformed,
    View,
    Other,
}

impl Input {
    /// `lines` lines; the same seed makes the same bytes.
    pub(super) fn generate(seed: u64, lines: usize) -> Self {
        let mut random = Random(seed);
        let mut now = 1_790_000_000_000;
        let mut input = Self {
            bytes: Vec::with_capacity(lines * 320),
            ends: Vec::with_capacity(lines),
            kinds: Vec::with_capacity(lines),
        };
        for _ in 0..lines {
            now += random.below(3);
            let (line, kind) = line(&mut random, now);
            input.bytes.extend_from_slice(&line);
            input.bytes.push(b'\n');
            input.ends.push(input.bytes.len());
            input.kinds.push(kind);
        }
        input
    }

    /// The first `events` lines of the endless repetition, in pieces of about `size` bytes that end with a line, each
    /// with its number of lines.
    pub(super) fn pieces(&self, events: u64, size: usize) -> impl Iterator<Item = (&[u8], u64)> {
        let (mut next, mut left) = (0, events);
        std::iter::from_fn(move || {
            if left == 0 || self.ends.is_empty() {
                return None;
            }
            let most = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.ends.len() - next);
            let begin = next.checked_sub(1).map_or(0, |last| self.ends[last]);
            let fitting = self.ends[next..next + most]
                .partition_point(|end| end - begin <= size)
                .max(1);
            let end = self.ends[next + fitting - 1];
            left -= fitting as u64;
            next = (next + fitting) % self.ends.len();
            Some((&self.bytes[begin..end], fitting as u64))
        })
    }

    /// What those lines hold.
    pub(super) fn tally(&self, events: u64) -> Tally {
        let mut tally = Tally {
            lines: events,
            ..Tally::default()
        };
        let distinct = self.kinds.len() as u64;
        for (index, kind) in (0_u64..).zip(&self.kinds) {
            let times = events / distinct + u64::from(index < events % distinct);
            match kind {
                Kind::Malformed => tally.malformed += times,
                Kind::View => tally.views += times,
                Kind::Other => {}
            }
        }
        tally
    }
}

const PAGES: [(&str, &str); 7] = [
    ("/", ""),
    ("/search", "search"),
    ("/item", "item"),
    ("/cart", "cart"),
    ("/checkout", "checkout"),
    ("/category/shoes", "category/shoes"),
    ("/category/über", "category/über"),
];

const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile",
    r#"Weird \"quoted\" \\ agent"#,
];

fn line(random: &mut Random, now: u64) -> (Vec<u8>, Kind) {
    let kind = match random.below(100) {
        0..70 => "view",
        70..90 => "click",
        90..97 => "add_to_cart",
        _ => "purchase",
    };
    // Spellings that a careless reader changes.
    let spellings = if random.below(100) < 2 {
        "\"big\":18446744073709551615,\"exact\":1.10,"
    } else {
        ""
    };
    let mut line = format!(
        "{{\"id\":\"{id:016x}{id_end:016x}\",\"type\":\"{kind}\",\"user_id\":\"u{user}\",\"item_id\":{item},\"ts\":{now},\
         \"session\":{session},{spellings}\"price\":{price:?},\"context\":{{\"page\":\"{page}\",\
         \"referrer\":\"https://example.com/{referrer}\",\"ua\":\"{agent}\",\"ip\":\"10.{a}.{b}.{c}\"}}}}",
        id = random.next(),
        id_end = random.next(),
        user = random.skewed(100_000.0),
        item = random.skewed(50_000.0),
        session = random.next() >> 11,
        price = (100 + random.below(49_901)) as f64 / 100.0,
        page = random.choose(&PAGES).0,
        referrer = random.choose(&PAGES).1,
        agent = random.choose(&AGENTS),
        a = random.below(256),
        b = random.below(256),
        c = random.below(256),
    );
    if random.below(2) == 0 {
        line = line.replace('ü', "\\u00fc");
    }
    if random.below(100) == 0 {
        return (spoiled(random, line), Kind::Malformed);
    }
    (
        line.into_bytes(),
        if kind == "view" {
            Kind::View
        } else {
            Kind::Other
        },
    )
}

/// The line cut short, with a bracket too many, with a wrong separator, or not there at all.
fn spoiled(random: &mut Random, line: String) -> Vec<u8> {
    let mut line = line.into_bytes();
    match random.below(4) {
        0 => line.truncate(1 + random.below(line.len() as u64 - 2) as usize),
        1 => line.push(b'}'),
        2 => {
            if let Some(colon) = line.iter_mut().find(|byte| **byte == b':') {
                *colon = b'=';
            }
        }
        _ => line = b"not json".to_vec(),
    }
    line
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is far below 2^64, so that the remainder is even enough.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number from 1 to `most`, small ones far more often: each factor of ten is as likely as the next.
    fn skewed(&mut self, most: f64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        most.powf(unit) as u64
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// What a JSON reader of somebody else's makes of `bytes`.
    fn judged(bytes: &[u8]) -> Tally {
        let mut tally = Tally::default();
        for line in bytes
            .strip_suffix(b"\n")
            .unwrap()
            .split(|byte| *byte == b'\n')
        {
            tally.lines += 1;
            match serde_json::from_slice::<Value>(line) {
                Ok(event) if event["type"] == "view" => tally.views += 1,
                Ok(event) => assert!(event["type"].is_string()),
                Err(_) => tally.malformed += 1,
            }
        }
        tally
    }

    #[test]
    fn the_tally_agrees_with_an_independent_reader() {
        let input = Input::generate(7, 20_000);
        assert_eq!(input.tally(20_000), judged(&input.bytes));
    }

    #[test]
    fn the_pieces_hold_exactly_what_the_tally_says() {
        let input = Input::generate(3, 1_000);
        for (events, size) in [
            (1, 4096),
            (999, 4096),
            (1_000, 1),
            (2_501, 64 << 10),
            (3_000, 1 << 30),
        ] {
            let mut sent = Vec::new();
            let mut lines = 0;
            for (piece, count) in input.pieces(events, size) {
                assert!(piece.ends_with(b"\n"));
                assert!(piece.len() <= size || count == 1);
                lines += count;
                sent.extend_from_slice(piece);
            }
            assert_eq!(lines, events);
            assert_eq!(
                judged(&sent),
                input.tally(events),
                "{events} in pieces of {size}"
            );
        }
        assert_eq!(input.pieces(0, 4096).count(), 0);
    }

    #[test]
    fn the_mix_is_the_reference_task_s() {
        let input = Input::generate(1, 50_000);
        let tally = input.tally(50_000);
        assert!((400..600).contains(&tally.malformed), "{tally:?}");
        assert!((34_000..35_300).contains(&tally.views), "{tally:?}");
        let mean = input.bytes.len() / 50_000;
        assert!((295..320).contains(&mean), "{mean} bytes a line");
        let text = String::from_utf8_lossy(&input.bytes);
        for part in [
            "\\u00fcber",
            "über",
            "\"exact\":1.10",
            "18446744073709551615",
            "\\\"quoted\\\"",
            "not json\n",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        assert_eq!(Input::generate(1, 100).bytes, Input::generate(1, 100).bytes);
        assert_ne!(Input::generate(1, 100).bytes, Input::generate(2, 100).bytes);
    }
}
