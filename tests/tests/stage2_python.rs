//! Stage 2's examples print what their Python originals print.

/// Each example, and its original in `book/python`.
const PAIRS: [(&str, &str); 6] = [
    ("countdown", "countdown.py"),
    ("running_average", "running_average.py"),
    ("producer_consumer", "producer_consumer.py"),
    ("send_by_hand", "send_by_hand.py"),
    ("four_uses", "four_uses.py"),
    ("sleepers", "future_task.py"),
];

#[test]
fn the_examples_print_what_python_prints() {
    tests::python::the_examples_print_what_python_prints(
        "stage2-generators",
        &PAIRS,
    );
}
