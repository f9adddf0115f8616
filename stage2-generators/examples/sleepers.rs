//! Loop, future, task and generator together: two generators that sleep. Each
//! line says who prints it, and is indented under the one who called.
//!
//! `cargo run -p stage2-generators --example sleepers`

use std::io;
use std::mem;
use std::time::Duration;

use stage1_callbacks::EventLoop;
use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::{Future, Generator, GeneratorState, Resume, Task};

/// The same for both: who lies down first wakes first, on any machine.
const NAP: Duration = Duration::from_millis(20);

// ANCHOR: sleeper
/// Takes three naps.
struct Sleeper {
    name: &'static str,
    event_loop: EventLoop,
    state: State,
}

/// Where a sleeper stands.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Asleep` |
/// | `Asleep` | which nap is over | `Asleep`; done |
#[derive(Debug)]
enum State {
    Start,
    Asleep,
    Done,
}

impl Generator for Sleeper {
    type Yield = Future<u32>;
    type Sent = u32;
    type Return = ();

    fn resume(&mut self, with: Resume<u32>) -> GeneratorState<Future<u32>, ()> {
        use Resume::{Next, Send};
        use State::{Asleep, Done, Start};

        let name = self.name;
        match (mem::replace(&mut self.state, Done), with) {
            (Start, Next) => self.sleep(1),
            (Asleep, Send(nap)) => {
                println!("      generator: {name} is sent {nap} and wakes up");
                if nap < 3 {
                    return self.sleep(nap + 1);
                }
                println!("      generator: {name} stays awake");
                Complete(())
            }
            (state, sent) => panic!("{name}: {sent:?} came in {state:?}"),
        }
    }
}
// ANCHOR_END: sleeper

impl Sleeper {
    // ANCHOR: sleep
    /// Pauses until the loop has called back.
    fn sleep(&mut self, nap: u32) -> GeneratorState<Future<u32>, ()> {
        println!("      generator: {} takes nap {nap}", self.name);
        let future = Future::new();
        // Called before the task's step, which is added when we have paused.
        future.add_done_callback(|_| println!("    future: calls the task"));
        let over = future.clone();
        self.event_loop.call_later(NAP, move || {
            println!("loop: calls the callback");
            println!("  callback: sets the result {nap}");
            over.set_result(nap).expect("a nap ends once");
        });
        self.state = State::Asleep;
        Yielded(future)
    }
    // ANCHOR_END: sleep
}

// ANCHOR: main
fn main() -> io::Result<()> {
    let event_loop = EventLoop::new()?;
    for name in ["tick", "tock"] {
        println!("main: starts a task");
        let (event_loop, state) = (event_loop.clone(), State::Start);
        Task::new(Sleeper { name, event_loop, state }).start(|()| {});
    }
    println!("main: runs the loop until nothing is left to do");
    event_loop.run()
}
// ANCHOR_END: main
