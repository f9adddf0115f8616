//! Threads that talk through shared memory, behind a lock.
//!
//! `cargo run -p book --example shared_memory`

use std::sync::{Arc, Mutex};
use std::thread;

fn main() {
    // ANCHOR: shared
    let total = Arc::new(Mutex::new(0));
    let mut threads = Vec::new();
    for n in 1..=10 {
        let total = Arc::clone(&total);
        threads.push(thread::spawn(move || {
            let mut total = total.lock().expect("no thread panics");
            *total += n;
        })); // the lock opens here, when `total` is dropped
    }
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    println!("total: {}", total.lock().expect("no thread panics"));
    // ANCHOR_END: shared
}
