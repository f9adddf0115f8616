//! Two tasks that wait for each other. Nothing can ever happen any more: the
//! loop says so, and where each of them waits, instead of hanging.
//!
//! `cargo run -q -p stage4-async-await --example stuck`

use stage4_async_await as aio;

// ANCHOR: main
fn main() {
    aio::run(async {
        let ping = aio::create_future();
        let pong = aio::create_future();
        let a = aio::create_task(answer(ping.clone(), pong.clone()));
        let b = aio::create_task(answer(pong, ping));
        a.set_name("a");
        b.set_name("b");
        a.await.expect("nobody cancels it");
        b.await.expect("nobody cancels it");
    });
}

/// Waits for one, and then sets the other.
async fn answer(question: aio::Future<()>, answer: aio::Future<()>) {
    question.await.expect("nobody cancels it");
    answer.set_result(()).expect("it is pending");
}
// ANCHOR_END: main
