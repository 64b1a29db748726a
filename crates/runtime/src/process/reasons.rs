use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// More names than this are a mistake, or malice.
const MOST: usize = 256;
/// The name for what comes beyond them.
const OTHER: &str = "other";

/// The name of a reason that a child gave, to be kept for as long as the process lives: there are few.
pub(super) fn keep(name: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match kept.get(name) {
        Some(name) => name,
        None if kept.len() < MOST => {
            let name = &*Box::leak(name.to_owned().into_boxed_str());
            kept.insert(name);
            name
        }
        None => OTHER,
    }
}

/// Whether this may be the name of a reason: lower case, digits and underscores, at most 64 bytes.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_cannot_make_up_names_without_end() {
        let first = keep("too_late");
        assert!(std::ptr::eq(first, keep("too_late")));
        let made_up = (0..2 * MOST).map(|number| keep(&format!("made_up_{number}")));
        let kept: BTreeSet<_> = made_up.collect();
        assert!(kept.len() <= MOST && kept.contains(OTHER));
        assert_eq!(keep("too_late"), "too_late");
        assert!(is_name("a_1") && !is_name("") && !is_name("A") && !is_name(&"a".repeat(65)));
    }
}
