use millpond_ingest::build_of;
use serde_json::{Value, json};

use super::*;

fn build(params: Value) -> Result<Box<dyn Source>, ConfigError> {
    build_of(&[KIND], "http", params)
}

#[test]
fn a_bad_table_is_refused_with_key_value_and_what_was_expected() {
    let cases = [
        (json!({}), "", "missing field `listen`"),
        (
            json!({ "listen": "nowhere" }),
            "listen",
            "`nowhere`, expected an address with a port",
        ),
        (
            json!({ "listen": "a:1", "max_connections": 0 }),
            "max_connections",
            "expected at least 1",
        ),
        (
            json!({ "listen": "a:1", "max_body": "2GiB" }),
            "max_body",
            "expected 1 B to 1 GiB",
        ),
        (
            json!({ "listen": "a:1", "timeout": "0s" }),
            "timeout",
            "0s, expected a time",
        ),
        (
            json!({ "listen": "a:1", "ack": "soon" }),
            "ack",
            "unknown variant `soon`, expected one of `received`, `durable`, `delivered`",
        ),
        (
            json!({ "listen": "a:1", "stall": "0s" }),
            "stall",
            "0s, expected a time",
        ),
        (
            json!({ "listen": "a:1", "cors": { "origins": ["https://*.example"] } }),
            "cors.origins",
            "`https://*.example`, expected an origin such as",
        ),
        (
            json!({ "listen": "a:1", "auth": [{ "name": "a", "file": "f", "rate": 0 }] }),
            "auth[0].rate",
            "0, expected at least 1",
        ),
        (
            json!({ "listen": "a:1", "auth": [{ "name": "a", "file": "f" }, { "name": "a", "file": "g" }] }),
            "auth[1].name",
            "`a` is the name of another key",
        ),
        (
            json!({ "listen": "a:1", "auth": [{ "name": "a", "type": "digest", "file": "f" }] }),
            "auth[0].type",
            "unknown variant `digest`, expected one of `bearer`, `basic`, `hmac`",
        ),
        (
            json!({ "listen": "a:1", "dedupe": { "field": "a[" } }),
            "dedupe.field",
            "a[",
        ),
    ];
    for (params, key, message) in cases {
        let said = params.to_string();
        let Err(error) = build(params) else {
            panic!("{said} was taken")
        };
        assert_eq!(error.key, key, "{said}: {error}");
        assert!(error.message.contains(message), "{said}: {error}");
    }
}

#[test]
fn what_others_can_reach_needs_tls_and_somebody_to_let_in() {
    let tls = json!({ "cert": "c", "key": "k" });
    let clients = json!({ "cert": "c", "key": "k", "client_ca": "ca" });
    let keys = json!([{ "name": "a", "file": "f" }]);
    for (listen, more, is_taken) in [
        ("0.0.0.0:1", json!({}), false),
        ("[::]:1", json!({}), false),
        ("192.0.2.1:1", json!({ "tls": tls }), false),
        ("192.0.2.1:1", json!({ "auth": keys }), false),
        ("192.0.2.1:1", json!({ "tls": tls, "auth": keys }), true),
        ("192.0.2.1:1", json!({ "tls": clients }), true),
        ("192.0.2.1:1", json!({ "allow_insecure": true }), true),
        ("127.0.0.1:1", json!({}), true),
        ("[::1]:1", json!({}), true),
        // A name is looked up when it is listened on.
        ("localhost:1", json!({}), true),
    ] {
        let mut params = more.clone();
        params["listen"] = json!(listen);
        let built = build(params).map(drop);
        assert_eq!(built.is_ok(), is_taken, "{listen} {more}: {built:?}");
        if let Err(error) = built {
            assert_eq!(error.key, "listen");
            assert!(error.message.contains("`allow_insecure = true`"), "{error}");
        }
    }
}

#[test]
fn a_table_of_defaults_is_enough() {
    let params = json!({ "listen": "127.0.0.1:0", "idle": "0", "ack": "durable" });
    assert!(build(params).is_ok());
}

#[test]
fn a_source_that_acknowledges_what_is_durable_needs_a_journal() {
    for (ack, needs) in [
        (json!("durable"), true),
        (json!("delivered"), false),
        (Value::Null, false),
    ] {
        let source = build(json!({ "listen": "a:1", "ack": ack })).unwrap();
        assert_eq!(source.needs_journal(), needs, "{ack}");
    }
}
