//! The same sum by an actor: somebody with a name, a mailbox, and a state
//! that nobody else can touch.
//!
//! `cargo run -p book --example actor`

use std::sync::mpsc::{self, Sender};
use std::thread;

// ANCHOR: actor
/// What the actor understands. A question brings the way for its answer.
enum Message {
    Add(i32),
    Total(Sender<i32>),
}

/// Starts the actor; the return value is its address.
fn adder() -> Sender<Message> {
    let (address, mailbox) = mpsc::channel();
    thread::spawn(move || {
        let mut total = 0; // its own: no lock
        for message in mailbox {
            match message {
                Message::Add(n) => total += n,
                // An error means that nobody waits for the answer any more.
                Message::Total(answer) => drop(answer.send(total)),
            }
        }
    });
    address
}
// ANCHOR_END: actor

fn main() {
    // ANCHOR: main
    let adder = adder();
    for n in 1..=10 {
        adder.send(Message::Add(n)).expect("the actor lives");
    }
    let (answer, receiver) = mpsc::channel();
    adder.send(Message::Total(answer)).expect("the actor lives");
    println!("total: {}", receiver.recv().expect("the actor answers"));
    // ANCHOR_END: main
}
