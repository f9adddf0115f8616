//! The parts of the loop, seen in the order of what it calls: the queue
//! `_ready`, of which a turn runs what was there when it began, and the
//! timers in `_scheduled`, which join the queue when they are due.
//!
//! `cargo run -q -p stage4-async-await --example loop_order`

use std::io;
use std::time::Duration;

use stage4_async_await::{self as aio, EventLoop};

const MS: Duration = Duration::from_millis(1);

// ANCHOR: main
fn main() -> io::Result<()> {
    let event_loop = EventLoop::new()?;

    // Into `_scheduled`.
    event_loop.call_later(600 * MS, stops(&event_loop));
    event_loop.call_later(300 * MS, || println!("call_later, 300 ms"));
    event_loop.call_later(Duration::ZERO, || println!("call_later, 0 ms"));
    let never = event_loop.call_later(400 * MS, || println!("never"));
    never.cancel();

    // Into `_ready`.
    event_loop.call_soon(soon(&event_loop));
    event_loop.create_task(async {
        println!("task: the first step is a handle like any other");
        aio::yield_now().await;
        println!("task: the second step is in the next turn, too");
    });
    event_loop.call_soon(|| println!("call_soon: after the task"));

    println!("nothing has been called yet");
    event_loop.run_forever();
    println!("run_forever has returned");
    event_loop.close();
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: callbacks
fn soon(event_loop: &EventLoop) -> impl FnOnce() + use<> {
    let event_loop = event_loop.clone();
    move || {
        println!("call_soon: the first in the queue");
        event_loop.call_soon(|| println!("call_soon: in the next turn"));
    }
}

fn stops(event_loop: &EventLoop) -> impl FnOnce() + use<> {
    let event_loop = event_loop.clone();
    move || {
        event_loop.stop();
        event_loop.call_soon(|| println!("never: this is for a later turn"));
        println!("stop: the loop ends after this turn");
    }
}
// ANCHOR_END: callbacks
