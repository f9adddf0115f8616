//! What `sleep` is: for zero, one turn that is given up; else a timer, which
//! is cancelled with the one who sleeps.
//!
//! `cargo run -q -p stage4-async-await --example sleep_turns`

use std::io::{self, Write};
use std::time::Duration;

use stage4_async_await as aio;
use support::trace::Trace;

const MS: Duration = Duration::from_millis(1);

// ANCHOR: sleeper
async fn sleeper(name: &str, duration: Duration) {
    println!("{name}: begins");
    for n in 1..=2 {
        aio::sleep(duration).await;
        println!("{name}: {n}");
    }
}
// ANCHOR_END: sleeper

// ANCHOR: main
async fn sleep_turns() {
    println!("sleep(0), a turn each, and no timer:");
    let sleepers =
        ["a", "b"].map(|name| Box::pin(sleeper(name, Duration::ZERO)));
    aio::gather(sleepers).await;

    println!("sleep(d):");
    let sleepers = [("long", 300 * MS), ("short", 20 * MS)];
    let sleepers = sleepers.map(|(name, d)| Box::pin(sleeper(name, d)));
    aio::gather(sleepers).await;

    println!("cancelled:");
    let task = aio::create_task(sleeper("an hour", 3_600_000 * MS));
    aio::yield_now().await; // its first step: it begins to sleep
    println!("cancel: {}", task.cancel());
    println!("it ends: {:?}", task.await);
}

fn main() -> io::Result<()> {
    let event_loop = aio::EventLoop::with_trace(Trace::text(Timers))?;
    event_loop.run_until_complete(sleep_turns());
    event_loop.close();
    Ok(())
}
// ANCHOR_END: main

/// Prints of the loop's trace when a timer is set and when it is cancelled.
struct Timers;

impl Write for Timers {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let words: Vec<&str> = text.split([' ', ',']).collect();
        for what in ["set", "cancelled"] {
            if words.contains(&"timer") && words.contains(&what) {
                println!("    timer {what}");
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
