//! A body of a megabyte that becomes a gigabyte: refused at the limit, whatever it is compressed with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;

use common::Rig;
use common::http::{Client, post_with};
use common::memory::{FLAT, resident};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

#[test]
fn a_body_that_unfolds_into_a_gigabyte_is_refused() {
    // Members of a megabyte each, of which there may be as many as one likes.
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![0; 1 << 20]).unwrap();
    let gzip = member.finish().unwrap().repeat(1024);
    assert!(gzip.len() < 2 << 20, "{}", gzip.len());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&vec![0; 16 << 20]).unwrap();
    let zlib = zlib.finish().unwrap();
    // A frame of zstd, of blocks that are a byte each and 128 KiB long: a gigabyte in 32 KiB.
    let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
    for block in 0..8192u32 {
        let last = u32::from(block == 8191);
        zstd.extend_from_slice(&((128 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3]);
        zstd.push(b'x');
    }
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0" }));
    let before = resident();
    for (encoding, body, reason) in [
        ("gzip", &gzip, "decompressed_too_large"),
        ("deflate", &zlib, "decompressed_too_large"),
        ("zstd", &zstd, "decompression_ratio"),
    ] {
        for _ in 0..4 {
            let mut client = Client::new(&running);
            client.send(&post_with(
                &format!("content-encoding: {encoding}\r\n"),
                body,
            ));
            let answer = client.answer();
            assert_eq!(answer.status, 413, "{encoding}: {answer:?}");
        }
        assert_eq!(rig.source.totals().refused_by[reason] % 4, 0, "{encoding}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < FLAT, "{grown} bytes");
    rig.take_until("the permits back", |rig| rig.budget.used() == 0);
    rig.stop(running);
    assert!(rig.seen.is_empty());
    assert_eq!(rig.source.totals().refused_by["decompressed_too_large"], 8);
}
