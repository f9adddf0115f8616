//! To await a coroutine is to enter it at once. Only a future that is pending
//! suspends: then all coroutines that wait for it are suspended together, and
//! another task has its turn.
//!
//! `cargo run -q -p stage4-async-await --example nesting`

use stage4_async_await as aio;

type Number = aio::Future<u32>;

// ANCHOR: coroutines
async fn outer(done: Number, pending: Number) {
    println!("outer: awaits inner");
    let sum = inner(done, pending).await;
    println!("outer: inner has returned {sum}");
}

async fn inner(done: Number, pending: Number) -> u32 {
    println!("  inner: is entered at once");
    let a = done.await.expect("nobody cancels it");
    println!("  inner: a future that is done does not suspend: {a}");
    let b = pending.await.expect("nobody cancels it");
    println!("  inner: goes on: {b}");
    a + b
}
// ANCHOR_END: coroutines

// ANCHOR: main
fn main() {
    aio::run(async {
        let (done, pending) = (aio::create_future(), aio::create_future());
        done.set_result(1).expect("it is pending");
        let task = aio::create_task(outer(done, pending.clone()));
        aio::create_task(async move {
            println!("other: inner is suspended, and outer with it");
            pending.set_result(2).expect("it is pending");
            println!("other: has set the future; nobody goes on yet");
        });
        task.await.expect("nobody cancels it");
    });
}
// ANCHOR_END: main
