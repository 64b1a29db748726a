//! The reference task: click-stream lines and what must come out, made together so that neither is
//! derived from the other by the code under test.

use std::collections::BTreeMap;

/// The stages of the reference task, as a pipeline's configuration.
pub const STAGES: &str = r#"
stages = [
  { type = "filter", field = "type", in = ["click", "add_to_cart", "purchase"] },
  { type = "map", field = "type", into = "weight", values = { click = 1, add_to_cart = 3, purchase = 10 } },
  { type = "remove", fields = ["context.ua"] },
]
"#;

/// Input lines and the expected output.
#[derive(Default)]
pub struct W1 {
    /// Input lines with their newlines.
    pub input: Vec<Vec<u8>>,
    /// Per input line: what must come out, if anything.
    pub output: Vec<Option<Vec<u8>>>,
    /// Per input line: the user, if it is an event.
    pub users: Vec<Option<u64>>,
    pub filtered: u64,
    pub malformed: u64,
}

/// A small generator of its own: the test's input does not depend on any crate's random numbers.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl W1 {
    /// `count` lines; every other event belongs to user 0 when `hot`.
    pub fn generate(count: usize, seed: u64, hot: bool) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut all = W1::default();
        for number in 0..count {
            all.push(number, &mut dice, hot);
        }
        all
    }

    fn push(&mut self, number: usize, dice: &mut Dice, hot: bool) {
        let user = if hot && number.is_multiple_of(2) {
            0
        } else {
            dice.below(5_000)
        };
        let kind = [
            "view",
            "view",
            "view",
            "click",
            "click",
            "add_to_cart",
            "purchase",
        ][dice.below(7) as usize];
        let page = [
            "/",
            "/item",
            "/category/\u{fc}ber",
            "/a\\u00fcb",
            "\\\"quoted\\\"",
        ][dice.below(5) as usize];
        let agent =
            ["Mozilla/5.0 (X11; Linux)", "Weird \\\"agent\\\" \\\\", "ua"][dice.below(3) as usize];
        let exact = [
            "1.10",
            "18446744073709551615",
            "-0",
            "1e400",
            "0.1000000000000000055511151231257827",
        ];
        let exact = exact[dice.below(5) as usize];
        let head = format!(
            r#"{{"n":{number},"type":"{kind}","user_id":"u{user}","exact":{exact},"tags":[1, {{"ua":"keep"}}],"context":{{"page":"{page}","#
        );
        let line = match dice.below(3) {
            0 => format!(r#"{head}"ua":"{agent}","ip":"10.0.0.1"}}}}"#),
            1 => format!(r#"{head}"ip":"10.0.0.1","ua":"{agent}"}}}}"#),
            _ => format!(r#"{head}"ip":"10.0.0.1"}}}}"#),
        };
        if dice.below(100) == 0 {
            let broken = match dice.below(3) {
                0 => line[..head.len() - 10].to_owned(),
                1 => format!("{line}}}"),
                _ => line.replacen(':', "=", 1),
            };
            self.malformed += 1;
            return self.add(broken, None, None);
        }
        let weight = BTreeMap::from([("click", 1), ("add_to_cart", 3), ("purchase", 10)]);
        let Some(weight) = weight.get(kind) else {
            self.filtered += 1;
            return self.add(line, None, Some(user));
        };
        let kept = format!(r#"{head}"ip":"10.0.0.1"}},"weight":{weight}}}"#);
        self.add(line, Some(kept), Some(user));
    }

    fn add(&mut self, line: String, kept: Option<String>, user: Option<u64>) {
        self.input.push((line + "\n").into_bytes());
        self.output.push(kept.map(String::into_bytes));
        self.users.push(user);
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.input.concat()
    }

    pub fn delivered(&self) -> u64 {
        self.output.iter().flatten().count() as u64
    }

    /// Asserts that `lines` are the expected output, in any order.
    pub fn check(&self, mut lines: Vec<Vec<u8>>) {
        let mut want: Vec<Vec<u8>> = self.output.iter().flatten().cloned().collect();
        want.sort_unstable();
        lines.sort_unstable();
        if want != lines {
            let first = want
                .iter()
                .zip(&lines)
                .position(|(want, line)| want != line)
                .unwrap_or(want.len().min(lines.len()));
            let text = |lines: &[Vec<u8>]| {
                lines
                    .get(first)
                    .map(|line| String::from_utf8_lossy(line).into_owned())
            };
            panic!(
                "{} lines, expected {}; first difference:\n{:?}\nexpected\n{:?}",
                lines.len(),
                want.len(),
                text(&lines),
                text(&want)
            );
        }
    }
}
