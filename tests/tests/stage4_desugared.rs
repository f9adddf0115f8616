//! The example `desugared`: the `async fn` and the future written by hand do
//! the same, step by step, and are about as large.

use tests::deadline::within_deadline;

#[path = "../../stage4-async-await/examples/desugared.rs"]
mod desugared;

use desugared::{Sum, Trace, by_hand, on_the_loop, sizes, sum};

/// How often each await is pending: not at all, once, often.
const INPUTS: [(u32, u32); 6] =
    [(0, 0), (0, 1), (1, 0), (1, 2), (5, 3), (0, 20)];

#[test]
fn both_give_the_same_trace_polled_by_hand() {
    for (x, y) in INPUTS {
        let trace = by_hand(sum, x, y);
        assert_eq!(trace, by_hand(Sum::new, x, y), "{x}, {y}");
        assert_eq!(trace[0], "made", "nothing runs before the first poll");
        assert_eq!(count(&trace, "Pending"), x + y);
        assert_eq!(trace.last(), Some(&format!("Ready({})", x + y)));
        tells_of_each_await(&trace, x, y);
    }
}

#[test]
fn both_give_the_same_trace_on_the_loop() {
    for (x, y) in INPUTS {
        let trace = within_deadline(move || {
            let trace = on_the_loop(sum, x, y);
            assert_eq!(trace, on_the_loop(Sum::new, x, y), "{x}, {y}");
            trace
        });
        assert_eq!(trace[0], "made", "nothing runs before the first turn");
        // The other task runs in each turn but the last one, in which the
        // one who waits for the sum comes first.
        assert_eq!(count(&trace, "another task"), x + y + 1);
        assert_eq!(trace.last(), Some(&format!("returned {}", x + y)));
        tells_of_each_await(&trace, x, y);
    }
}

#[test]
fn both_are_about_as_large() {
    let (written, by_hand) = sizes();
    println!("async fn: {written} bytes; by hand: {by_hand} bytes");
    assert!(by_hand <= written, "{by_hand} bytes by hand, {written} written");
    assert!(written <= 2 * by_hand, "{written} written, {by_hand} by hand");
}

#[test]
fn the_example_runs() {
    within_deadline(desugared::main);
}

fn count(trace: &Trace, line: &str) -> u32 {
    trace.iter().map(|noted| u32::from(noted == line)).sum()
}

/// What the function itself notes, in its order.
#[track_caller]
fn tells_of_each_await(trace: &Trace, x: u32, y: u32) {
    let name = format!("{x} + {y}: ");
    let own = trace.iter().filter_map(|line| line.strip_prefix(&name));
    let expected =
        ["begins".into(), format!("has {x}"), format!("has {x} and {y}")];
    assert_eq!(own.collect::<Vec<_>>(), expected);
}
