//! Ctrl-C, and other wishes that a program ends, as awaited events.

use support::Interrupt;

use crate::lock::{Mutex, lock};
use crate::*;

// ANCHOR: ctrl_c
/// Waits for the next Ctrl-C after this call. While nobody waits, Ctrl-C
/// ends the process, as it did before.
///
/// # Errors
///
/// Somebody else handles Ctrl-C in this process.
#[track_caller]
pub fn ctrl_c() -> impl std::future::Future<Output = io::Result<()>> {
    let (interrupt, place) = (Interrupt::ctrl_c(), Place::here("Ctrl-C"));
    async move {
        Triggered { interrupt: interrupt?, hook: None, place }.await;
        Ok(())
    }
}

/// Waits until `interrupt` is triggered, on whatever thread.
#[track_caller]
pub fn triggered(interrupt: &Interrupt) -> Triggered {
    let place = Place::here("interrupt");
    Triggered { interrupt: interrupt.clone(), hook: None, place }
}

/// The future of [`triggered`].
#[must_use = "it does nothing unless it is awaited"]
#[derive(Debug)]
pub struct Triggered {
    interrupt: Interrupt,
    /// Whom the interrupt's thread wakes.
    hook: Option<Arc<Mutex<Option<Waker>>>>,
    place: Place,
}

impl std::future::Future for Triggered {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = Some(cx.waker().clone());
        match &self.hook {
            Some(hook) => drop(std::mem::replace(&mut *lock(hook), waker)),
            None => {
                let hook = Arc::new(Mutex::new(waker));
                self.hook = Some(hook.clone());
                self.interrupt.on_trigger(Box::new(move || {
                    let waker = lock(&hook).take();
                    waker.inspect(Waker::wake_by_ref);
                }));
            }
        }
        // Looked at after the hook is in its place: no trigger gets lost.
        if self.interrupt.is_triggered() {
            return Poll::Ready(());
        }
        with_running(|running| running.waits_at(self.place));
        Poll::Pending
    }
}

impl Drop for Triggered {
    /// The interrupt may live longer: it shall not hold the loop's waker.
    fn drop(&mut self) {
        if let Some(hook) = &self.hook {
            lock(hook).take();
        }
    }
}
// ANCHOR_END: ctrl_c
