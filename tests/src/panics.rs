//! What a panic says.

use std::panic::{self, AssertUnwindSafe};

/// The message of the panic of `work`.
///
/// # Panics
///
/// If `work` does not panic, or not with a text.
#[track_caller]
pub fn message_of<T>(work: impl FnOnce() -> T) -> String {
    let Err(panic) = panic::catch_unwind(AssertUnwindSafe(work)) else {
        panic!("it does not panic")
    };
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().unwrap().to_string(),
    }
}
