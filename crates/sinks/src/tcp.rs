use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::append::send;
use crate::{ConfigError, Rows, Sink, SinkError, WriteError, Writer};

/// A sink that sends rows over one TCP connection, and connects again when it breaks.
///
/// ```toml
/// [sinks.peer]
/// type = "tcp"
/// address = "collector.example.net:9000"
/// connect_timeout = "5s"                   # default
/// ```
///
/// Rows go out at least once, each connection beginning with a whole row: when a connection breaks,
/// the rows of the batch whose fate is unknown are sent again. TCP has no receipts, so rows that
/// the system has taken and the peer has not read when it breaks can be lost without anybody
/// noticing. A peer that closes its sending half is taken to have gone. What a peer sends is
/// ignored.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpConfig {
    /// Host and port. A peer that is not there is waited for.
    pub address: String,
    /// How long an attempt to connect may take.
    #[serde(default = "five_seconds", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub connect_timeout: Duration,
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

impl TcpConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let port = self
            .address
            .rsplit_once(':')
            .filter(|(host, _)| !host.is_empty())
            .and_then(|(_, port)| port.parse().ok())
            .filter(|&port: &u16| port > 0);
        if port.is_none() {
            let message = format!(
                "{:?} is no address, expected host:port such as \"127.0.0.1:9000\"",
                self.address
            );
            return Err(ConfigError::new("address", message));
        }
        if self.connect_timeout < Duration::from_millis(1) {
            let message = "0s leaves no time to connect, expected at least 1ms";
            return Err(ConfigError::new("connect_timeout", message));
        }
        Ok(())
    }
}

impl Sink for TcpConfig {
    fn open(self: Box<Self>, _: &str, _: Option<u64>) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(TcpWriter {
            config: *self,
            stream: None,
        }))
    }
}

/// How long the end of a run waits for the peer to have read everything.
const FAREWELL: Duration = Duration::from_secs(1);

struct TcpWriter {
    config: TcpConfig,
    stream: Option<TcpStream>,
}

impl TcpWriter {
    /// The connection, made anew if there is none or its peer has gone.
    fn stream(&mut self) -> io::Result<&mut TcpStream> {
        let stream = match self.stream.take().filter(is_alive) {
            Some(stream) => stream,
            None => connect(&self.config)?,
        };
        Ok(self.stream.insert(stream))
    }
}

fn connect(config: &TcpConfig) -> io::Result<TcpStream> {
    let address = &config.address;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, config.connect_timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(io::Error::new(
        last.kind(),
        format!("cannot connect to {address}: {last}"),
    ))
}

/// Looks, without waiting, whether the peer has closed or reset the connection, and throws away what
/// it sent: unread data would turn the end of the connection into a reset.
fn is_alive(stream: &TcpStream) -> bool {
    let mut ignored = [0_u8; 4096];
    // A peer that sends without end must not hold the sink up.
    for _ in 0..16 {
        match recv(stream, &mut ignored, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return error == Errno::AGAIN,
        }
    }
    true
}

impl Writer for TcpWriter {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let stream = self.stream().map_err(WriteError::transient)?;
        send(|slices| stream.write_vectored(slices), batches, 0).map_err(|(_, error)| {
            self.stream = None;
            WriteError::transient(error)
        })
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        match &self.stream {
            Some(stream) if is_alive(stream) => Ok(()),
            _ => {
                self.stream = None;
                let message = format!("{} has closed the connection", self.config.address);
                let error = io::Error::new(io::ErrorKind::ConnectionReset, message);
                Err(WriteError::transient(error))
            }
        }
    }

    fn finish(&mut self) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        // The peer's own end says that it has read ours.
        let until = Instant::now() + FAREWELL;
        let mut ignored = [0; 4096];
        if stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
                return;
            }
            match stream.read(&mut ignored) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;
    use crate::testing::records;

    fn writer(listener: &TcpListener) -> TcpWriter {
        TcpWriter {
            config: TcpConfig {
                address: listener.local_addr().expect("bound").to_string(),
                connect_timeout: five_seconds(),
            },
            stream: None,
        }
    }

    #[test]
    fn a_connection_that_breaks_is_made_again_from_a_whole_row() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let mut writer = writer(&listener);
        let (one, two) = (records(["one"]), records(["two", "three"]));
        writer.write(&[Rows::whole(&one)]).expect("sent");
        writer.flush().expect("alive");
        let (peer, _) = listener.accept().expect("a connection");
        let mut lines = BufReader::new(peer).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "one");
        drop(lines);

        // The peer's end is on its way; once it is here, the writer connects again by itself.
        while writer.stream.as_ref().is_some_and(is_alive) {
            std::thread::yield_now();
        }
        writer.flush().expect_err("the peer is gone");
        writer.write(&[Rows::whole(&two)]).expect("sent");
        writer.flush().expect("alive");
        let (peer, _) = listener.accept().expect("a second connection");
        let reader = std::thread::spawn(move || io::read_to_string(peer).expect("text"));
        writer.finish();
        assert_eq!(reader.join().expect("no panic"), "two\nthree\n");
    }

    #[test]
    fn a_peer_that_is_not_there_is_a_transient_error_that_names_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let mut writer = writer(&listener);
        let address = writer.config.address.clone();
        drop(listener);
        let rows = records(["one"]);
        let error = writer
            .write(&[Rows::whole(&rows)])
            .expect_err("nobody listens");
        assert!(matches!(error, WriteError::Transient { done: 0, .. }));
        assert!(error.to_string().contains(&address), "{error}");
    }
}
