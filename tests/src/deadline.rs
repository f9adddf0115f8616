//! Tests end by themselves: what hangs fails.

use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Far more than any test needs, on a machine as busy as may be.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Does `work` on a thread of its own and returns what it returned.
///
/// # Panics
///
/// If `work` panics, or is not done after [`DEADLINE`].
pub fn within_deadline<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(work());
    });
    match receiver.recv_timeout(DEADLINE) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            panic!("this hangs: not done after {DEADLINE:?}")
        }
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => panic::resume_unwind(panic),
            Ok(()) => unreachable!("the thread ended without a result"),
        },
    }
}
