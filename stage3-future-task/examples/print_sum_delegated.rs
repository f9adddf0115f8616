//! The documents' `compute` and `print_sum`: a coroutine that waits for a
//! coroutine that sleeps.
//!
//! `cargo run -p stage3-future-task --example print_sum_delegated`

use std::time::Duration;

use stage1_callbacks::EventLoop;
use stage3_future_task::GeneratorState::Complete;
use stage3_future_task::{
    Coroutine, Exception, Frame, Task, sleep, yield_from,
};

// ANCHOR: compute
fn compute(event_loop: &EventLoop, x: i32, y: i32) -> Coroutine<i32> {
    let mut sleep = sleep(event_loop, Duration::from_millis(100));
    let mut begun = false;
    Frame::new(move |mut with| {
        if !begun {
            println!("Compute {x} + {y} ...");
            begun = true;
        }
        yield_from!(sleep, with)?;
        Ok(Complete(x + y))
    })
}
// ANCHOR_END: compute

// ANCHOR: print_sum
fn print_sum(event_loop: &EventLoop, x: i32, y: i32) -> Coroutine<()> {
    let mut compute = compute(event_loop, x, y);
    Frame::new(move |mut with| {
        let result = yield_from!(compute, with)?;
        println!("{x} + {y} = {result}");
        Ok(Complete(()))
    })
}
// ANCHOR_END: print_sum

// ANCHOR: main
fn main() -> Result<(), Exception> {
    let event_loop = EventLoop::new()?;
    let task = Task::new(&event_loop, print_sum(&event_loop, 1, 2));
    event_loop.run()?;
    task.result()
}
// ANCHOR_END: main
