//! Generated lines: clickstream events and sessions, 1 % of them malformed.

use super::{Kind, Shape};
use crate::bench::workload::ELEMENTS;

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

/// The next line, without its line break, and what it is.
pub(super) fn line(shape: Shape, random: &mut Random, now: u64) -> (Vec<u8>, Kind) {
    let (line, kind) = match shape {
        Shape::Clicks => click(random, now),
        Shape::Sessions => (session(random, now), Kind::Other),
    };
    if random.below(100) == 0 {
        return (spoiled(random, line), Kind::Malformed);
    }
    (line.into_bytes(), kind)
}

fn click(random: &mut Random, now: u64) -> (String, Kind) {
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
    let kind = if kind == "view" {
        Kind::View
    } else {
        Kind::Other
    };
    (line, kind)
}

/// A session as one event, with an array of what happened in it.
fn session(random: &mut Random, now: u64) -> String {
    let mut line = format!(
        "{{\"id\":\"{id:016x}{id_end:016x}\",\"type\":\"session\",\"user_id\":\"u{user}\",\"events\":[",
        id = random.next(),
        id_end = random.next(),
        user = random.skewed(100_000.0),
    );
    for element in 0..ELEMENTS {
        let comma = if element == 0 { "" } else { "," };
        let (item, ts) = (random.skewed(50_000.0), now + element);
        line += &format!("{comma}{{\"item_id\":{item},\"ts\":{ts},\"type\":\"click\"}}");
    }
    line += "]}";
    line
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
pub(crate) struct Random(pub(super) u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is far below 2^64, so that the remainder is even enough.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number from 1 to `most`, small ones far more often: each factor of ten is as likely as the next.
    fn skewed(&mut self, most: f64) -> u64 {
        most.powf(self.share()) as u64
    }

    /// A number from 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
