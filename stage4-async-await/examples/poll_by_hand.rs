//! An `async fn` without a loop: each `poll` runs it on to the next pause or
//! to its end. In Python: `send(None)`, and `StopIteration` at the end.
//!
//! `cargo run -q -p stage4-async-await --example poll_by_hand`

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

// ANCHOR: pause
/// The smallest future that suspends: pending once, and then ready.
struct Pause {
    paused: bool,
}

impl std::future::Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.paused {
            return Poll::Ready(());
        }
        // One for a loop would keep `cx.waker()` here, for whoever ends
        // the wait. We poll by hand, and ask again by ourselves.
        self.paused = true;
        Poll::Pending
    }
}

fn pause() -> Pause {
    Pause { paused: false }
}
// ANCHOR_END: pause

// ANCHOR: countdown
async fn countdown(from: u32) -> &'static str {
    for n in (1..=from).rev() {
        println!("  {n}");
        pause().await;
    }
    println!("  0");
    "lift-off"
}
// ANCHOR_END: countdown

// ANCHOR: main
fn main() {
    // A waker that wakes nobody: nobody sleeps.
    let mut context = Context::from_waker(Waker::noop());

    let mut future = pin!(countdown(2));
    println!("made: nothing has run");
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Pending => println!("Poll::Pending"),
            Poll::Ready(result) => {
                println!("Poll::Ready({result:?})");
                break;
            }
        }
    }
}
// ANCHOR_END: main
