//! Bodies, and what comes of them.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part of this"
)]

use http::{HeaderMap, HeaderName, HeaderValue};
use millpond_event::{Buffer, Chunk, Origin};
use millpond_ingress_formats::{Context, Decoded, Lines, Route};

pub const CONTEXT: Context = Context {
    // 2026-02-03T04:05:06.789Z
    now_micros: 1_770_091_506_789_000,
    max_event: 1 << 20,
    check: millpond_ingress_formats::Check::Shape,
};

/// What came of a body.
#[derive(Debug)]
pub struct Came {
    /// Its lines, as a source finds them.
    pub lines: Vec<String>,
    pub decoded: Decoded,
    pub status: u16,
    pub answer: serde_json::Value,
}

impl Came {
    /// The reasons of the rejects, with their places.
    pub fn rejects(&self) -> Vec<(u64, &str)> {
        let listed = self.decoded.rejects.listed();
        listed.iter().map(|it| (it.index, it.reason)).collect()
    }

    /// The detail of the only reject.
    pub fn detail(&self) -> &str {
        let [reject] = self.decoded.rejects.listed() else {
            panic!("{:?}", self.decoded.rejects)
        };
        &reject.detail
    }

    /// The only line, as a tree.
    pub fn event(&self) -> serde_json::Value {
        let [line] = &self.lines[..] else {
            panic!("{self:?}")
        };
        serde_json::from_str(line).expect("a line is JSON")
    }
}

pub fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().expect("a name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        headers.append(name, value);
    }
    headers
}

pub fn post(path: &str, pairs: &[(&str, &str)], body: impl AsRef<[u8]>) -> Came {
    post_in(&CONTEXT, path, pairs, body)
}

pub fn post_in(
    context: &Context,
    path: &str,
    pairs: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Came {
    let route = Route::find(path).expect("a path that is served");
    let headers = headers(pairs);
    let format = route.format(&headers).expect("a format that is read");
    let mut body = body.as_ref().to_vec();
    let decoded = format.decode(&headers, &mut body, context);
    let answer = route.answer(&decoded.summary(), "received");
    let text = match &decoded.lines {
        Lines::InBody => body,
        Lines::Built(lines) => lines.clone(),
    };
    Came {
        lines: frame(&text),
        status: answer.status,
        answer: serde_json::from_str(&answer.body).expect("answers are JSON"),
        decoded,
    }
}

/// The events among lines, as every source finds them.
pub fn frame(text: &[u8]) -> Vec<String> {
    let origin = Origin {
        source: "test".into(),
        partition: 0,
        first_sequence: 0,
        offset: 0,
        received_micros: 0,
    };
    let chunk = Chunk::new(Buffer::from_vec(text.to_vec()), text.len(), origin);
    let mut spans = Vec::new();
    chunk.frame(&mut spans);
    let line = |span: &millpond_event::Span| &text[span.start as usize..span.end as usize];
    spans
        .iter()
        .map(|span| String::from_utf8_lossy(line(span)).into_owned())
        .collect()
}
