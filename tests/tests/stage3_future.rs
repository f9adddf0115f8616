//! The semantics of stage 3's `Future` and of `until`: one result, who is
//! told of it and when, and how it is waited for.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use stage1_callbacks::EventLoop;
use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{
    Coroutine, Exception, Future, Generator, Step, Task, Wait, until,
};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::script::{Boom, Script, kind};

/// Defines tests whose bodies run within a deadline, with a loop, a future
/// on it, and a log.
macro_rules! future_tests {
    ($(fn $name:ident($event_loop:ident, $future:ident, $log:ident)
    $body:block)*) => {
        $(#[test]
        fn $name() {
            within_deadline(|| {
                let $event_loop = EventLoop::new().unwrap();
                let $future = Future::<u32>::new(&$event_loop);
                let $log = Log::default();
                $body
            });
        })*
    };
}

future_tests! {
    fn at_first_it_is_pending(event_loop, future, log) {
        future.add_done_callback(tells(&log, "called"));
        assert!(!future.done() && !future.cancelled());
        assert_eq!(result(&future), "InvalidStateError");
        assert!(!event_loop.run_once().unwrap(), "nothing is scheduled");
        log.assert(&[]);
    }

    fn finished_it_has_a_result_again_and_again(event_loop, future, log) {
        future.set_result(1).unwrap();
        for _ in 0..3 {
            assert!(future.done() && !future.cancelled());
            assert_eq!(result(&future), "1");
        }
        drop((event_loop, log));
    }

    fn finished_it_may_have_an_exception(event_loop, future, log) {
        future.set_exception(Boom.into()).unwrap();
        for _ in 0..3 {
            assert!(future.done() && !future.cancelled());
            let exception = future.result().unwrap_err();
            assert!(exception.downcast_ref::<Boom>().is_some());
        }
        drop((event_loop, log));
    }

    fn cancelled_it_never_gets_a_result(event_loop, future, log) {
        future.add_done_callback(tells(&log, "called"));
        assert!(future.cancel());
        assert!(future.done() && future.cancelled());
        assert_eq!(result(&future), "CancelledError");
        assert_eq!(refused(future.set_result(1)), "InvalidStateError");
        assert_eq!(result(&future), "CancelledError");
        event_loop.run().unwrap();
        log.assert(&["called: CancelledError"]);
    }

    fn what_is_done_stays_as_it_is(event_loop, future, log) {
        let [failed, gone] = [(); 2].map(|()| Future::new(&event_loop));
        future.set_result(1).unwrap();
        failed.set_exception(Boom.into()).unwrap();
        assert!(gone.cancel());
        for (future, stays) in
            [(&future, "1"), (&failed, "Boom"), (&gone, "CancelledError")]
        {
            future.add_done_callback(tells(&log, "called"));
            assert_eq!(refused(future.set_result(2)), "InvalidStateError");
            let exception = Boom.into();
            let again = future.set_exception(exception);
            assert_eq!(refused(again), "InvalidStateError");
            future.set_if_pending(3);
            assert!(!future.cancel());
            assert_eq!(result(future), stays);
            event_loop.run().unwrap();
            log.expect(&[&format!("called: {stays}")]);
        }
    }

    fn a_result_can_be_set_if_there_is_none(event_loop, future, log) {
        future.add_done_callback(tells(&log, "called"));
        future.set_if_pending(1);
        future.set_if_pending(2);
        event_loop.run().unwrap();
        log.assert(&["called: 1"]);
    }

    fn stop_iteration_is_no_exception_for_it(event_loop, future, log) {
        future.add_done_callback(tells(&log, "called"));
        let stop = future.set_exception(Exception::StopIteration);
        assert_eq!(refused(stop), "TypeError");
        assert!(!future.done());
        future.set_result(1).unwrap();
        event_loop.run().unwrap();
        log.assert(&["called: 1"]);
    }

    fn callbacks_are_scheduled_in_order_not_called(event_loop, future, log) {
        for name in ["a", "b", "c"] {
            future.add_done_callback(tells(&log, name));
        }
        let (sets, set) = (future.clone(), log.adds("has been set"));
        event_loop.call_soon(move || {
            sets.set_result(1).unwrap();
            set();
        });
        event_loop.call_soon(log.adds("another callback"));
        event_loop.run_once().unwrap();
        log.expect(&["has been set", "another callback"]);
        event_loop.run_once().unwrap();
        log.assert(&["a: 1", "b: 1", "c: 1"]);
        assert!(!event_loop.run_once().unwrap(), "once");
    }

    fn a_callback_that_comes_late_is_called_in_the_next_turn(
        event_loop,
        future,
        log
    ) {
        future.add_done_callback(tells(&log, "first"));
        future.set_result(1).unwrap();
        future.add_done_callback(tells(&log, "late"));
        log.assert(&[]);
        event_loop.run_once().unwrap();
        log.assert(&["first: 1", "late: 1"]);
    }

    fn a_callback_may_add_another(event_loop, future, log) {
        let late = tells(&log, "late");
        future.add_done_callback(move |future| {
            future.add_done_callback(late);
        });
        future.add_done_callback(tells(&log, "second"));
        future.set_result(1).unwrap();
        event_loop.run_once().unwrap();
        log.expect(&["second: 1"]);
        event_loop.run_once().unwrap();
        log.assert(&["late: 1"]);
    }

    fn a_callback_cannot_change_the_result(event_loop, future, log) {
        future.add_done_callback(|future| {
            assert_eq!(refused(future.set_result(2)), "InvalidStateError");
            assert!(!future.cancel());
        });
        future.add_done_callback(tells(&log, "second"));
        future.set_result(1).unwrap();
        event_loop.run().unwrap();
        log.assert(&["second: 1"]);
    }

    fn a_removed_callback_is_not_called(event_loop, future, log) {
        future.add_done_callback(tells(&log, "a"));
        let held = Rc::new(());
        let (b, holds) = (tells(&log, "b"), held.clone());
        let b = future.add_done_callback(move |future| {
            b(future);
            drop(holds);
        });
        future.add_done_callback(tells(&log, "c"));
        assert!(future.remove_done_callback(b));
        assert_eq!(Rc::strong_count(&held), 1, "it holds nothing any more");
        assert!(!future.remove_done_callback(b), "once");
        future.set_result(1).unwrap();
        event_loop.run().unwrap();
        log.assert(&["a: 1", "c: 1"]);
    }

    fn a_scheduled_callback_cannot_be_removed(event_loop, future, log) {
        let a = future.add_done_callback(tells(&log, "a"));
        future.set_result(1).unwrap();
        let late = future.add_done_callback(tells(&log, "late"));
        assert!(!future.remove_done_callback(a));
        assert!(!future.remove_done_callback(late));
        event_loop.run().unwrap();
        log.assert(&["a: 1", "late: 1"]);
        assert!(!future.remove_done_callback(a));
    }

    fn removal_may_use_the_future_again(event_loop, future, log) {
        struct AddsWhenDropped(Future<u32>, Log);

        impl Drop for AddsWhenDropped {
            fn drop(&mut self) {
                self.0.add_done_callback(tells(&self.1, "added by a drop"));
            }
        }

        let adds = AddsWhenDropped(future.clone(), log.clone());
        let id = future.add_done_callback(move |_| drop(adds));
        future.add_done_callback(tells(&log, "a"));
        assert!(future.remove_done_callback(id));
        future.set_result(1).unwrap();
        event_loop.run().unwrap();
        log.assert(&["a: 1", "added by a drop: 1"]);
    }

    fn callbacks_have_names_of_their_own(event_loop, future, log) {
        let a = future.add_done_callback(tells(&log, "a"));
        assert!(future.remove_done_callback(a));
        let b = future.add_done_callback(tells(&log, "b"));
        assert_ne!(a, b, "no name is used again");
        assert!(!future.remove_done_callback(a));
        future.set_result(1).unwrap();
        event_loop.run().unwrap();
        log.assert(&["b: 1"]);
    }

    fn clones_are_the_same_future(event_loop, future, log) {
        let clone = future.clone();
        future.add_done_callback(tells(&log, "a"));
        clone.add_done_callback(tells(&log, "b"));
        clone.set_result(1).unwrap();
        assert_eq!(result(&future), "1");
        event_loop.run().unwrap();
        log.assert(&["a: 1", "b: 1"]);
    }

    fn a_forgotten_future_drops_its_callbacks_uncalled(
        event_loop,
        future,
        log
    ) {
        let held = Rc::new(());
        let holds = held.clone();
        future.add_done_callback(move |_| panic!("{holds:?}"));
        drop(future);
        assert_eq!(Rc::strong_count(&held), 1);
        assert!(!event_loop.run_once().unwrap());
        log.assert(&[]);
    }

    fn scheduled_callbacks_keep_the_future(event_loop, future, log) {
        future.add_done_callback(tells(&log, "called"));
        future.set_result(1).unwrap();
        drop(future);
        event_loop.run().unwrap();
        log.assert(&["called: 1"]);
    }

    fn after_the_end_of_the_loop_nothing_is_called(event_loop, future, log) {
        future.add_done_callback(tells(&log, "called"));
        event_loop.close();
        future.set_result(1).unwrap();
        future.add_done_callback(tells(&log, "late"));
        assert!(!event_loop.run_once().unwrap());
        assert_eq!(result(&future), "1");
        log.assert(&[]);
    }

    fn as_a_generator_it_yields_itself_while_it_is_pending(
        event_loop,
        future,
        log
    ) {
        let mut waiting = future.clone();
        for _ in 0..2 {
            let wait = wait_of(waiting.next());
            let waits_for = log.clone();
            wait.on_done(Box::new(move || waits_for.add("it")));
        }
        assert!(matches!(waiting.send(()), Yielded(Some(_))));
        future.set_result(1).unwrap();
        assert_eq!(returned(waiting.next()), "1");
        assert_eq!(returned(waiting.send(())), "1");
        event_loop.run().unwrap();
        log.assert(&["it", "it"]);
    }

    fn as_a_generator_it_raises_its_exception(event_loop, future, log) {
        let mut waiting = future.clone();
        drop(wait_of(waiting.next()));
        future.set_exception(Boom.into()).unwrap();
        assert_eq!(returned(waiting.next()), "Boom");
        let mut gone = Future::<u32>::new(&event_loop);
        drop(wait_of(gone.next()));
        gone.cancel();
        assert_eq!(returned(gone.next()), "CancelledError");
        log.assert(&[]);
    }

    fn what_is_thrown_into_a_wait_is_raised_there(event_loop, future, log) {
        let mut waiting = future.clone();
        drop(wait_of(waiting.next()));
        assert_eq!(returned(waiting.throw(Boom.into())), "Boom");
        drop(wait_of(waiting.next()));
        assert!(waiting.close().is_ok());
        // The wait has ended, and the future is none the worse for it.
        assert!(!future.done());
        future.set_result(1).unwrap();
        assert_eq!(returned(waiting.throw(Boom.into())), "Boom");
        assert!(waiting.close().is_ok());
        assert_eq!(result(&future), "1");
        drop((event_loop, log));
    }

    fn two_who_wait_go_on_in_order(event_loop, future, log) {
        let [a, b] = ["a", "b"].map(|name| {
            let waits = Script::new(name, &log).waits(future.clone());
            Task::new(&event_loop, waits.waits(future.clone()).returns(()))
        });
        event_loop.run().unwrap();
        log.expect(&["a begins", "b begins"]);
        future.set_result(1).unwrap();
        event_loop.run_once().unwrap();
        log.assert(&["a got 1", "a got 1", "b got 1", "b got 1"]);
        assert!(a.done() && b.done());
    }

    fn who_waits_for_it_may_be_told_by_the_one_before(
        event_loop,
        future,
        log
    ) {
        let second = Future::<u32>::new(&event_loop);
        let sets = second.clone();
        let a = Script::new("a", &log).waits(future.clone());
        let a = a.calls(move || sets.set_result(2).unwrap()).says("ends");
        let b = Script::new("b", &log).waits(second);
        let c = Script::new("c", &log).waits(future.clone());
        let tasks = [a, b, c]
            .map(|script| Task::new(&event_loop, script.returns(())));
        event_loop.run().unwrap();
        log.expect(&["a begins", "b begins", "c begins"]);
        future.set_result(1).unwrap();
        event_loop.run().unwrap();
        log.assert(&["a got 1", "a ends", "c got 1", "b got 2"]);
        assert!(tasks.iter().all(|task| task.done()));
    }

    fn it_shows_whether_it_is_done(event_loop, future, log) {
        assert_eq!(format!("{future:?}"), "Future { done: false }");
        future.set_result(1).unwrap();
        assert_eq!(format!("{future:?}"), "Future { done: true }");
        drop((event_loop, log));
    }

    fn until_begins_at_its_first_step(event_loop, future, log) {
        let mut wait = waits(&event_loop, &future, &log);
        log.assert(&[]);
        drop(wait_of(wait.next()));
        log.expect(&["begin"]);
        drop(wait_of(wait.next()));
        log.assert(&[]);
    }

    fn until_is_undone_once_by_its_result(event_loop, future, log) {
        let told = Rc::new(RefCell::new(None));
        let mut wait = tells_its_future(&event_loop, &told, &log);
        drop(wait_of(wait.next()));
        told.take().unwrap().set_result(1).unwrap();
        log.expect(&["begin"]);
        assert_eq!(returned(wait.next()), "1");
        log.expect(&["undo"]);
        drop(wait);
        log.assert(&[]);
        drop(future);
    }

    fn until_may_be_over_when_it_begins(event_loop, future, log) {
        let undo = log.clone();
        let mut wait = until(&event_loop, |told| {
            told.set_if_pending(1);
            Ok(move || undo.add("undo"))
        });
        assert_eq!(returned(wait.next()), "1");
        log.assert(&["undo"]);
        drop(future);
    }

    fn until_is_undone_once_by_what_is_thrown(event_loop, future, log) {
        let mut wait = waits(&event_loop, &future, &log);
        drop(wait_of(wait.next()));
        assert_eq!(returned(wait.throw(Boom.into())), "Boom");
        log.expect(&["begin", "undo"]);
        assert_eq!(returned(wait.next()), "StopIteration");
        drop(wait);
        log.assert(&[]);
    }

    fn until_is_undone_by_close_and_by_drop(event_loop, future, log) {
        let mut wait = waits(&event_loop, &future, &log);
        drop(wait_of(wait.next()));
        wait.close().unwrap();
        log.expect(&["begin", "undo"]);
        wait.close().unwrap();
        drop(wait);
        log.assert(&[]);
        let mut wait = waits(&event_loop, &future, &log);
        drop(wait_of(wait.next()));
        drop(wait);
        log.assert(&["begin", "undo"]);
    }

    fn until_is_undone_if_its_future_fails(event_loop, future, log) {
        for fails in [
            |future: Future<u32>| future.set_exception(Boom.into()).unwrap(),
            |future: Future<u32>| assert!(future.cancel()),
        ] {
            let told = Rc::new(RefCell::new(None));
            let mut wait = tells_its_future(&event_loop, &told, &log);
            drop(wait_of(wait.next()));
            fails(told.take().unwrap());
            let raised = returned(wait.next());
            assert!(["Boom", "CancelledError"].contains(&&*raised));
            log.expect(&["begin", "undo"]);
        }
        drop(future);
    }

    fn until_that_has_not_begun_has_nothing_to_undo(event_loop, future, log) {
        drop(waits(&event_loop, &future, &log));
        let mut wait = waits(&event_loop, &future, &log);
        assert_eq!(returned(wait.throw(Boom.into())), "Boom");
        waits(&event_loop, &future, &log).close().unwrap();
        log.assert(&[]);
    }

    fn until_raises_the_error_of_its_beginning(event_loop, future, log) {
        let refuses = log.clone();
        let mut wait: Coroutine<u32> = until(&event_loop, move |_| {
            refuses.add("begin");
            match refuses.clone() {
                log if false => Ok(move || log.add("undo")),
                _ => Err(io::Error::from(io::ErrorKind::AddrInUse)),
            }
        });
        let Complete(Err(exception)) = wait.next() else {
            panic!("it begins")
        };
        let error = exception.downcast_ref::<io::Error>().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(returned(wait.next()), "StopIteration");
        drop((wait, future));
        log.assert(&["begin"]);
    }

    fn a_cancelled_task_undoes_what_it_waits_for(event_loop, future, log) {
        let wait = waits(&event_loop, &future, &log);
        let task = Task::new(&event_loop, wait);
        event_loop.run().unwrap();
        log.expect(&["begin"]);
        assert!(task.cancel());
        log.assert(&[]);
        event_loop.run().unwrap();
        log.assert(&["undo"]);
        assert!(task.cancelled());
    }
}

/// A callback that notes `name` and the result of the future that it gets.
fn tells(log: &Log, name: &'static str) -> impl FnOnce(&Future<u32>) + use<> {
    let log = log.clone();
    move |future| log.add(format!("{name}: {}", result(future)))
}

/// The result of a future, in words.
fn result(future: &Future<u32>) -> String {
    words(future.result())
}

fn words(result: Result<u32, Exception>) -> String {
    result.map_or_else(|raised| kind(&raised), |value| value.to_string())
}

/// With what it has been refused.
fn refused(result: Result<(), Exception>) -> String {
    kind(&result.unwrap_err())
}

/// What a generator waits for.
fn wait_of(step: Step<Wait, u32>) -> Rc<dyn stage3_future_task::Awaitable> {
    match step {
        Yielded(Some(wait)) => wait,
        Yielded(None) => panic!("it waits for nothing"),
        Complete(result) => panic!("it waits no more: {}", words(result)),
    }
}

/// What a generator has returned or raised, in words.
fn returned(step: Step<Wait, u32>) -> String {
    match step {
        Yielded(_) => panic!("it waits"),
        Complete(result) => words(result),
    }
}

/// A wait that notes its beginning and its end, for something that never
/// comes. It holds on to `future`.
fn waits(
    event_loop: &EventLoop,
    future: &Future<u32>,
    log: &Log,
) -> Coroutine<u32> {
    let (future, log) = (future.clone(), log.clone());
    until(event_loop, move |_| {
        log.add("begin");
        Ok(move || {
            log.add("undo");
            drop(future);
        })
    })
}

/// The same; it leaves its future in `told`.
fn tells_its_future(
    event_loop: &EventLoop,
    told: &Rc<RefCell<Option<Future<u32>>>>,
    log: &Log,
) -> Coroutine<u32> {
    let (told, log) = (told.clone(), log.clone());
    until(event_loop, move |future| {
        log.add("begin");
        told.replace(Some(future));
        Ok(move || log.add("undo"))
    })
}
