//! Which kinds of components this build of the daemon has, beside those of the component crates.

use millpond_ingest::Kind as Source;
use millpond_sinks::Kind as Sink;
use millpond_stages::Kind as Stage;

use crate::config::Family;

/// Every kind of source.
pub(crate) fn sources() -> Vec<Source> {
    [millpond_ingest::kinds(), &[millpond_ingress::KIND]].concat()
}

/// Every kind of sink.
pub(crate) fn sinks() -> Vec<Sink> {
    [
        millpond_sinks::kinds(),
        #[cfg(feature = "sqlite")]
        &[millpond_sink_sqlite::KIND],
    ]
    .concat()
}

/// Every kind of stage.
pub(crate) fn stages() -> Vec<Stage> {
    [
        millpond_stages::kinds(),
        #[cfg(feature = "chaos")]
        &[millpond_chaos::KIND],
    ]
    .concat()
}

/// How to come by a kind that this build lacks; none if there is no such kind.
pub(crate) fn not_built(family: Family, kind: &str) -> Option<String> {
    let feature = match (family, kind) {
        (Family::Sink, "sqlite") => "sqlite",
        (Family::Stage, "chaos") => "chaos",
        _ => return None,
    };
    let family = family.name();
    Some(format!(
        "this build has no {family} of type {kind:?}, expected one that was built with `--features {feature}`"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_that_was_left_out_says_how_to_have_it() {
        let params = json!({ "path": "out.sqlite", "table": "rows" });
        let checked = Family::Sink.check("sqlite", params);
        if cfg!(feature = "sqlite") {
            assert!(checked.expect("good").writes.is_some());
        } else {
            let (key, message) = checked.expect_err("left out");
            assert_eq!(key, "type");
            assert!(message.contains("`--features sqlite`"), "{message}");
        }
        assert_eq!(not_built(Family::Sink, "sqlight"), None);
        assert_eq!(not_built(Family::Stage, "sqlite"), None);
    }
}
