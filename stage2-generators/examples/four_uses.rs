//! The four uses of `yield`: for iteration, as a context manager, as a
//! coroutine, and with `from`. All four are the same pause.
//!
//! `cargo run -p stage2-generators --example four_uses`

use std::convert::Infallible;

use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::{Generator, GeneratorState, Resume};

// ANCHOR: iteration
/// For iteration: yields three squares, returns how many. Nothing happens
/// before the first one, so there is no state of its own for the start.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `After` | nothing | `After`; done |
enum Squares {
    /// After so many squares.
    After(u32),
    Done,
}

impl Generator for Squares {
    type Yield = u32;
    type Sent = Infallible; // has no values: nothing can be sent
    type Return = u32;

    fn resume(&mut self, _: Resume<Infallible>) -> GeneratorState<u32, u32> {
        match *self {
            Squares::After(3) => {
                *self = Squares::Done;
                Complete(3)
            }
            Squares::After(n) => {
                *self = Squares::After(n + 1);
                Yielded((n + 1) * (n + 1))
            }
            Squares::Done => panic!("the squares are complete"),
        }
    }
}
// ANCHOR_END: iteration

// ANCHOR: context
/// A context manager: what is before the pause enters, the rest leaves.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Entered` |
/// | `Entered` | nothing | done |
enum Tag {
    Start(&'static str),
    Entered(&'static str),
    Done,
}

impl Generator for Tag {
    type Yield = ();
    type Sent = Infallible;
    type Return = ();

    fn resume(&mut self, _: Resume<Infallible>) -> GeneratorState<(), ()> {
        match *self {
            Tag::Start(name) => {
                println!("<{name}>");
                *self = Tag::Entered(name);
                Yielded(())
            }
            Tag::Entered(name) => {
                println!("</{name}>");
                *self = Tag::Done;
                Complete(())
            }
            Tag::Done => panic!("the tag is complete"),
        }
    }
}
// ANCHOR_END: context

// ANCHOR: with
/// Python's `with`. Whatever `body` returns, an error too, the context is
/// left. Only a panic would pass it by: for that, Rust has `Drop`.
fn with<T>(
    mut context: impl Generator<Yield = (), Return = ()>,
    body: impl FnOnce() -> T,
) -> T {
    let Yielded(()) = context.next() else {
        panic!("the context has not yielded")
    };
    let result = body();
    let Complete(()) = context.next() else {
        panic!("the context has yielded twice")
    };
    result
}
// ANCHOR_END: with

// ANCHOR: coroutine
/// A coroutine: goes on with what it is sent. This one never ends.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Waiting` |
/// | `Waiting` | a word | `Waiting` |
enum Upper {
    Start,
    Waiting,
}

impl Generator for Upper {
    type Yield = String;
    type Sent = &'static str;
    type Return = Infallible; // has no values: it cannot return

    fn resume(
        &mut self,
        with: Resume<&'static str>,
    ) -> GeneratorState<String, Infallible> {
        match (&*self, with) {
            (Upper::Start, Resume::Next) => {
                *self = Upper::Waiting;
                Yielded("ready".to_string())
            }
            (Upper::Waiting, Resume::Send(word)) => {
                Yielded(word.to_uppercase())
            }
            (Upper::Start, sent) => panic!("upper cannot begin with {sent:?}"),
            (Upper::Waiting, Resume::Next) => panic!("upper waits for a word"),
        }
    }
}
// ANCHOR_END: coroutine

// ANCHOR: yield_from
/// `yield from`: the pauses of another generator are its own, and it goes on
/// with what that one returns.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Delegating` | nothing | `Delegating`; done |
enum Report {
    Delegating(Squares),
    Done,
}

impl Generator for Report {
    type Yield = u32;
    type Sent = Infallible;
    type Return = String;

    fn resume(
        &mut self,
        with: Resume<Infallible>,
    ) -> GeneratorState<u32, String> {
        let Report::Delegating(squares) = self else {
            panic!("the report is complete")
        };
        match squares.resume(with) {
            Yielded(square) => Yielded(square),
            Complete(count) => {
                *self = Report::Done;
                Complete(format!("{count} squares"))
            }
        }
    }
}
// ANCHOR_END: yield_from

// ANCHOR: main
fn main() {
    println!("1. iteration");
    let mut squares = Squares::After(0);
    while let Yielded(square) = squares.next() {
        println!("{square}");
    }

    println!("2. a context manager");
    with(Tag::Start("p"), || println!("text"));
    if with(Tag::Start("b"), || "text".parse::<u32>()).is_err() {
        println!("no number");
    }

    println!("3. a coroutine");
    let mut upper = Upper::Start;
    let Yielded(first) = upper.next();
    let Yielded(second) = upper.send("hello");
    println!("{first} {second}");

    println!("4. yield from");
    let mut report = Report::Delegating(Squares::After(0));
    let result = loop {
        match report.next() {
            Yielded(square) => println!("{square}"),
            Complete(result) => break result,
        }
    };
    println!("{result}");
}
// ANCHOR_END: main
