//! The smallest generator: it yields 3, 2, 1 and returns "lift-off".
//!
//! `cargo run -p stage2-generators --example countdown`

use std::convert::Infallible;
use std::iter;

use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::{Generator, GeneratorState, Resume};

// ANCHOR: countdown
/// Where the countdown stands.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Counting`; done |
/// | `Counting` | nothing | `Counting`; done |
enum Countdown {
    /// Before the first line; it will count from this number.
    Start(u32),
    /// At the `yield`, which has handed out this number.
    Counting(u32),
    Done,
}

impl Generator for Countdown {
    type Yield = u32;
    type Sent = Infallible; // has no values: nothing can be sent
    type Return = &'static str;

    fn resume(
        &mut self,
        _: Resume<Infallible>,
    ) -> GeneratorState<u32, &'static str> {
        let n = match *self {
            Countdown::Start(n) => {
                println!("ignition");
                n
            }
            Countdown::Counting(n) => n - 1,
            Countdown::Done => panic!("the countdown is complete"),
        };
        if n > 0 {
            *self = Countdown::Counting(n);
            Yielded(n)
        } else {
            *self = Countdown::Done;
            Complete("lift-off")
        }
    }
}
// ANCHOR_END: countdown

// ANCHOR: main
fn main() {
    // ANCHOR: loop
    let mut countdown = Countdown::Start(3);
    println!("created: nothing has run yet");
    let last_word = loop {
        match countdown.next() {
            Yielded(n) => println!("{n}"),
            Complete(word) => break word,
        }
    };
    println!("{last_word}");
    // ANCHOR_END: loop

    // ANCHOR: iterator
    println!("and as an iterator, which is sent nothing and returns nothing:");
    let mut countdown = Countdown::Start(3);
    let numbers = iter::from_fn(|| match countdown.next() {
        Yielded(n) => Some(n),
        Complete(_) => None,
    });
    for n in numbers {
        println!("{n}");
    }
    // ANCHOR_END: iterator
}
// ANCHOR_END: main
