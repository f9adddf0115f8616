//! Ctrl-C is an event like any other: the program awaits it, and a task runs
//! beside.
//!
//! `cargo run -q -p stage4-async-await --example ctrl_c`, and press Ctrl-C.

use std::io;
use std::time::Duration;

use stage4_async_await as aio;

// ANCHOR: ctrl_c
async fn tick() {
    for number in 1.. {
        println!("tick {number}");
        aio::sleep(Duration::from_millis(500)).await;
    }
}

async fn until_ctrl_c() -> io::Result<()> {
    let ticking = aio::create_task(tick());
    let ctrl_c = aio::signal::ctrl_c(); // from here on it is awaited
    println!("press Ctrl-C");
    ctrl_c.await?;
    println!("Ctrl-C: cancel the task: {}", ticking.cancel());
    println!("it ends: {:?}", ticking.await);
    Ok(())
}
// ANCHOR_END: ctrl_c

fn main() -> io::Result<()> {
    aio::run(until_ctrl_c())
}
