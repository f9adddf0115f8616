//! The mutex that threads share, as the standard library has it.

pub(crate) use std::sync::{Mutex, MutexGuard};

/// Locks. That another thread panicked meanwhile does not matter: what is
/// shared here is never left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
