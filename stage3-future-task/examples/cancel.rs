//! Cancelling: `CancelledError` is raised where a task is paused. One task
//! catches it and goes on, one lets it pass, and one has not begun.
//!
//! `cargo run -p stage3-future-task --example cancel`

use std::time::Duration;

use stage1_callbacks::EventLoop;
use stage3_future_task::GeneratorState::Complete;
use stage3_future_task::{
    Coroutine, Exception, Frame, Task, sleep, yield_from,
};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(10);

// ANCHOR: careful
/// Catches the exception, cleans up, which takes a while, and returns.
fn careful(event_loop: &EventLoop) -> Coroutine<&'static str> {
    enum State {
        Start,
        Working(Coroutine<()>),
        CleaningUp(Coroutine<()>),
    }
    let event_loop = event_loop.clone();
    let mut state = State::Start;
    Frame::new(move |mut with| {
        loop {
            state = match &mut state {
                State::Start => {
                    println!("  careful: works");
                    State::Working(sleep(&event_loop, LONG))
                }
                State::Working(work) => match yield_from!(*work, with) {
                    Err(Exception::CancelledError) => {
                        println!("  careful: catches it, cleans up");
                        State::CleaningUp(sleep(&event_loop, SHORT))
                    }
                    result => return result.map(|()| Complete("worked")),
                },
                State::CleaningUp(clean_up) => {
                    yield_from!(*clean_up, with)?;
                    println!("  careful: has cleaned up");
                    return Ok(Complete("cleaned up"));
                }
            }
        }
    })
}
// ANCHOR_END: careful

// ANCHOR: plain
/// Does nothing about it: `?` lets it pass.
fn plain(
    name: &'static str,
    event_loop: &EventLoop,
) -> Coroutine<&'static str> {
    let mut work = sleep(event_loop, LONG);
    let mut begun = false;
    Frame::new(move |mut with| {
        if !begun {
            println!("  {name}: works");
            begun = true;
        }
        yield_from!(work, with)?;
        Ok(Complete("worked"))
    })
}
// ANCHOR_END: plain

// ANCHOR: main
fn main() -> Result<(), Exception> {
    let event_loop = EventLoop::new()?;
    let start = |name: &'static str, work| {
        let task = Task::new(&event_loop, work);
        task.set_name(name);
        task.add_done_callback(move |task| match task.result() {
            Ok(result) => println!("{name}: has returned {result:?}"),
            Err(exception) => println!("{name}: has raised {exception}"),
        });
        task
    };
    println!("main: starts two tasks");
    let careful = start("careful", careful(&event_loop));
    let plain_task = start("plain", plain("plain", &event_loop));
    event_loop.run_once()?; // one turn: both take their first step
    println!("main: starts a third one");
    let late = start("late", plain("late", &event_loop));
    for task in [&careful, &plain_task, &late] {
        println!("main: cancels {}", task.name());
        task.cancel();
    }
    event_loop.run()?;
    Ok(())
}
// ANCHOR_END: main
