//! With a key, the events of each key come out in the input order of their connection, however hot
//! the key and however many workers there are.

mod common;

use std::io::{BufWriter, Write};

use common::Place;
use common::w1::Dice;

/// Fewer where nothing is optimised: the release build of this test runs the full million.
const EVENTS: u64 = if cfg!(debug_assertions) {
    150_000
} else {
    1_000_000
};
const KEYS: u64 = 10_000;

fn run(connections: u64) {
    let place = Place::new(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.keyed]\nkey = \"user.id\"\nstages = [{ type = \"set\", field = \"seen\", value = true }]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{dir}/out.ndjson\"\n\
         [runtime]\nworkers = 4\nmemory = \"16MiB\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    let daemon = place.start().ready();
    std::thread::scope(|scope| {
        for connection in 0..connections {
            let stream = daemon.connect("feed");
            scope.spawn(move || {
                let mut dice = Dice(connection + 1);
                let mut stream = BufWriter::with_capacity(100_000, stream);
                for number in 0..EVENTS / connections {
                    // Key 0 is hot: every third event.
                    let key = if number % 3 == 0 { 0 } else { dice.below(KEYS) };
                    let noise = ["", "\"user\":{\"id\":\"not me\"},", "\"x\":\"\\\"user\\\":{\"," ][dice.below(3) as usize];
                    writeln!(stream, "{{{noise}\"c\":{connection},\"n\":{number},\"user\":{{\"id\":\"k{key}\"}}}}").expect("taken");
                }
                stream.flush().expect("taken");
            });
        }
    });
    let all = (EVENTS / connections * connections) as f64;
    daemon.until("all received", |daemon| {
        daemon.metric("millpond_events_received_total") >= all
    });
    let ended = daemon.terminate();
    ended.expect_clean();
    assert_eq!(ended.totals().delivered as f64, all);

    let mut last = vec![-1_i64; (KEYS * connections) as usize];
    let mut lines = 0;
    for line in place
        .read("out.ndjson")
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let field = |name: &str| {
            let text = std::str::from_utf8(line).expect("UTF-8");
            let from = text
                .rfind(name)
                .unwrap_or_else(|| panic!("{name} in {text}"))
                + name.len();
            let digits: String = text[from..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<u64>().expect("a number")
        };
        let (connection, number, key) = (field("\"c\":"), field("\"n\":"), field("\"id\":\"k"));
        let last = &mut last[(key * connections + connection) as usize];
        assert!(
            *last < number as i64,
            "key {key}, connection {connection}: {number} after {last}"
        );
        *last = number as i64;
        lines += 1;
    }
    assert_eq!(lines as f64, all);
}

#[test]
fn of_one_connection() {
    run(1);
}

#[test]
fn of_four_connections() {
    run(4);
}
