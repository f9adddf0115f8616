//! The same sum by messages: a channel stands between those who count and
//! those who add up. Neither knows the other.
//!
//! `cargo run -p book --example channel`

use std::sync::mpsc;
use std::thread;

fn main() {
    // ANCHOR: channel
    let (sender, receiver) = mpsc::channel();
    for n in 1..=10 {
        let sender = sender.clone();
        thread::spawn(move || sender.send(n).expect("somebody receives"));
    }
    drop(sender); // the last one: the channel ends with the threads
    let total: i32 = receiver.iter().sum();
    println!("total: {total}");
    // ANCHOR_END: channel
}
