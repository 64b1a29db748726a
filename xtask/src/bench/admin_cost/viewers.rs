//! Those who look at the live page: they load it, and then hear what changes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::bench::cores;

/// How often a viewer looks whether it is over.
const GLANCE: Duration = Duration::from_millis(500);

pub(super) struct Viewers {
    over: Arc<AtomicBool>,
    all: Vec<JoinHandle<anyhow::Result<usize>>>,
}

impl Viewers {
    pub(super) fn begin(admin: u16, count: usize, cores: &[usize]) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let all = (0..count).map(|_| {
            let (over, cores) = (over.clone(), cores.to_vec());
            thread::spawn(move || {
                cores::bind(&cores)?;
                look(admin, &over)
            })
        });
        Ok(Viewers {
            all: all.collect(),
            over,
        })
    }

    /// How many documents they saw.
    pub(super) fn end(self) -> anyhow::Result<usize> {
        self.over.store(true, Ordering::Relaxed);
        let mut seen = 0;
        for one in self.all {
            let one = one.join();
            let one = one.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            ensure!(one > 0, "a viewer saw nothing");
            seen += one;
        }
        Ok(seen)
    }
}

fn look(admin: u16, over: &AtomicBool) -> anyhow::Result<usize> {
    let page = get(admin, "/")?;
    ensure!(page.contains("200 OK"), "the page is not there: {page}");
    for part in page.split(['"', '\'']).filter(|part| part.starts_with('/')) {
        get(admin, part)?;
    }
    get(admin, "/api/v1/history")?;
    let mut stream = ask(admin, "/api/v1/live")?;
    stream.set_read_timeout(Some(GLANCE))?;
    let (mut seen, mut buffer) = (0, vec![0; 64 << 10]);
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                let events = buffer[..read].windows(6);
                seen += events.filter(|bytes| *bytes == b"event:").count();
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error).context("a viewer was cut off"),
        }
    }
    Ok(seen)
}

fn get(admin: u16, path: &str) -> anyhow::Result<String> {
    let mut answer = Vec::new();
    ask(admin, path)?.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn ask(admin: u16, path: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, admin))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}
