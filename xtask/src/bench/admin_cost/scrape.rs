//! Reads the daemon's counters over one connection that stays open: new ones wait behind the junk.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::bench::counters::Reading;

pub(super) struct Scrape(TcpStream);

impl Scrape {
    pub(super) fn open(admin: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, admin))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Scrape(stream))
    }

    /// How many events have come to their end.
    pub(super) fn ended(&mut self) -> anyhow::Result<u64> {
        self.0
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.context("an answer without a length")?.parse()? {
                    return Ok(Reading::parse(body)?.counts.ended());
                }
            }
            let read = self.0.read(&mut buffer)?;
            ensure!(read > 0, "the daemon closed the connection");
            answer.extend_from_slice(&buffer[..read]);
        }
    }
}
