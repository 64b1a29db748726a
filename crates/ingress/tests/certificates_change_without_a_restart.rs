//! TLS: who is let in, with which certificate, and for how long a handshake is waited for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_std::net::TcpStream;
use async_std::task::block_on;
use common::http::Client;
use common::second::Second;
use common::{Rig, Running};
use futures_lite::AsyncReadExt;
use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};

/// A certificate for `localhost`, as PEM with its key.
struct Identity {
    cert: String,
    key: String,
}

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued(by: &CertifiedIssuer<'static, KeyPair>) -> Identity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    Identity {
        cert: params.signed_by(&key, by).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn put(folder: &Path, identity: &Identity) {
    fs::write(folder.join("key"), &identity.key).unwrap();
    fs::write(folder.join("cert"), &identity.cert).unwrap();
}

fn tls(folder: &Path) -> Value {
    json!({ "cert": folder.join("cert"), "key": folder.join("key") })
}

fn connect(
    running: &Running,
    trusts: &str,
    identity: Option<&Identity>,
    alpn: &[u8],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusts.as_bytes()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let cert = CertificateDer::from_pem_slice(identity.cert.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    block_on(async {
        let stream = TcpStream::connect(running.address.unwrap()).await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    })
}

/// Posts an event over HTTP/2.
fn post(stream: TlsStream<TcpStream>) -> Option<u16> {
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    block_on(async {
        let mut client = Second::over(stream).await;
        let answer = client.post(b"{}\n").await.ok()?;
        Some(answer.0.as_u16())
    })
}

#[test]
fn a_new_certificate_is_shown_to_the_next_connection_and_ends_no_other() {
    let (folder, issuer, other) = (tempfile::tempdir().unwrap(), issuer(), issuer());
    put(folder.path(), &issued(&issuer));
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "tls": tls(folder.path()) }));
    let trusted = issuer.pem();
    let early = connect(&running, &trusted, None, b"h2").unwrap();
    assert_eq!(
        post(connect(&running, &trusted, None, b"h2").unwrap()),
        Some(200)
    );
    assert!(connect(&running, &other.pem(), None, b"h2").is_err());
    put(folder.path(), &issued(&other));
    rig.take_until("the new certificate", |_| {
        connect(&running, &other.pem(), None, b"h2").is_ok()
    });
    assert!(
        connect(&running, &trusted, None, b"h2").is_err(),
        "the old one is gone"
    );
    assert_eq!(post(early), Some(200), "who came with the old one goes on");
    // Half a change: the certificate is another key's.
    fs::write(folder.path().join("cert"), issued(&other).cert).unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(
        post(connect(&running, &other.pem(), None, b"h2").unwrap()),
        Some(200)
    );
    rig.take_events(3);
    rig.stop(running);
}

#[test]
fn who_has_no_certificate_of_the_right_issuer_is_not_let_in() {
    let (folder, issuer, other) = (tempfile::tempdir().unwrap(), issuer(), issuer());
    put(folder.path(), &issued(&issuer));
    fs::write(folder.path().join("clients"), issuer.pem()).unwrap();
    let mut tls = tls(folder.path());
    tls["client_ca"] = json!(folder.path().join("clients"));
    let mut rig = Rig::new(64 << 20, 1, None);
    // With it, a source may listen where everybody can reach it.
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "tls": tls }));
    let trusted = issuer.pem();
    for stranger in [None, Some(issued(&other))] {
        // In TLS 1.3 a client only learns of it with its first read: it stays until then.
        if let Ok(stream) = connect(&running, &trusted, stranger.as_ref(), b"h2") {
            listen_until_the_end(&stream);
        }
    }
    rig.take_until("both are counted", |rig| {
        rig.source.totals().closed_by.get("tls_failed") == Some(&2)
    });
    let guest = issued(&issuer);
    let stream = connect(&running, &trusted, Some(&guest), b"h2").unwrap();
    assert_eq!(post(stream), Some(200));
    rig.take_events(1);
    rig.stop(running);
}

fn listen_until_the_end(stream: &TlsStream<TcpStream>) {
    let mut raw = stream.get_ref().0.clone();
    let mut heard = Vec::new();
    let _ = block_on(raw.read_to_end(&mut heard));
}

#[test]
fn a_handshake_that_does_not_go_on_is_given_up_and_counted() {
    let (folder, issuer) = (tempfile::tempdir().unwrap(), issuer());
    put(folder.path(), &issued(&issuer));
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({
        "listen": "127.0.0.1:0", "tls": tls(folder.path()), "handshake_timeout": "200ms",
    }));
    let (mut silent, mut plain) = (Client::new(&running), Client::new(&running));
    plain.send(b"POST /v1/events HTTP/1.1\r\n\r\n");
    assert!(silent.is_closed());
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain.stream, &mut rest);
    rig.take_until("both are counted", |rig| {
        rig.source.totals().closed_by.len() == 2
    });
    let closed = rig.source.totals().closed_by;
    assert_eq!((closed["tls_timeout"], closed["tls_failed"]), (1, 1));
    rig.stop(running);
}
