//! A client of HTTP/2.

use std::net::SocketAddr;

use async_std::net::TcpStream;
use async_std::task::{self, JoinHandle};
use futures_lite::{AsyncRead, AsyncWrite};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use serde_json::Value;
use smol_hyper::rt::FuturesIo;

pub struct Second {
    sender: http2::SendRequest<Full<Bytes>>,
    /// Ends with the connection.
    pub connection: JoinHandle<hyper::Result<()>>,
}

#[derive(Clone, Copy)]
struct Spawn;

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Spawn {
    fn execute(&self, future: F) {
        task::spawn(future);
    }
}

impl Second {
    /// A client that knows what the other side speaks.
    pub fn new(address: SocketAddr) -> Second {
        let stream = task::block_on(TcpStream::connect(address)).unwrap();
        task::block_on(Self::over(stream))
    }

    /// Over a stream that speaks HTTP/2.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Second {
        let (sender, connection) = http2::handshake(Spawn, FuturesIo::new(stream))
            .await
            .unwrap();
        Second {
            sender,
            connection: task::spawn(connection),
        }
    }

    /// Sends lines; what is answered comes later.
    pub fn post(&mut self, lines: &[u8]) -> JoinHandle<hyper::Result<(StatusCode, Value)>> {
        let request = Request::post("http://here/v1/events")
            .header("content-type", "application/x-ndjson")
            .body(Full::new(Bytes::copy_from_slice(lines)))
            .unwrap();
        let answer = self.sender.send_request(request);
        task::spawn(async move {
            let (head, body) = answer.await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok((
                head.status,
                serde_json::from_slice(&body).unwrap_or(Value::Null),
            ))
        })
    }
}
