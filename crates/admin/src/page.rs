//! The live page: plain files, in the binary.

use std::sync::LazyLock;

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY,
};
use hyper::{HeaderMap, StatusCode};

use crate::reply::{self, Reply};

/// Nothing but what is served here, and nothing in line: what an event says can never run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the page.
pub(crate) struct Asset {
    pub(crate) path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($path:literal $kind:ident $file:literal;)*) => {
        &[$(Asset { path: $path, kind: $kind, text: include_str!(concat!("../page/", $file)) },)*]
    };
}

pub(crate) const ASSETS: &[Asset] = assets! {
    "/" HTML "index.html";
    "/app.css" CSS "app.css";
    "/app/main.js" JS "main.js";
    "/app/chart.js" JS "chart.js";
    "/app/charts.js" JS "charts.js";
    "/app/dom.js" JS "dom.js";
    "/app/feed.js" JS "feed.js";
    "/app/format.js" JS "format.js";
    "/app/letters.js" JS "letters.js";
    "/app/picture.js" JS "picture.js";
    "/app/shards.js" JS "shards.js";
    "/app/status.js" JS "status.js";
    "/app/tables.js" JS "tables.js";
    "/favicon.svg" SVG "favicon.svg";
};

/// Tells one build's files from another's: all change together, as they fit together.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    // FNV-1a: no secret, and no need for more than telling builds apart.
    let texts = ASSETS.iter().flat_map(|asset| asset.text.bytes());
    let hash = texts.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    HeaderValue::try_from(format!("\"{hash:016x}\"")).expect("digits in quotes are a header")
});

/// The file at `path`, if it is one of the page's.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// Answers with a file; a browser that has it already is told so.
pub(crate) fn serve(asset: &Asset, headers: &HeaderMap) -> Reply {
    let has_it = headers.get_all(IF_NONE_MATCH).iter().any(|tags| {
        tags.to_str().is_ok_and(|tags| {
            tags.split(',')
                .any(|tag| tag.trim().as_bytes() == TAG.as_bytes())
        })
    });
    let mut reply = if has_it {
        reply::body(StatusCode::NOT_MODIFIED, asset.kind, "")
    } else {
        reply::body(StatusCode::OK, asset.kind, asset.text)
    };
    let headers = reply.headers_mut();
    headers.insert(ETAG, TAG.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
