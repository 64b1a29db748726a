//! The straightforward loop: a line, a `serde_json::Value`, an edit, a line.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use anyhow::Context;
use serde_json::Value;

use crate::door::{Counts, is_blank};
use crate::output::{BUFFER, Outputs};

/// Works until the connection ends.
pub(crate) fn run(stream: TcpStream, outputs: &mut Outputs) -> anyhow::Result<Counts> {
    let mut reader = BufReader::with_capacity(BUFFER, stream);
    let mut counts = Counts::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        if read.context("the connection broke")? == 0 {
            return Ok(counts);
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        if is_blank(line) {
            continue;
        }
        counts.received += 1;
        let Ok(Value::Object(mut event)) = serde_json::from_slice(line) else {
            counts.malformed += 1;
            outputs.reject(line)?;
            continue;
        };
        let weight = match event.get("type").and_then(Value::as_str) {
            Some("click") => 1,
            Some("add_to_cart") => 3,
            Some("purchase") => 10,
            _ => {
                counts.filtered += 1;
                continue;
            }
        };
        event.insert("weight".to_owned(), Value::from(weight));
        if let Some(Value::Object(context)) = event.get_mut("context") {
            // `remove` would move the last field into the gap.
            context.shift_remove("ua");
        }
        serde_json::to_writer(&mut outputs.rows, &event).context("cannot write a row")?;
        outputs
            .rows
            .write_all(b"\n")
            .context("cannot write a row")?;
        counts.written += 1;
    }
}
