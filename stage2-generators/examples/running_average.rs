//! A generator that goes on with what it is sent: each number gives the
//! average so far; nothing (in Python: `None`) ends it.
//!
//! `cargo run -p stage2-generators --example running_average`

use std::mem;

use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::{Generator, GeneratorState, Resume};

// ANCHOR: average
/// Where the average stands.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Averaging` |
/// | `Averaging` | a number | `Averaging` |
/// | `Averaging` | nothing | done |
enum RunningAverage {
    Start,
    Averaging { count: u32, total: f64 },
    Done,
}

impl Generator for RunningAverage {
    type Yield = Option<f64>;
    type Sent = f64;
    type Return = (u32, f64);

    fn resume(
        &mut self,
        with: Resume<f64>,
    ) -> GeneratorState<Option<f64>, (u32, f64)> {
        use Resume::{Next, Send};
        use RunningAverage::{Averaging, Done, Start};

        let (count, total) = match (mem::replace(self, Done), with) {
            (Start, Next) => (0, 0.0),
            (Averaging { count, total }, Send(number)) => {
                (count + 1, total + number)
            }
            (Averaging { count, total }, Next) => {
                return Complete((count, total / f64::from(count)));
            }
            (Start, Send(n)) => panic!("the average cannot begin with {n}"),
            (Done, _) => panic!("the average is complete"),
        };
        *self = Averaging { count, total };
        Yielded((count > 0).then(|| total / f64::from(count)))
    }
}
// ANCHOR_END: average

// ANCHOR: main
fn main() {
    let mut average = RunningAverage::Start;
    let _ = average.next(); // to the first `yield`, which waits for a number
    for number in [10.0, 20.0, 60.0] {
        let Yielded(Some(so_far)) = average.send(number) else {
            panic!("a number does not end it")
        };
        println!("sent {number:.1}: the average is {so_far:.1}");
    }
    let Complete((count, average)) = average.next() else {
        panic!("nothing ends it")
    };
    println!("sent nothing: {count} numbers, the average was {average:.1}");
}
// ANCHOR_END: main
