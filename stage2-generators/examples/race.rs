//! Two callbacks race to set one future: the first counts.
//!
//! `cargo run -p stage2-generators --example race`

use std::io;
use std::time::Duration;

use stage1_callbacks::EventLoop;
use stage2_generators::Future;

// ANCHOR: main
fn main() -> io::Result<()> {
    let event_loop = EventLoop::new()?;
    let future = Future::new();
    future.add_done_callback(|f| println!("callback: {:?}", f.result()));
    for (name, after) in [("the deadline", 20), ("the answer", 10)] {
        let future = future.clone();
        event_loop.call_later(Duration::from_millis(after), move || {
            let first = future.set_result(name);
            println!("{name} has set it: {first:?}");
        });
    }
    println!("nothing yet: {:?}", future.result());
    event_loop.run()?;
    future.add_done_callback(|f| println!("later: {:?}", f.result()));
    Ok(())
}
// ANCHOR_END: main
