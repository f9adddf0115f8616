//! The documents' `gen_234`: `yield from` puts the pauses of one generator
//! in the middle of another one's.
//!
//! `cargo run -p stage3-future-task --example chain`

use std::convert::Infallible;

use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{Frame, Generator, yield_from};

/// Yields numbers, is sent nothing, returns nothing.
type Numbers = Frame<u32, Infallible, ()>;

// ANCHOR: gen_234
fn gen_234() -> Numbers {
    let mut n = 1;
    Frame::new(move |mut with| {
        with.sent()?;
        n += 1;
        Ok(if n <= 4 { Yielded(n) } else { Complete(()) })
    })
}
// ANCHOR_END: gen_234

// ANCHOR: main_generator
/// Where `main` stands: the documents' generator of this name.
enum Main {
    Start,
    Yield1,
    YieldFrom(Numbers),
    Yield5,
}

fn main_generator() -> Numbers {
    let mut state = Main::Start;
    Frame::new(move |mut with| {
        loop {
            match &mut state {
                Main::Start => {
                    state = Main::Yield1;
                    return Ok(Yielded(1));
                }
                Main::Yield1 => {
                    with.sent()?;
                    state = Main::YieldFrom(gen_234());
                }
                Main::YieldFrom(gen_234) => {
                    yield_from!(*gen_234, with)?;
                    state = Main::Yield5;
                    return Ok(Yielded(5));
                }
                Main::Yield5 => {
                    with.sent()?;
                    return Ok(Complete(()));
                }
            }
        }
    })
}
// ANCHOR_END: main_generator

// ANCHOR: main
fn main() {
    let mut numbers = main_generator();
    while let Yielded(element) = numbers.next() {
        println!("{element}");
    }
}
// ANCHOR_END: main
