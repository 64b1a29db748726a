//! Whatever bytes a connection brings: as far as they are let through, hyper finds the same requests in them as the
//! reader beside it, with the same bodies. Otherwise one could be smuggled past the other.
#![no_main]

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_lite::{AsyncRead, AsyncWrite, future};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use millpond_ingress::fuzzing::{bodies, is_clear};
use smol_hyper::rt::FuturesIo;

/// What requests are made of, more or less.
const WORDS: [&str; 24] = [
    "POST /v1/events HTTP/1.1\r\nhost: here\r\n",
    "GET / HTTP/1.0\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "content-length: ",
    "Content-Length:",
    "content-length : ",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding: ",
    "transfer-encoding : ",
    "chunked",
    "identity",
    "connection: keep-alive\r\n",
    "expect: 100-continue\r\n",
    "trailer: yes\r\n",
    "0\r\n\r\n",
    "\r\n",
    "\r\n\r\n",
    "\r",
    "\n",
    " ",
    "\t",
    ";",
    "+",
    "0x",
];

/// A part of what a connection brings: without lengths that are right, little is read to its end.
#[derive(Debug, Arbitrary)]
enum Part<'a> {
    Word(u8),
    Bytes(&'a [u8]),
    Number(u8),
    /// A request of this length, and as much of a body as it may be off.
    Whole { length: u8, off: Option<i8> },
    Chunk { size: u8, off: Option<i8> },
}

impl Part<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        let filler = |length: u8, off: Option<i8>| {
            vec![b'x'; usize::from(length.saturating_add_signed(off.unwrap_or(0)))]
        };
        match self {
            Part::Word(word) => to.extend(WORDS[usize::from(*word) % WORDS.len()].as_bytes()),
            Part::Bytes(bytes) => to.extend(*bytes),
            Part::Number(number) => to.extend(number.to_string().as_bytes()),
            Part::Whole { length, off } => {
                to.extend(format!("{}content-length: {length}\r\n\r\n", WORDS[0]).as_bytes());
                to.extend(filler(*length, *off));
            }
            Part::Chunk { size, off } => {
                to.extend(format!("{size:x}\r\n").as_bytes());
                to.extend(filler(*size, *off));
                to.extend(b"\r\n");
            }
        }
    }
}

/// How many bytes come at a time, and all of them: as they are where the first byte is even, otherwise put together.
fn input(data: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (&first, rest) = data.split_first()?;
    let piece = usize::from(first / 2) + 1;
    if first % 2 == 0 {
        return Some((piece, rest.to_vec()));
    }
    let mut bytes = Vec::new();
    let mut rest = Unstructured::new(rest);
    while !rest.is_empty() && bytes.len() < 64 << 10 {
        Part::arbitrary(&mut rest).ok()?.write(&mut bytes);
    }
    Some((piece, bytes))
}

/// A connection that brings these bytes and then ends.
struct Wire {
    bytes: Vec<u8>,
    at: usize,
    piece: usize,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = (self.bytes.len() - self.at).min(self.piece).min(into.len());
        into[..read].copy_from_slice(&self.bytes[self.at..self.at + read]);
        self.at += read;
        Poll::Ready(Ok(read))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The bodies that hyper reads to their end.
fn read_by_hyper(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let finds = found.clone();
    let answer = move |request: Request<Incoming>| {
        let finds = finds.clone();
        async move {
            let status = if request.method() == Method::POST { StatusCode::OK } else { StatusCode::METHOD_NOT_ALLOWED };
            if let Ok(body) = request.into_body().collect().await {
                finds.lock().expect("one thread").push(body.to_bytes().to_vec());
            }
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }
    };
    let wire = FuturesIo::new(Wire { bytes: bytes.to_vec(), at: 0, piece });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .half_close(true)
        .serve_connection(wire, service_fn(answer));
    let _ = future::block_on(connection);
    let found = found.lock().expect("one thread");
    found.clone()
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, bytes)) = input(data) else { return };
    let (framed, clear) = bodies(&bytes);
    assert_eq!(is_clear(&bytes, piece), clear == bytes.len());
    let read = read_by_hyper(&bytes[..clear], piece);
    assert!(read.len() <= framed.len(), "hyper finds {} requests, framing {}", read.len(), framed.len());
    assert_eq!(read, framed[..read.len()]);
});
