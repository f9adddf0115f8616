//! The smallest executor: `block_on` runs one future, and parks the thread
//! while that waits. Only the standard library.
//!
//! `cargo run -q -p stage4-async-await --example block_on`

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

// ANCHOR: block_on
/// To wake is to unpark the thread that polls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs `future` to its end, on this thread.
fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // Returns at once if it was unparked since the poll.
            Poll::Pending => thread::park(),
        }
    }
}
// ANCHOR_END: block_on

// ANCHOR: answer
/// What a thread will say, and who waits for it.
struct Answer(Arc<Mutex<(Option<u32>, Option<Waker>)>>);

impl std::future::Future for Answer {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
        let (answer, waiter) = &mut *self.0.lock().unwrap();
        match answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                *waiter = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Asks a thread that takes its time.
fn ask(question: u32) -> Answer {
    let shared = Arc::new(Mutex::new((None, None)));
    let answer = Answer(shared.clone());
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        println!("  thread: the answer to {question} is there");
        let (answer, waiter) = &mut *shared.lock().unwrap();
        *answer = Some(question * question);
        if let Some(waker) = waiter.take() {
            waker.wake();
        }
    });
    answer
}
// ANCHOR_END: answer

// ANCHOR: main
async fn questions() -> u32 {
    println!("async fn: asks");
    let first = ask(3).await;
    println!("async fn: {first}, and asks again");
    first + ask(4).await
}

fn main() {
    println!("returned: {}", block_on(questions()));
}
// ANCHOR_END: main
