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
use libfuzzer_sys::{arbitrary, fuzz_target};
use millpond_ingress::fuzzing::{bodies, is_clear};
use smol_hyper::rt::FuturesIo;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    /// How many bytes come at a time.
    piece: u8,
    bytes: &'a [u8],
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

fuzz_target!(|input: Input<'_>| {
    let piece = usize::from(input.piece) + 1;
    let (framed, clear) = bodies(input.bytes);
    assert_eq!(is_clear(input.bytes, piece), clear == input.bytes.len());
    let read = read_by_hyper(&input.bytes[..clear], piece);
    assert!(read.len() <= framed.len(), "hyper finds {} requests, framing {}", read.len(), framed.len());
    assert_eq!(read, framed[..read.len()]);
});
