//! Stage 3's examples print what their Python originals print.

/// Each example, and its original in `book/python`.
const PAIRS: [(&str, &str); 5] = [
    ("chain", "chain.py"),
    ("yield_to_from", "yield_to_from.py"),
    ("print_sum_delegated", "print_sum_delegated.py"),
    ("cancel", "cancel.py"),
    ("delegation_trace", "delegation_trace.py"),
];

#[test]
fn the_examples_print_what_python_prints() {
    tests::python::the_examples_print_what_python_prints(
        "stage3-future-task",
        &PAIRS,
    );
}
