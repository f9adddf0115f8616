//! The documents' picture of delegation, as a trace: what the caller does to
//! the delegating generator, and what that one does to its sub-generator.
//!
//! `cargo run -p stage3-future-task --example delegation_trace`

use std::fmt::Display;

use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{
    Exception, Frame, Generator, Resume, Step, yield_from,
};

// ANCHOR: traced
/// Says how a generator is resumed, and what comes of it.
struct Traced<G> {
    depth: usize,
    name: &'static str,
    generator: G,
}

impl<G> Generator for Traced<G>
where
    G: Generator<Yield: Display, Sent: Display, Return: Display>,
{
    type Yield = G::Yield;
    type Sent = G::Sent;
    type Return = G::Return;

    fn resume(&mut self, with: Resume<G::Sent>) -> Step<G::Yield, G::Return> {
        let (indent, name) = ("    ".repeat(self.depth), self.name);
        print!("{indent}-> {name}: ");
        match &with {
            Resume::Next => println!("next"),
            Resume::Send(value) => println!("send {value}"),
            Resume::Throw(exception) => println!("throw {exception}"),
            Resume::Close => println!("close"),
        }
        let step = self.generator.resume(with);
        print!("{indent}<- {name}: ");
        match &step {
            Yielded(value) => println!("yields {value}"),
            Complete(Ok(value)) => println!("returns {value}"),
            Complete(Err(Exception::GeneratorExit)) => println!("is closed"),
            Complete(Err(exception)) => println!("raises {exception}"),
        }
        step
    }
}
// ANCHOR_END: traced

// ANCHOR: sub
/// Yields what it is sent in capitals, and returns how many words that were.
/// It is patient: a `TimeoutError` does not end it.
fn sub() -> Frame<String, &'static str, u32> {
    let mut count = 0;
    let mut begun = false;
    Frame::new(move |mut with: Resume<&str>| {
        if !begun {
            begun = true;
            return Ok(Yielded("ready".to_string()));
        }
        match with.sent() {
            Ok(Some(word)) => {
                count += 1;
                Ok(Yielded(word.to_uppercase()))
            }
            Ok(None) => Ok(Complete(count)),
            Err(Exception::TimeoutError) => Ok(Yielded("no hurry".to_string())),
            Err(exception) => Err(exception),
        }
    })
}
// ANCHOR_END: sub

// ANCHOR: delegating
/// Knows nothing of what goes through it.
fn delegating() -> Frame<String, &'static str, String> {
    let mut sub = Traced { depth: 1, name: "sub", generator: sub() };
    Frame::new(move |mut with| {
        let count = yield_from!(sub, with)?;
        Ok(Complete(format!("{count} words")))
    })
}
// ANCHOR_END: delegating

// ANCHOR: main
/// The caller.
fn main() {
    let begin = || {
        let generator = delegating();
        let mut g = Traced { depth: 0, name: "delegating", generator };
        let _ = g.next();
        g
    };

    println!("1. values");
    let mut g = begin();
    let _ = g.send("hello");
    let _ = g.send("world");
    let _ = g.next();

    println!("2. an exception that the sub-generator catches");
    let mut g = begin();
    let _ = g.throw(Exception::TimeoutError);

    println!("3. an exception that nobody catches");
    let _ = g.throw(Exception::CancelledError);

    println!("4. the end before the end");
    let mut g = begin();
    let _ = g.close();
}
// ANCHOR_END: main
