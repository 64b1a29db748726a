//! The synchronisation primitives in use: the standard library's, or loom's in a model build.

#[cfg(millpond_model)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard, atomic};
#[cfg(not(millpond_model))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, atomic};

/// Locks, also after a panic elsewhere: every critical section here leaves its state valid at each
/// step, so a poisoned lock holds nothing that is half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
