//! What it costs that a resumption goes through each delegation on its way
//! to the generator that has paused.
//!
//! `cargo run --release -q -p stage3-future-task --example depth`

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{Frame, Generator, yield_from};

const ROUNDS: usize = 11;
/// Each round goes through so many delegations, whatever the depth.
const DELEGATIONS: usize = 200_000;
/// A resumption stands on the stack once for each delegation.
const STACK: usize = 8 * 1024 * 1024;

type Endless = Frame<(), (), ()>;

// ANCHOR: chain
/// A generator that pauses without end, below so many that delegate.
fn chain(depth: usize) -> Endless {
    let mut chain = Frame::new(|mut with| {
        with.sent()?;
        Ok(Yielded(()))
    });
    for _ in 0..depth {
        chain = delegating(chain);
    }
    chain
}

fn delegating(mut inner: Endless) -> Endless {
    Frame::new(move |mut with| yield_from!(inner, with).map(Complete))
}
// ANCHOR_END: chain

// ANCHOR: measure
/// The nanoseconds of one resumption: the median of the rounds.
fn measure(depth: usize) -> f64 {
    let mut chain = chain(depth);
    let resumptions = DELEGATIONS / depth;
    let mut rounds = [(); ROUNDS].map(|()| {
        let start = Instant::now();
        for _ in 0..resumptions {
            let _ = black_box(chain.next());
        }
        start.elapsed().as_secs_f64() * 1e9 / resumptions as f64
    });
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
// ANCHOR_END: measure

// ANCHOR: main
fn main() {
    let work = || {
        println!("delegations  ns per resumption  times the first");
        let mut first = None;
        for depth in [1, 10, 100, 1000] {
            let ns = measure(depth);
            let ratio = ns / *first.get_or_insert(ns);
            println!("{depth:11}  {ns:17.1}  {ratio:15.1}");
        }
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(work);
    thread.expect("a thread").join().expect("no panic");
}
// ANCHOR_END: main
