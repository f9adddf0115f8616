//! The documents' producer and consumer: they take turns on one thread, and
//! need no queue and no lock between them.
//!
//! `cargo run -p stage2-generators --example producer_consumer`

use std::mem;

use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::{Generator, GeneratorState, Resume};

// ANCHOR: consumer
/// Where the consumer stands. Zero, or nothing, ends it.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Waiting` |
/// | `Waiting` | 1 or more | `Waiting` |
/// | `Waiting` | 0 or nothing | done |
enum Consumer {
    Start,
    Waiting,
    Done,
}

impl Generator for Consumer {
    type Yield = &'static str;
    type Sent = u32;
    type Return = ();

    fn resume(
        &mut self,
        with: Resume<u32>,
    ) -> GeneratorState<&'static str, ()> {
        use Consumer::{Done, Start, Waiting};
        use Resume::{Next, Send};

        match (mem::replace(self, Done), with) {
            (Start, Next) => {
                *self = Waiting;
                Yielded("init")
            }
            (Waiting, Send(0) | Next) => Complete(()),
            (Waiting, Send(n)) => {
                println!("[CONSUMER] Consuming {n}...");
                *self = Waiting;
                Yielded("200 OK")
            }
            (Start, Send(n)) => panic!("the consumer cannot begin with {n}"),
            (Done, _) => panic!("the consumer is complete"),
        }
    }
}
// ANCHOR_END: consumer

// ANCHOR: produce
fn produce(mut c: Consumer) {
    let Yielded(r) = c.next() else { return };
    println!("{r}");
    for n in 1..=5 {
        println!("[PRODUCER] Producing {n}...");
        let Yielded(r) = c.send(n) else { return };
        println!("[PRODUCER] Consumer return: {r}");
    }
    // Here Python has `c.close()`. Our generators are ended by their drop.
}
// ANCHOR_END: produce

// ANCHOR: main
fn main() {
    produce(Consumer::Start);
}
// ANCHOR_END: main
