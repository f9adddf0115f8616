//! Stage 4's examples print what their Python originals print.

/// Each example, and its original in `book/python`.
const PAIRS: [(&str, &str); 6] = [
    ("coroutine_object", "coroutine_object.py"),
    ("nesting", "nesting.py"),
    ("print_sum", "print_sum_delegated.py"),
    ("future_states", "future_states.py"),
    ("loop_order", "loop_order.py"),
    ("sleep_turns", "sleep_turns.py"),
];

#[test]
fn the_examples_print_what_python_prints() {
    tests::python::the_examples_print_what_python_prints(
        "stage4-async-await",
        &PAIRS,
    );
}
