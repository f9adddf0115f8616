//! A future that is asked again and again, at once: it works, and burns a
//! processor.
//!
//! `cargo run -q -p stage4-async-await --example busy_poll`

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

// ANCHOR: trait
/// A copy of the standard library's trait.
trait Future {
    type Output;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output>;
}
// ANCHOR_END: trait

impl<F: std::future::Future> Future for F {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::future::Future::poll(self, cx)
    }
}

/// Waits for a thread that takes a tenth of a second, and wakes nobody.
struct Thread(Arc<AtomicBool>);

impl std::future::Future for Thread {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.0.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

fn tenth_of_a_second() -> Thread {
    let over = Arc::new(AtomicBool::new(false));
    let setter = over.clone();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        setter.store(true, Ordering::Release);
    });
    Thread(over)
}

// ANCHOR: main
fn main() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut future = pin!(tenth_of_a_second());
    let mut polls = 1;
    while Future::poll(future.as_mut(), &mut cx).is_pending() {
        polls += 1;
    }
    println!("done, after {polls} polls");
}
// ANCHOR_END: main
