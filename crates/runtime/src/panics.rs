//! Panics of stages: caught, with what they said and where.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// A panic on this thread is caught by us.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// What it said.
    pub message: String,
    /// Where it was, as `file:line:column`; known once [`note_panics`] was called.
    pub location: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.location {
            Some(location) => write!(f, " at {location}"),
            None => Ok(()),
        }
    }
}

/// From here on the place of a panic is known where it is caught by [`catch_panic`], and the panic hook says
/// nothing of it: whoever catches it does. All others go to the hook that there was.
///
/// It changes the hook of the process, so that is for the process to decide.
pub fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if CAUGHT.get() {
                let place = panic.location().map(ToString::to_string);
                PLACE.set(place);
            } else {
                hook(panic);
            }
        }));
    });
}

/// Runs `work` and catches its panic. What it was working on has to be taken for broken then.
///
/// # Errors
/// The panic.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    CAUGHT.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(false);
    done.map_err(|panic| Panic {
        message: message(&*panic),
        location: PLACE.take(),
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_said_and_where_is_known_and_others_go_to_the_hook_before() {
        note_panics();
        note_panics();
        let caught = catch_panic(|| panic!("three {}", 3)).expect_err("it panics");
        assert_eq!(caught.message, "three 3");
        let location = caught.location.as_deref().expect("a place");
        assert!(location.contains("panics.rs:"), "{location}");
        assert_eq!(caught.to_string(), format!("three 3 at {location}"));
        assert_eq!(catch_panic(|| 5), Ok(5));
        let odd = catch_panic(|| std::panic::panic_any(7)).expect_err("it panics");
        assert_eq!(odd.message, "a panic without a message");
    }
}
