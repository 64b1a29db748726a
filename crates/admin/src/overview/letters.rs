use serde_json::{Value, json};

use crate::observed::Observed;
use crate::seen::Seen;

/// The store of dead letters: what is in it, and what came last. What the events say is for whoever
/// shows the token, and not here.
pub(super) fn document(observed: &Observed, seen: &Seen<'_>) -> Value {
    let latest = (observed.latest_letters)();
    let control = observed.control.as_ref();
    json!({
        "groups": (observed.kept_letters)(),
        "latest": latest.iter().map(|letter| letter.public()).collect::<Vec<_>>(),
        "deleted": seen.letters.deleted,
        "bytes": seen.letters.bytes,
        "full": seen.letters.full,
        "order": control.map(|control| control.last()),
        "token_file": control.and_then(|control| control.token_file()),
    })
}
