//! The semantics of stage 2's `Future`: one result, and who is told of it.

use std::cell::RefCell;
use std::rc::Rc;

use stage2_generators::{Future, InvalidState};
use tests::deadline::within_deadline;
use tests::log::Log;

/// Defines tests whose bodies run within a deadline, with a future and a log.
macro_rules! future_tests {
    ($(fn $name:ident($future:ident, $log:ident) $body:block)*) => {
        $(#[test]
        fn $name() {
            within_deadline(|| {
                let $future = Future::new();
                let $log = Log::default();
                $body
            });
        })*
    };
}

future_tests! {
    fn at_first_there_is_no_result(future, log) {
        future.add_done_callback(tells(&log, "called"));
        assert!(!future.done());
        assert_eq!(future.result(), None);
        log.assert(&[]);
    }

    fn a_result_can_be_read_again_and_again(future, log) {
        assert_eq!(future.set_result(1), Ok(()));
        for _ in 0..3 {
            assert!(future.done());
            assert_eq!(future.result(), Some(1));
        }
        log.assert(&[]);
    }

    fn a_second_result_changes_nothing(future, log) {
        future.add_done_callback(tells(&log, "called"));
        assert_eq!(future.set_result(1), Ok(()));
        assert_eq!(future.set_result(2), Err(InvalidState));
        future.set_if_pending(3);
        assert_eq!(future.result(), Some(1));
        log.assert(&["called: Some(1)"]);
    }

    fn a_result_can_be_set_if_there_is_none(future, log) {
        future.add_done_callback(tells(&log, "called"));
        future.set_if_pending(1);
        future.set_if_pending(2);
        assert_eq!(future.set_result(3), Err(InvalidState));
        assert_eq!(future.result(), Some(1));
        log.assert(&["called: Some(1)"]);
    }

    fn callbacks_are_called_in_order_while_the_result_is_set(future, log) {
        for name in ["a", "b", "c"] {
            future.add_done_callback(tells(&log, name));
        }
        log.add("set");
        future.set_result(1).unwrap();
        log.add("has been set");
        log.assert(&[
            "set",
            "a: Some(1)",
            "b: Some(1)",
            "c: Some(1)",
            "has been set",
        ]);
    }

    fn a_callback_that_comes_late_is_called_at_once(future, log) {
        future.set_result(1).unwrap();
        log.add("add");
        future.add_done_callback(tells(&log, "late"));
        log.add("has been added");
        log.assert(&["add", "late: Some(1)", "has been added"]);
    }

    fn a_callback_added_by_a_callback_is_called_at_once(future, log) {
        let late = tells(&log, "late");
        future.add_done_callback(move |future| {
            future.add_done_callback(late);
        });
        future.add_done_callback(tells(&log, "second"));
        future.set_result(1).unwrap();
        log.assert(&["late: Some(1)", "second: Some(1)"]);
    }

    fn a_callback_may_set_another_future(future, log) {
        let other = Future::new();
        other.add_done_callback(tells(&log, "other"));
        future.add_done_callback(move |future| {
            other.set_result(future.result().unwrap() + 1).unwrap();
        });
        future.add_done_callback(tells(&log, "second"));
        future.set_result(1).unwrap();
        log.assert(&["other: Some(2)", "second: Some(1)"]);
    }

    fn a_callback_cannot_set_its_own_future(future, log) {
        future.add_done_callback(|future| {
            assert_eq!(future.set_result(2), Err(InvalidState));
            future.set_if_pending(3);
        });
        future.add_done_callback(tells(&log, "second"));
        future.set_result(1).unwrap();
        log.assert(&["second: Some(1)"]);
    }

    fn a_callback_may_drop_the_other_handles(future, log) {
        let others = Rc::new(RefCell::new(vec![future.clone(); 3]));
        let shared = others.clone();
        future.add_done_callback(move |_| drop(shared.take()));
        future.add_done_callback(tells(&log, "second"));
        future.set_result(1).unwrap();
        assert!(others.borrow().is_empty());
        log.assert(&["second: Some(1)"]);
    }

    fn the_last_handle_may_be_with_who_sets_the_result(future, log) {
        future.add_done_callback(tells(&log, "called"));
        let set = move || future.set_result(1);
        set().unwrap();
        log.assert(&["called: Some(1)"]);
    }

    fn a_called_callback_holds_nothing_any_more(future, log) {
        let held = Rc::new(());
        let holds = held.clone();
        future.add_done_callback(move |_| drop(holds));
        assert_eq!(Rc::strong_count(&held), 2);
        future.set_result(1).unwrap();
        assert_eq!(Rc::strong_count(&held), 1);
        log.assert(&[]);
    }

    fn a_forgotten_future_drops_its_callbacks_uncalled(future, log) {
        let held = Rc::new(());
        let (called, holds) = (tells(&log, "called"), held.clone());
        future.add_done_callback(move |future| {
            called(future);
            drop(holds);
        });
        let clone = future.clone();
        drop(future);
        assert_eq!(Rc::strong_count(&held), 2);
        drop(clone);
        assert_eq!(Rc::strong_count(&held), 1);
        log.assert(&[]);
    }

    fn clones_are_the_same_future(future, log) {
        let clone = future.clone();
        future.add_done_callback(tells(&log, "a"));
        clone.add_done_callback(tells(&log, "b"));
        clone.set_result(1).unwrap();
        assert_eq!(future.result(), Some(1));
        assert_eq!(future.set_result(2), Err(InvalidState));
        log.assert(&["a: Some(1)", "b: Some(1)"]);
    }

    fn a_future_shows_whether_it_is_done(future, log) {
        assert_eq!(format!("{future:?}"), "Future { done: false }");
        future.set_result(1).unwrap();
        assert_eq!(format!("{future:?}"), "Future { done: true }");
        log.assert(&[]);
    }

    fn the_error_says_what_is_wrong(future, log) {
        future.set_result(1).unwrap();
        let error = future.set_result(2).unwrap_err();
        assert_eq!(error.to_string(), "the future has its result already");
        log.assert(&[]);
    }
}

/// A callback that notes `name` and the result of the future that it gets.
fn tells(log: &Log, name: &'static str) -> impl FnOnce(&Future<u32>) + use<> {
    let log = log.clone();
    move |future| log.add(format!("{name}: {:?}", future.result()))
}
