//! The three states of a future, what is an error in which, and that its
//! callbacks are scheduled, not called.
//!
//! `cargo run -q -p stage4-async-await --example future_states`

use std::fmt::Debug;

use stage4_async_await as aio;

fn state<T>(future: &aio::Future<T>) -> &'static str {
    match (future.done(), future.cancelled()) {
        (false, _) => "pending",
        (true, false) => "finished",
        (true, true) => "cancelled",
    }
}

fn tried<T: Debug, E: Debug>(what: &str, result: Result<T, E>) {
    match result {
        Ok(value) => println!("  {what}: {value:?}"),
        Err(error) => println!("  {what}: {error:?}"),
    }
}

// ANCHOR: finished
async fn finished() {
    let future = aio::create_future();
    println!("{}", state(&future));
    tried("result", future.result());
    future.add_done_callback(|future| {
        let result = future.result().expect("it is finished");
        println!("  callback: {result}");
    });

    future.set_result(1).expect("it is pending");
    println!("{}, but no callback was called", state(&future));
    tried("result", future.result());
    tried("set_result again", future.set_result(2));
    println!("  cancel: {}", future.cancel());

    println!("the next turn:");
    aio::yield_now().await;
    future.add_done_callback(|_| println!("  late callback: called"));
    println!("also a late callback is scheduled, not called");
    aio::yield_now().await;
}
// ANCHOR_END: finished

// ANCHOR: cancelled
async fn cancelled() {
    let future = aio::create_future();
    println!("{}", state(&future));
    println!("  cancel: {}", future.cancel());
    println!("{}", state(&future));
    tried("result", future.result());
    tried("set_result", future.set_result(1));
    println!("  cancel again: {}", future.cancel());
}
// ANCHOR_END: cancelled

fn main() {
    aio::run(finished());
    aio::run(cancelled());
}
