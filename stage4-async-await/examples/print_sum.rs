//! The documents' `compute` and `print_sum`: a coroutine that awaits a
//! coroutine that sleeps.
//!
//! `cargo run -q -p stage4-async-await --example print_sum`

use std::io;
use std::time::Duration;

use stage4_async_await as aio;

// ANCHOR: documents
async fn compute(x: i32, y: i32) -> i32 {
    println!("Compute {x} + {y} ...");
    aio::sleep(Duration::from_millis(100)).await;
    x + y
}

async fn print_sum(x: i32, y: i32) {
    let result = compute(x, y).await;
    println!("{x} + {y} = {result}");
}
// ANCHOR_END: documents

// ANCHOR: main
fn main() -> io::Result<()> {
    let event_loop = aio::EventLoop::new()?;
    event_loop.run_until_complete(print_sum(1, 2));
    event_loop.close();
    Ok(())
}
// ANCHOR_END: main
