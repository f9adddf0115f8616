//! Ctrl-C, and other wishes that a program ends, as awaited events.

use support::Interrupt;

use crate::threads::Answer;
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
    let interrupt = Interrupt::ctrl_c();
    let place = Place::here(&"Ctrl-C");
    async move {
        on_trigger(&interrupt?, place).await;
        Ok(())
    }
}

/// Waits until `interrupt` is triggered, on whatever thread. Each call leaves
/// a little with the interrupt, which keeps it until then: wait once, not in
/// a loop.
#[track_caller]
pub fn triggered(
    interrupt: &Interrupt,
) -> impl std::future::Future<Output = ()> + Unpin + use<> {
    on_trigger(interrupt, Place::here(&"interrupt"))
}

fn on_trigger(interrupt: &Interrupt, place: Place) -> Answer<()> {
    let answer = Answer::new(place);
    let sender = answer.sender();
    interrupt.on_trigger(Box::new(move || sender(())));
    answer
}
// ANCHOR_END: ctrl_c
