//! Generators driven by hand: `run` resumes one until it returns. One that
//! waits for another has to resume that one, too.
//!
//! `cargo run -p stage2-generators --example send_by_hand`

use std::convert::Infallible;
use std::fmt::Display;

use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::{Generator, GeneratorState, Resume};

// ANCHOR: run
/// Resumes a generator until it is complete.
fn run<G: Generator<Yield: Display>>(mut generator: G) -> G::Return {
    loop {
        match generator.next() {
            Yielded(n) => println!("paused, and {n} to go"),
            Complete(result) => return result,
        }
    }
}
// ANCHOR_END: run

// ANCHOR: async_function
/// Pauses so many times and returns 1. With 0 pauses it is the documents'
/// `async_function`.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Pauses` | nothing | `Pauses`; done |
enum AsyncFunction {
    Pauses(u32),
    Done,
}

impl Generator for AsyncFunction {
    type Yield = u32;
    type Sent = Infallible; // has no values: nothing can be sent
    type Return = u32;

    fn resume(&mut self, _: Resume<Infallible>) -> GeneratorState<u32, u32> {
        match *self {
            AsyncFunction::Pauses(0) => {
                *self = AsyncFunction::Done;
                Complete(1)
            }
            AsyncFunction::Pauses(n) => {
                *self = AsyncFunction::Pauses(n - 1);
                Yielded(n)
            }
            AsyncFunction::Done => panic!("async_function is complete"),
        }
    }
}
// ANCHOR_END: async_function

// ANCHOR: await_coroutine
/// The documents' `await_coroutine`, which waits for another generator.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Awaiting` | what the other wants | `Awaiting`; done |
enum AwaitCoroutine<G> {
    Awaiting(G),
    Done,
}

/// What `result = await other` costs by hand: a state that holds the other,
/// and a `match` on what came of it.
impl<G: Generator<Return: Display>> Generator for AwaitCoroutine<G> {
    type Yield = G::Yield;
    type Sent = G::Sent;
    type Return = G::Return;

    fn resume(
        &mut self,
        with: Resume<G::Sent>,
    ) -> GeneratorState<G::Yield, G::Return> {
        let AwaitCoroutine::Awaiting(other) = self else {
            panic!("await_coroutine is complete")
        };
        match other.resume(with) {
            Yielded(value) => Yielded(value), // its pause is ours
            Complete(result) => {
                *self = AwaitCoroutine::Done;
                println!("await_coroutine: {result}");
                Complete(result)
            }
        }
    }
}
// ANCHOR_END: await_coroutine

// ANCHOR: main
fn main() {
    if let Complete(value) = AsyncFunction::Pauses(0).next() {
        println!("resumed once: {value}");
    }
    let a = run(AwaitCoroutine::Awaiting(AsyncFunction::Pauses(0)));
    let b = run(AsyncFunction::Pauses(0));
    println!("{a} {b}");

    let c = run(AwaitCoroutine::Awaiting(AsyncFunction::Pauses(2)));
    let d = run(AsyncFunction::Pauses(2));
    println!("{c} {d}");
}
// ANCHOR_END: main
