use super::DemoConfig;
use super::line::{HUNDREDTHS, Line, Word};
use super::random::{Random, Zipf};

/// Sessions that are open at a time.
const OPEN: usize = 4096;
/// The time stamp of the first event, in milliseconds.
const EPOCH: u64 = 1_790_000_000_000;
/// No event is longer, in bytes.
const LONGEST: usize = 640;

/// Lengths of sessions: log-normal, with a median of 6 and a mean of 16.8 events.
const LENGTH_MEDIAN: f64 = 6.0;
const LENGTH_SPREAD: f64 = 1.435;
const LENGTH_MOST: f64 = 500.0;

/// Views are 70 % of the events. The others are clicks, carts and purchases, 89.9 : 7.8 : 2.4.
const TYPES: [(f64, Word); 4] = [
    (0.7, Word::new("view")),
    (0.7 + 0.3 * 0.898, Word::new("click")),
    (0.7 + 0.3 * 0.976, Word::new("add_to_cart")),
    (1.0, Word::new("purchase")),
];
const PAGES: [Word; 8] = [
    Word::new("/"),
    Word::new("/search"),
    Word::new("/item"),
    Word::new("/cart"),
    Word::new("/checkout"),
    Word::new("/category/shoes"),
    Word::new("/category/über"),
    Word::new("/category/\\u00fcber"),
];
const AGENTS: [Word<96>; 4] = [
    Word::new("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"),
    Word::new("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile"),
    Word::new("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"),
    Word::new(r#"Weird \"quoted\" \\ agent"#),
];

/// Writes the events of synthetic shoppers as lines of JSON. The same configuration gives the same
/// bytes, however they are cut into calls.
///
/// ```
/// use millpond_ingest::{DemoConfig, Shoppers};
///
/// let mut buffer = vec![0; 64 << 10];
/// let (bytes, events) = Shoppers::new(&DemoConfig::default()).fill(&mut buffer, 100);
/// assert_eq!(events, 100);
/// assert_eq!(buffer[..bytes].iter().filter(|&&byte| byte == b'\n').count(), 100);
/// ```
pub struct Shoppers {
    random: Random,
    users: Zipf,
    items: Zipf,
    sessions: Vec<Session>,
    /// Events so far.
    count: u64,
    /// Events a second on the clock of the time stamps.
    rate: u64,
    /// A line is malformed when 32 random bits are below this.
    bad: u64,
}

#[derive(Clone, Copy)]
struct Session {
    id: Word<16>,
    user: Word<16>,
    address: Word<16>,
    agent: u8,
    left: u32,
}

impl Shoppers {
    /// Shoppers as configured. Of the rate only the time stamps know.
    pub fn new(config: &DemoConfig) -> Self {
        let mut shoppers = Shoppers {
            random: Random::new(config.seed),
            users: Zipf::new(config.users),
            items: Zipf::new(config.items),
            sessions: Vec::with_capacity(OPEN),
            count: 0,
            rate: if config.rate == 0 {
                50_000
            } else {
                config.rate
            },
            bad: (config.bad * (1u64 << 32) as f64) as u64,
        };
        for _ in 0..OPEN {
            let session = shoppers.session();
            shoppers.sessions.push(session);
        }
        shoppers
    }

    /// Writes up to `events` events to the front of `buffer`, as long as there is room for the
    /// longest; says how many bytes and events they are.
    pub fn fill(&mut self, buffer: &mut [u8], events: u64) -> (usize, u64) {
        let mut line = Line { buffer, at: 0 };
        let mut written = 0;
        while written < events && line.buffer.len() - line.at >= LONGEST {
            let start = line.at;
            self.event(&mut line);
            if self.bad > 0 && self.random.bits() >> 32 < self.bad {
                self.spoil(&mut line, start);
            }
            line.put(b"\n");
            written += 1;
        }
        (line.at, written)
    }

    fn event(&mut self, line: &mut Line<'_>) {
        let millis = self.millis();
        let random = &mut self.random;
        let slot = random.below(OPEN as u32) as usize;
        let session = &mut self.sessions[slot];
        line.put(b"{\"id\":\"");
        line.hex(random.bits());
        line.hex(random.bits());
        line.put(b"\",\"type\":\"");
        let drawn = random.unit();
        let kind = TYPES.iter().position(|(below, _)| drawn < *below);
        line.word(&TYPES[kind.unwrap_or(0)].1);
        line.put(b"\",\"user_id\":\"");
        line.word(&session.user);
        line.put(b"\",\"item_id\":");
        let item = self.items.draw(random);
        line.number(item);
        line.put(b",\"ts\":");
        line.number(EPOCH + millis);
        line.put(b",\"session\":");
        line.word(&session.id);
        let dice = random.bits();
        // One event in 64 has numbers that a careless reader changes.
        if dice & 63 == 0 {
            line.put(b",\"big\":18446744073709551615,\"exact\":1.10");
        }
        line.put(b",\"price\":");
        let cents = item.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        line.number(1 + cents % 499);
        line.put(&HUNDREDTHS[(cents >> 16) as usize % 100]);
        line.put(b",\"context\":{\"page\":\"");
        line.word(&PAGES[(dice >> 8) as usize % PAGES.len()]);
        line.put(b"\",\"referrer\":\"https://example.com");
        line.word(&PAGES[(dice >> 16) as usize % PAGES.len()]);
        line.put(b"\",\"ua\":\"");
        line.word(&AGENTS[usize::from(session.agent)]);
        line.put(b"\",\"ip\":\"");
        line.word(&session.address);
        line.put(b"\"}}");
        self.count += 1;
        session.left -= 1;
        if session.left == 0 {
            self.sessions[slot] = self.session();
        }
    }

    /// The time of the next event on their clock, in milliseconds from the first.
    fn millis(&self) -> u64 {
        match self.count.checked_mul(1000) {
            Some(thousands) => thousands / self.rate,
            None => (u128::from(self.count) * 1000 / u128::from(self.rate)) as u64,
        }
    }

    fn session(&mut self) -> Session {
        let random = &mut self.random;
        let length = LENGTH_MEDIAN * (LENGTH_SPREAD * random.normal()).exp();
        let id = random.bits() >> 11;
        let user = self.users.draw(random);
        let [_, a, b, c] = (random.bits() as u32).to_be_bytes();
        Session {
            id: Word::new(&id.to_string()),
            user: Word::new(&format!("u{user}")),
            address: Word::new(&format!("10.{a}.{b}.{c}")),
            agent: random.below(AGENTS.len() as u32) as u8,
            left: length.round().clamp(1.0, LENGTH_MOST) as u32,
        }
    }

    /// Makes the line that begins at `start` malformed, in one of four ways.
    fn spoil(&mut self, line: &mut Line<'_>, start: usize) {
        match self.random.below(4) {
            0 => {
                let length = (line.at - start) as u32;
                line.at = start + 1 + self.random.below(length - 2) as usize;
            }
            1 => line.put(b"}"),
            2 => {
                let text = &mut line.buffer[start..line.at];
                if let Some(colon) = memchr::memchr(b':', text) {
                    text[colon] = b'=';
                }
            }
            _ => {
                line.at = start;
                line.put(b"not json");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use millpond_event::{Event, Path};

    use super::*;

    fn text(config: &DemoConfig, events: u64, room: usize) -> Vec<u8> {
        let mut shoppers = Shoppers::new(config);
        let (mut text, mut left) = (Vec::new(), events);
        while left > 0 {
            let mut buffer = vec![0; room];
            let (bytes, written) = shoppers.fill(&mut buffer, left);
            text.extend_from_slice(&buffer[..bytes]);
            left -= written;
        }
        text
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_however_they_are_cut() {
        let config = DemoConfig {
            bad: 0.1,
            ..DemoConfig::default()
        };
        let one = text(&config, 5000, 4 << 20);
        assert!(one == text(&config, 5000, 1000));
        assert!(one != text(&DemoConfig { seed: 2, ..config }, 5000, 4 << 20));
    }

    #[test]
    fn the_shoppers_behave_as_real_ones_do() {
        let events = 60_000;
        let lines = text(&DemoConfig::default(), events, 1 << 20);
        let lines: Vec<_> = lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(lines.len() as u64, events);
        let field = |name| Path::parse(name).unwrap();
        let (kind, user, item, session, ts) = (
            field("type"),
            field("user_id"),
            field("item_id"),
            field("session"),
            field("ts"),
        );
        let mut kinds: HashMap<String, u32> = HashMap::new();
        let (mut users, mut items, mut sessions) = (HashMap::new(), HashMap::new(), HashMap::new());
        let (mut longest, mut now, mut order) = (0, 0, Vec::new());
        for line in lines {
            longest = longest.max(line.len());
            let event = Event::parse(line).unwrap();
            *kinds
                .entry(event.get_str(&kind).unwrap().into_owned())
                .or_default() += 1;
            *users
                .entry(event.get_str(&user).unwrap().into_owned())
                .or_insert(0) += 1;
            *items.entry(event.get_u64(&item).unwrap()).or_insert(0) += 1;
            let id = event.get_u64(&session).unwrap();
            let known = sessions.entry(id).or_insert_with(|| {
                order.push(id);
                0
            });
            *known += 1;
            let at = event.get_u64(&ts).unwrap();
            assert!(at >= now);
            now = at;
        }
        assert!(longest < LONGEST - 50, "{longest}");
        assert_eq!(now, EPOCH + (events - 1) * 1000 / 50_000);
        let share = |name: &str| f64::from(kinds[name]) / events as f64;
        for (name, expected) in [
            ("view", 0.7),
            ("click", 0.2694),
            ("add_to_cart", 0.0234),
            ("purchase", 0.0072),
        ] {
            assert!(
                (share(name) - expected).abs() < 0.003,
                "{name} {}",
                share(name)
            );
        }
        let hot =
            |counts: &HashMap<_, u32>| f64::from(*counts.values().max().unwrap()) / events as f64;
        assert!((0.04..0.09).contains(&hot(&items)), "{}", hot(&items));
        let busiest = f64::from(*users.values().max().unwrap()) / events as f64;
        assert!((0.03..0.10).contains(&busiest), "{busiest}");
        assert!(
            items.len() > 10_000 && users.len() > 2_000,
            "{} {}",
            items.len(),
            users.len()
        );
    }

    #[test]
    fn sessions_are_as_long_as_real_ones() {
        let mut shoppers = Shoppers::new(&DemoConfig::default());
        let mut lengths: Vec<_> = (0..50_000).map(|_| shoppers.session().left).collect();
        lengths.sort_unstable();
        let mean = f64::from(lengths.iter().sum::<u32>()) / lengths.len() as f64;
        assert_eq!(lengths[25_000], 6);
        assert!((15.5..17.5).contains(&mean), "mean {mean}");
        assert!(
            (35..42).contains(&lengths[45_000]),
            "p90 {}",
            lengths[45_000]
        );
        assert_eq!((lengths[0], lengths[49_999]), (1, 500));
    }

    #[test]
    fn bad_lines_come_at_their_rate_and_are_bad() {
        let config = DemoConfig {
            bad: 0.1,
            ..DemoConfig::default()
        };
        let lines = text(&config, 20_000, 1 << 20);
        let lines = lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        let bad = lines.filter(|line| Event::parse(line).is_err()).count();
        assert!((1800..2200).contains(&bad), "{bad}");
    }
}
