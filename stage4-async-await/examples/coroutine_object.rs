//! Calling an `async fn` only makes an object. Nothing runs before it is
//! awaited, or is made a task.
//!
//! `cargo run -q -p stage4-async-await --example coroutine_object`

use std::time::Duration;

use stage4_async_await as aio;

// ANCHOR: test_co
async fn test_co(name: &str) -> String {
    println!("  {name}: runs");
    aio::sleep(Duration::from_millis(10)).await;
    format!("the result of {name}")
}
// ANCHOR_END: test_co

// ANCHOR: main
async fn main_co() {
    let awaited = test_co("awaited");
    println!("main: has called it: there is an object, nothing has run");
    let result = awaited.await;
    println!("main: {result}");

    let task = aio::create_task(test_co("task"));
    println!("main: has made a task of it: nothing has run");
    let result = task.await.expect("nobody cancels it");
    println!("main: {result}");

    let dropped = test_co("dropped");
    drop(dropped);
    println!("main: has thrown one away: nothing has ever run");
}

fn main() {
    let main = main_co();
    println!("also the first one is only an object, until a loop runs it");
    aio::run(main);
}
// ANCHOR_END: main
