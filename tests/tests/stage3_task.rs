//! The semantics of stage 3's `Task`, branch by branch as CPython 3.11 has
//! them in `Lib/asyncio/tasks.py`: the name above each test is that of the
//! method and the branch there.

use std::cell::RefCell;
use std::env;
use std::process::Command;
use std::rc::Rc;
use std::thread;

use stage1_callbacks::EventLoop;
use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{
    Coroutine, Exception, Frame, Future, Generator, Resume, Step, Task, Wait,
    yield_from,
};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::panics::message_of;
use tests::programs;
use tests::script::{Boom, Script, kind};

/// Defines tests whose bodies run within a deadline, with a loop and a log.
macro_rules! task_tests {
    ($($(#[$attribute:meta])*
    fn $name:ident($event_loop:ident, $log:ident) $body:block)*) => {
        $($(#[$attribute])*
        #[test]
        fn $name() {
            within_deadline(|| {
                let $event_loop = EventLoop::new().unwrap();
                let $log = Log::default();
                $body
            });
        })*
    };
}

task_tests! {
    /// `__init__`: `call_soon(self.__step)`
    fn the_first_step_is_scheduled_not_taken(event_loop, log) {
        event_loop.call_soon(log.adds("before"));
        let task = Task::new(&event_loop, Script::new("a", &log).returns(1));
        event_loop.call_soon(log.adds("after"));
        log.assert(&[]);
        assert!(!task.done());
        turn(&event_loop);
        log.assert(&["before", "a begins", "after"]);
        assert!(task.done());
    }

    /// `__step`: `coro.send(None)`, then `StopIteration`
    fn what_is_returned_is_the_result(event_loop, log) {
        let task = Task::new(&event_loop, Script::new("a", &log).returns(1));
        assert!(is(&task.result(), "InvalidStateError"));
        turn(&event_loop);
        assert_eq!(task.result().unwrap(), 1);
        assert_eq!(task.result().unwrap(), 1);
        assert!(!task.cancelled());
    }

    /// `__step`: `except BaseException`
    fn what_is_raised_is_the_exception(event_loop, log) {
        let raises = Script::new("a", &log).raises(Boom.into());
        let task = Task::new(&event_loop, raises.returns(()));
        turn(&event_loop);
        assert!(task.done() && !task.cancelled());
        let exception = task.result().unwrap_err();
        assert!(exception.downcast_ref::<Boom>().is_some());
        log.assert(&["a begins", "a raises Boom"]);
    }

    /// `__step`: `except CancelledError`
    fn who_raises_cancelled_error_is_cancelled(event_loop, log) {
        let raises = Script::new("a", &log).raises(Exception::CancelledError);
        let task = Task::new(&event_loop, raises.returns(()));
        turn(&event_loop);
        assert!(task.cancelled());
        assert!(is(&task.result(), "CancelledError"));
        assert!(!task.cancel());
    }

    /// `__step`: `if self._must_cancel`, and no exception
    fn cancelled_before_its_first_step_it_never_begins(event_loop, log) {
        let task = Task::new(&event_loop, Script::new("a", &log).returns(()));
        assert!(task.cancel());
        assert!(!task.done(), "it takes a step to be cancelled");
        turn(&event_loop);
        assert!(task.cancelled());
        log.assert(&[]);
    }

    /// `__step`: `if self._must_cancel`, another exception is on its way
    fn cancellation_replaces_an_exception_on_its_way(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let waits = Script::new("a", &log).catches(future.clone()).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        future.set_exception(Boom.into()).unwrap();
        assert!(task.cancel());
        turn(&event_loop);
        log.assert(&["a begins", "a caught CancelledError"]);
        assert!(!task.cancelled(), "it has caught it and returned");
    }

    /// `__step`: `if self._must_cancel`, a `CancelledError` is on its way
    fn two_cancellations_in_one_turn_are_one(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let waits = Script::new("a", &log).catches(future.clone());
        let task = Task::new(&event_loop, waits.pauses().returns(()));
        turn(&event_loop);
        assert!(task.cancel());
        assert!(future.cancelled());
        assert!(task.cancel());
        event_loop.run().unwrap();
        log.assert(&["a begins", "a caught CancelledError", "a goes on"]);
        assert!(!task.cancelled());
    }

    /// `__step`: `StopIteration`, `if self._must_cancel`
    fn who_cancels_itself_and_returns_is_cancelled(event_loop, log) {
        let own = Slot::default();
        let cancels = Script::new("a", &log).calls(cancel(&own));
        let task = Task::new(&event_loop, cancels.says("returns").returns(()));
        own.replace(Some(task.clone()));
        turn(&event_loop);
        log.assert(&["a begins", "a returns"]);
        assert!(task.cancelled());
        own.take();
    }

    /// `__step`: `except BaseException`, although `_must_cancel`
    fn who_cancels_itself_and_raises_is_not_cancelled(event_loop, log) {
        let own = Slot::default();
        let cancels = Script::new("a", &log).calls(cancel(&own));
        let raises = cancels.raises(Boom.into()).returns(());
        let task = Task::new(&event_loop, raises);
        own.replace(Some(task.clone()));
        turn(&event_loop);
        assert!(!task.cancelled());
        assert!(is(&task.result(), "Boom"));
        own.take();
    }

    /// `__step`: a future, `if self._must_cancel`
    fn who_cancels_itself_and_waits_cancels_what_it_waits_for(
        event_loop,
        log
    ) {
        let (own, future) = (Slot::default(), Future::<u32>::new(&event_loop));
        let cancels = Script::new("a", &log).calls(cancel(&own));
        let waits = cancels.catches(future.clone()).pauses().returns(());
        let task = Task::new(&event_loop, waits);
        own.replace(Some(task.clone()));
        turn(&event_loop);
        assert!(future.cancelled());
        event_loop.run().unwrap();
        log.assert(&["a begins", "a caught CancelledError", "a goes on"]);
        assert!(!task.cancelled(), "it was cancelled once");
        own.take();
    }

    /// `__step`: a future that cannot be cancelled, `if self._must_cancel`
    fn cancelled_by_itself_it_does_not_need_what_is_done(event_loop, log) {
        let (own, future) = (Slot::default(), Future::<u32>::new(&event_loop));
        let wait = pause_of(&future);
        future.set_result(1).unwrap();
        let cancels = Script::new("a", &log).calls(cancel(&own));
        let waits = cancels.waits(Yields::once(wait)).returns(());
        let task = Task::new(&event_loop, waits);
        own.replace(Some(task.clone()));
        turn(&event_loop);
        assert!(!task.done());
        turn(&event_loop);
        assert!(task.cancelled());
        assert_eq!(future.result().unwrap(), 1);
        log.assert(&["a begins", "a raises CancelledError"]);
        own.take();
    }

    /// `__step`: `elif result is None`
    fn a_bare_yield_gives_up_one_turn(event_loop, log) {
        let tasks = ["a", "b"].map(|name| {
            let pauses = Script::new(name, &log).pauses().pauses();
            Task::new(&event_loop, pauses.returns(()))
        });
        turn(&event_loop);
        log.expect(&["a begins", "b begins"]);
        for _ in 0..2 {
            turn(&event_loop);
            log.expect(&["a goes on", "b goes on"]);
        }
        assert!(tasks.iter().all(|task| task.done()));
        assert!(!event_loop.run_once().unwrap());
    }

    /// `__step`: `elif result is None`; then `if self._must_cancel`
    fn cancelled_in_a_bare_yield_it_raises_there(event_loop, log) {
        let pauses = Script::new("a", &log).pauses().returns(());
        let task = Task::new(&event_loop, pauses);
        turn(&event_loop);
        assert!(task.cancel());
        turn(&event_loop);
        log.assert(&["a begins", "a raises CancelledError"]);
        assert!(task.cancelled());
    }

    /// `__step`: a future, `get_loop(result) is not self._loop`
    fn a_future_of_another_loop_is_an_error_where_it_waits(event_loop, log) {
        let other_loop = EventLoop::new().unwrap();
        let other = Future::<u32>::new(&other_loop);
        let waits = Script::new("a", &log).catches(other.clone());
        let task = Task::new(&event_loop, waits.pauses().returns(()));
        turn(&event_loop);
        log.expect(&["a begins"]);
        turn(&event_loop);
        log.expect(&["a caught RuntimeError"]);
        // It has not been waited for, and not been cancelled.
        other.set_result(1).unwrap();
        assert!(!other_loop.run_once().unwrap());
        turn(&event_loop);
        log.assert(&["a goes on"]);
        assert!(task.done());
    }

    /// `__step`: a future, `if result is self`
    fn a_task_that_waits_for_itself_is_told(event_loop, log) {
        let own = Slot::default();
        let waits = Script::new("a", &log).waits(of_slot(&own)).returns(());
        let task = Task::new(&event_loop, waits);
        own.replace(Some(task.clone()));
        turn(&event_loop);
        log.expect(&["a begins"]);
        turn(&event_loop);
        log.assert(&["a raises RuntimeError"]);
        let exception = task.result().unwrap_err();
        assert_eq!(exception.to_string(), "a task cannot wait for itself");
        own.take();
    }

    /// `__step`: a future, `add_done_callback(self.__wakeup)`
    fn a_task_goes_on_in_the_turn_after_the_result(event_loop, log) {
        let future = Future::new(&event_loop);
        let waits = Script::new("a", &log).waits(future.clone()).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        assert!(!event_loop.run_once().unwrap(), "nothing is scheduled");
        let (sets, set) = (future.clone(), log.adds("has been set"));
        event_loop.call_soon(move || {
            sets.set_result(1).unwrap();
            set();
        });
        event_loop.call_soon(log.adds("another callback"));
        turn(&event_loop);
        log.expect(&["a begins", "has been set", "another callback"]);
        turn(&event_loop);
        log.assert(&["a got 1"]);
        assert!(task.done());
    }

    /// `__step`: a future, `add_done_callback` of one that is done
    fn a_future_that_was_set_meanwhile_costs_one_turn(event_loop, log) {
        let future = Future::new(&event_loop);
        let wait = pause_of(&future);
        future.set_result(1).unwrap();
        let waits = Script::new("a", &log).waits(Yields::once(wait));
        let task = Task::new(&event_loop, waits.returns(()));
        turn(&event_loop);
        log.expect(&["a begins"]);
        turn(&event_loop);
        log.assert(&["a got ()"]);
        assert!(task.done());
    }

    /// `Future.__await__`: `if not self.done()`
    fn a_future_that_is_done_is_not_waited_for(event_loop, log) {
        let (set, failed) =
            (Future::new(&event_loop), Future::<u32>::new(&event_loop));
        set.set_result(1).unwrap();
        failed.set_exception(Boom.into()).unwrap();
        let waits = Script::new("a", &log).waits(set).catches(failed);
        let task = Task::new(&event_loop, waits.returns(()));
        turn(&event_loop);
        log.assert(&["a begins", "a got 1", "a caught Boom"]);
        assert!(task.done());
    }

    /// `__wakeup`: `future.result()` raises
    fn an_exception_is_raised_where_the_task_waits(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let waits = Script::new("a", &log).waits(future.clone()).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        future.set_exception(Boom.into()).unwrap();
        turn(&event_loop);
        log.assert(&["a begins", "a raises Boom"]);
        assert!(is(&task.result(), "Boom") && !task.cancelled());
    }

    /// `__wakeup`: "This may also be a cancellation."
    fn who_waits_for_what_is_cancelled_is_cancelled(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let waits = Script::new("a", &log).waits(future.clone()).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        assert!(future.cancel());
        turn(&event_loop);
        log.assert(&["a begins", "a raises CancelledError"]);
        assert!(task.cancelled());
    }

    /// `cancel`: `if self.done()`
    fn what_is_done_cannot_be_cancelled(event_loop, log) {
        let task = Task::new(&event_loop, Script::new("a", &log).returns(1));
        turn(&event_loop);
        assert!(!task.cancel());
        assert_eq!(task.result().unwrap(), 1);
        assert!(!event_loop.run_once().unwrap(), "nothing is scheduled");
    }

    /// `cancel`: `self._fut_waiter.cancel()`, a future
    fn cancel_cancels_the_future_that_is_waited_for(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let waits = Script::new("a", &log).waits(future.clone()).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        assert!(task.cancel());
        assert!(future.cancelled() && !task.done());
        turn(&event_loop);
        log.assert(&["a begins", "a raises CancelledError"]);
        assert!(task.cancelled());
    }

    /// `cancel`: `self._fut_waiter.cancel()`, a task
    fn cancel_goes_down_to_the_innermost_task(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let tasks = chain(&event_loop, &future, &["a", "b", "c"], &log);
        turn(&event_loop);
        log.expect(&["a begins", "b begins", "c begins"]);
        assert!(tasks[2].cancel());
        assert!(future.cancelled());
        for (name, task) in ["a", "b", "c"].iter().zip(&tasks) {
            assert!(!task.done());
            turn(&event_loop);
            assert!(task.cancelled());
            log.expect(&[&format!("{name} raises CancelledError")]);
        }
    }

    /// `cancel`: "we may have to cancel it again later"
    fn cancel_reaches_a_task_that_went_on_the_first_time(event_loop, log) {
        let futures = [(); 2].map(|()| Future::<u32>::new(&event_loop));
        let [one, two] = futures.clone();
        let stubborn = Script::new("inner", &log).catches(one).waits(two);
        let inner = Task::new(&event_loop, stubborn.returns(1));
        let waits = Script::new("outer", &log).waits(inner.clone());
        let outer = Task::new(&event_loop, waits.returns(()));
        turn(&event_loop);
        log.expect(&["inner begins", "outer begins"]);
        assert!(outer.cancel());
        turn(&event_loop);
        log.expect(&["inner caught CancelledError"]);
        assert!(outer.cancel());
        assert!(futures[1].cancelled(), "what the inner one waits for now");
        event_loop.run().unwrap();
        log.assert(&[
            "inner raises CancelledError",
            "outer raises CancelledError",
        ]);
        assert!(inner.cancelled() && outer.cancelled());
    }

    /// `cancel`: the same, and the inner task takes both as one
    fn two_cancellations_that_were_caught_below_are_over(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let stubborn = Script::new("inner", &log).catches(future).pauses();
        let inner = Task::new(&event_loop, stubborn.returns(1));
        let waits = Script::new("outer", &log).waits(inner.clone());
        let outer = Task::new(&event_loop, waits.returns(2));
        turn(&event_loop);
        assert!(outer.cancel());
        assert!(outer.cancel());
        event_loop.run().unwrap();
        log.assert(&[
            "inner begins",
            "outer begins",
            "inner caught CancelledError",
            "inner goes on",
            "outer got 1",
        ]);
        assert_eq!(outer.result().unwrap(), 2);
    }

    /// `cancel`: `self._must_cancel = True`, the future is done already
    fn cancelled_after_the_result_it_does_not_get_it(event_loop, log) {
        let future = Future::new(&event_loop);
        let waits = Script::new("a", &log).waits(future.clone()).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        future.set_result(1).unwrap();
        assert!(task.cancel());
        turn(&event_loop);
        log.assert(&["a begins", "a raises CancelledError"]);
        assert!(task.cancelled());
        assert_eq!(future.result().unwrap(), 1);
    }

    /// `cancel`: "deny the request using try/except/finally"
    fn who_catches_the_cancellation_goes_on(event_loop, log) {
        let futures = [(); 2].map(|()| Future::<u32>::new(&event_loop));
        let [one, two] = futures.clone();
        let waits = Script::new("a", &log).catches(one).waits(two);
        let task = Task::new(&event_loop, waits.returns(5));
        turn(&event_loop);
        assert!(task.cancel());
        turn(&event_loop);
        assert!(!task.done());
        futures[1].set_result(2).unwrap();
        turn(&event_loop);
        log.assert(&["a begins", "a caught CancelledError", "a got 2"]);
        assert_eq!(task.result().unwrap(), 5);
        assert!(!task.cancelled());
    }

    /// `cancel`: "or raise a different exception"
    fn who_raises_another_exception_is_not_cancelled(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let waits = Script::new("a", &log).catches(future);
        let task =
            Task::new(&event_loop, waits.raises(Boom.into()).returns(()));
        turn(&event_loop);
        assert!(task.cancel());
        turn(&event_loop);
        assert!(!task.cancelled());
        assert!(is(&task.result(), "Boom"));
        log.assert(&["a begins", "a caught CancelledError", "a raises Boom"]);
    }

    /// `cancel`: once for each time it is caught
    fn a_task_can_be_cancelled_again(event_loop, log) {
        let futures = [(); 2].map(|()| Future::<u32>::new(&event_loop));
        let [one, two] = futures.clone();
        let waits = Script::new("a", &log).catches(one).catches(two);
        let task = Task::new(&event_loop, waits.returns(()));
        turn(&event_loop);
        for future in &futures {
            assert!(task.cancel());
            assert!(future.cancelled());
            turn(&event_loop);
        }
        let caught = "a caught CancelledError";
        log.assert(&["a begins", caught, caught]);
        assert!(task.done() && !task.cancelled());
    }

    /// `class Task(Future)`
    fn a_task_is_a_future_that_others_wait_for(event_loop, log) {
        let inner = Task::new(&event_loop, Script::new("in", &log).returns(7));
        let tasks = ["a", "b"].map(|name| {
            let waits = Script::new(name, &log).waits(inner.clone());
            Task::new(&event_loop, waits.returns(()))
        });
        inner.add_done_callback(calls(&log, "callback"));
        turn(&event_loop);
        // When these began, `inner` was done already.
        log.expect(&["in begins", "a begins", "a got 7", "b begins", "b got 7"]);
        turn(&event_loop);
        log.assert(&["callback: 7"]);
        assert!(tasks.iter().all(|task| task.done()));
    }

    /// `class Task(Future)`: `__schedule_callbacks`
    fn all_who_wait_for_a_task_go_on_in_order(event_loop, log) {
        let pauses = Script::new("in", &log).pauses().raises(Boom.into());
        let inner = Task::new(&event_loop, pauses.returns(0));
        let task = |name| {
            let waits = Script::new(name, &log).catches(inner.clone());
            Task::new(&event_loop, waits.returns(()))
        };
        let tasks = [task("a"), task("b")];
        turn(&event_loop);
        log.expect(&["in begins", "a begins", "b begins"]);
        turn(&event_loop);
        log.expect(&["in goes on", "in raises Boom"]);
        turn(&event_loop);
        log.assert(&["a caught Boom", "b caught Boom"]);
        assert!(tasks.iter().all(|task| task.done()));
    }

    /// `__await__`: to throw into the wait is not to cancel the task
    fn who_stops_waiting_for_a_task_leaves_it_alone(event_loop, log) {
        let future = Future::new(&event_loop);
        let waits = Script::new("a", &log).waits(future.clone()).returns(7);
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        let mut waiting = task.clone();
        assert!(matches!(waiting.next(), Yielded(Some(_))));
        let Complete(raised) = waiting.throw(Boom.into()) else {
            panic!("it goes on waiting")
        };
        assert!(is(&raised, "Boom"));
        assert!(waiting.close().is_ok());
        drop(waiting);
        future.set_result(1).unwrap();
        turn(&event_loop);
        assert_eq!(task.result().unwrap(), 7);
    }

    /// `get_name`, `set_name`
    fn a_task_has_a_name(event_loop, log) {
        let [a, b] = ["a", "b"].map(|name| {
            Task::new(&event_loop, Script::new(name, &log).returns(()))
        });
        for task in [&a, &b] {
            let name = task.name();
            let number = name.strip_prefix("Task-").unwrap();
            assert!(number.parse::<u64>().unwrap() > 0);
        }
        assert_ne!(a.name(), b.name());
        let handle = a.clone();
        handle.set_name("reader");
        assert_eq!(a.name(), "reader");
    }

    /// `set_result`, `set_exception`
    fn nobody_else_sets_its_result(event_loop, log) {
        let pauses = Script::new("a", &log).pauses().returns(1);
        let task = Task::new(&event_loop, pauses);
        for _ in 0..3 {
            let refused = task.set_result(2);
            assert!(is(&refused, "RuntimeError"));
            let refused = task.set_exception(Boom.into());
            assert!(is(&refused, "RuntimeError"));
            task.set_if_pending(2);
            turn_if_any(&event_loop);
        }
        assert_eq!(task.result().unwrap(), 1);
    }

    /// `__del__`, and what is different: the task is closed
    fn the_last_handle_closes_the_generator_where_it_waits(event_loop, log) {
        let future = Future::<u32>::new(&event_loop);
        let waits = Script::new("a", &log).waits(future.clone()).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        let handle = task.clone();
        drop(task);
        log.expect(&["a begins"]);
        drop(handle);
        log.expect(&["a raises GeneratorExit"]);
        // The future is as it was, and nobody is woken by it.
        assert!(!future.done());
        future.set_result(1).unwrap();
        turn_if_any(&event_loop);
        log.assert(&[]);
    }

    fn dropped_between_two_steps_it_takes_no_other(event_loop, log) {
        let pauses = Script::new("a", &log).pauses().returns(());
        let task = Task::new(&event_loop, pauses);
        turn(&event_loop);
        drop(task);
        log.expect(&["a begins", "a raises GeneratorExit"]);
        turn(&event_loop);
        log.assert(&[]);
        assert!(!event_loop.run_once().unwrap());
    }

    fn dropped_before_its_first_step_it_never_begins(event_loop, log) {
        let held = Rc::new(());
        let holds = held.clone();
        let script = Script::new("a", &log).calls(move || drop(holds));
        drop(Task::new(&event_loop, script.returns(())));
        assert_eq!(Rc::strong_count(&held), 1);
        turn(&event_loop);
        log.assert(&[]);
    }

    fn a_generator_that_will_not_close_is_dropped_all_the_same(
        event_loop,
        log
    ) {
        let (held, notes) = (Rc::new(()), log.clone());
        let holds = held.clone();
        let stubborn: Coroutine<()> = Frame::new(move |with| {
            notes.add(format!("{with:?}, holding {holds:?}"));
            Ok(Yielded(None))
        });
        let task = Task::new(&event_loop, stubborn);
        turn(&event_loop);
        drop(task);
        log.assert(&["Next, holding ()", "Close, holding ()"]);
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn a_future_keeps_no_task(event_loop, log) {
        let (future, held) = (Future::<u32>::new(&event_loop), Rc::new(()));
        let holds = held.clone();
        let waits = Script::new("a", &log).waits(future.clone());
        let waits = waits.calls(move || drop(holds)).returns(());
        let task = Task::new(&event_loop, waits);
        turn(&event_loop);
        assert_eq!(Rc::strong_count(&held), 2);
        drop(task);
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn a_task_that_is_done_holds_no_generator(event_loop, log) {
        let held = Rc::new(());
        let holds = held.clone();
        let raises = Script::new("a", &log).raises(Boom.into());
        let raises = raises.calls(move || drop(holds)).returns(());
        let task = Task::new(&event_loop, raises);
        turn(&event_loop);
        assert!(is(&task.result(), "Boom"));
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn a_task_may_drop_its_own_last_handle(event_loop, log) {
        let own = Slot::default();
        let drops = own.clone();
        let script = Script::new("a", &log).calls(move || drop(drops.take()));
        let task = Task::new(
            &event_loop,
            script.says("still runs").pauses().returns(()),
        );
        own.replace(Some(task));
        turn(&event_loop);
        log.expect(&["a begins", "a still runs", "a raises GeneratorExit"]);
        turn(&event_loop);
        log.assert(&[]);
    }

    fn a_task_may_drop_its_own_last_handle_and_end(event_loop, log) {
        let own = Slot::default();
        let drops = own.clone();
        let script = Script::new("a", &log).calls(move || drop(drops.take()));
        let task = Task::new(&event_loop, script.returns(()));
        task.add_done_callback(calls(&log, "callback"));
        own.replace(Some(task));
        turn(&event_loop);
        log.expect(&["a begins"]);
        turn(&event_loop);
        log.assert(&["callback: ()"]);
    }

    fn a_callback_may_drop_the_last_handle(event_loop, log) {
        let own = Slot::default();
        let drops = own.clone();
        let task = Task::new(&event_loop, Script::new("a", &log).returns(()));
        task.add_done_callback(move |_| drop(drops.take()));
        task.add_done_callback(calls(&log, "second"));
        own.replace(Some(task));
        event_loop.run().unwrap();
        log.assert(&["a begins", "second: ()"]);
        assert!(own.take().is_none());
    }

    /// Not in Python: the loop's caller gets the panic.
    fn a_panic_leaves_the_loop_and_the_others_usable(event_loop, log) {
        let held = Rc::new(());
        let holds = held.clone();
        let panics = Script::new("a", &log).pauses();
        let panics = panics.calls(|| panic!("a panics"));
        let panics = panics.calls(move || drop(holds)).returns(());
        let before = Script::new("before", &log).pauses().pauses().returns(());
        let after = Script::new("after", &log).pauses().pauses().returns(());
        let before = Task::new(&event_loop, before);
        let task = Task::new(&event_loop, panics);
        let after = Task::new(&event_loop, after);
        turn(&event_loop);
        log.expect(&["before begins", "a begins", "after begins"]);
        let again = event_loop.clone();
        assert_eq!(message_of(move || again.run_once()), "a panics");
        log.expect(&["before goes on", "a goes on"]);
        assert_eq!(Rc::strong_count(&held), 1, "the frame is gone");
        event_loop.run().unwrap();
        // The panic has cost the first one no step: the turn goes on.
        log.assert(&["after goes on", "before goes on", "after goes on"]);
        assert!(before.done() && after.done());
        // What has no end has no result. Nothing resumes it again.
        assert!(!task.done());
        assert!(is(&task.result(), "InvalidStateError"));
        assert!(task.cancel());
        assert!(!event_loop.run_once().unwrap());
        assert!(!task.done());
    }

    fn a_long_row_of_results_needs_no_stack(event_loop, log) {
        on_a_small_stack(|| {
            let event_loop = EventLoop::new().unwrap();
            let mut future = Future::new(&event_loop);
            future.set_result(1).unwrap();
            let (mut left, mut sum) = (100_000, 0);
            let task = Task::new(
                &event_loop,
                Frame::new(move |mut with| {
                    while left > 0 {
                        sum += yield_from!(future, with)?;
                        left -= 1;
                    }
                    Ok(Complete(sum))
                }),
            );
            turn(&event_loop);
            assert_eq!(task.result().unwrap(), 100_000);
        });
        drop((event_loop, log));
    }

    fn a_long_row_of_turns_needs_no_stack(event_loop, log) {
        on_a_small_stack(|| {
            let event_loop = EventLoop::new().unwrap();
            let yields = Yields(vec![None; 100_000]);
            let task = Task::new(&event_loop, yields);
            event_loop.run().unwrap();
            assert!(task.done());
        });
        drop((event_loop, log));
    }

    fn a_ring_of_tasks_that_wake_each_other_needs_no_stack(event_loop, log) {
        on_a_small_stack(|| {
            let event_loop = EventLoop::new().unwrap();
            let pending = || RefCell::new(Future::new(&event_loop));
            let ring: Rc<Vec<_>> =
                Rc::new((0..10).map(|_| pending()).collect());
            let tasks: Vec<_> = (0..10)
                .map(|own| {
                    let (ring, mut left) = (ring.clone(), 10_000);
                    let event_loop = event_loop.clone();
                    Task::new(&event_loop.clone(), Frame::new(move |mut with| {
                        while left > 0 {
                            let mut future = ring[own].borrow().clone();
                            yield_from!(future, with)?;
                            left -= 1;
                            ring[own].replace(Future::new(&event_loop));
                            let next = ring[(own + 1) % 10].borrow().clone();
                            next.set_if_pending(());
                        }
                        Ok(Complete(()))
                    }))
                })
                .collect();
            ring[0].borrow().set_result(()).unwrap();
            event_loop.run().unwrap();
            assert!(tasks.iter().all(|task| task.result().is_ok()));
        });
        drop((event_loop, log));
    }

    /// `__del__`: `exception was never retrieved`
    #[ignore = "run by `who_fails_unseen_is_reported_once`"]
    fn fails_unseen(event_loop, log) {
        let fails = |name: &str| {
            let raises = Script::new("a", &log).raises(Boom.into());
            let task = Task::new(&event_loop, raises.returns(0));
            task.set_name(name);
            task
        };
        let unseen = fails("unseen");
        let clones = fails("two handles");
        let looked_at = fails("looked at");
        let by_callback = fails("looked at by a callback");
        by_callback.add_done_callback(|task| drop(task.result()));
        let only_done = fails("asked whether it is done");
        let awaited = fails("waited for");
        let waits = Script::new("b", &log).catches(awaited.clone());
        let waiting = Task::new(&event_loop, waits.returns(()));
        let cancelled = fails("cancelled");
        cancelled.cancel();
        let closed = Task::new(
            &event_loop,
            Script::new("c", &log).pauses().returns(()),
        );
        let returns = Script::new("d", &log).returns(());
        let succeeds = Task::new(&event_loop, returns);
        let future = Future::<()>::new(&event_loop);
        future.set_exception(Boom.into()).unwrap();
        let mut by_hand = fails("sent to by hand");

        turn(&event_loop);
        assert!(only_done.done() && !only_done.cancelled());
        assert!(is(&looked_at.result(), "Boom"));
        assert!(matches!(by_hand.next(), Complete(Err(_))));
        turn_if_any(&event_loop);
        drop((looked_at, by_callback, awaited, waiting, cancelled, closed));
        drop((succeeds, future, by_hand));
        drop(clones.clone());
        eprintln!("first");
        drop(unseen);
        eprintln!("second");
        drop(clones);
        eprintln!("third");
        drop(only_done);
        eprintln!("end");
    }

    /// Not in Python: there nobody is dropped while waiting.
    #[ignore = "run by `who_is_dropped_has_not_looked`"]
    fn fails_unseen_by_who_was_dropped(event_loop, log) {
        let fails = Script::new("in", &log).pauses().raises(Boom.into());
        let inner = Task::new(&event_loop, fails.returns(0));
        inner.set_name("inner");
        let waits = Script::new("out", &log).waits(inner.clone());
        let outer = Task::new(&event_loop, waits.returns(()));
        turn(&event_loop);
        drop(outer);
        event_loop.run().unwrap();
        eprintln!("begin");
        drop(inner);
        eprintln!("end");
    }
}

#[test]
fn who_fails_unseen_is_reported_once() {
    assert_eq!(
        reports_of("fails_unseen"),
        [
            "first",
            "unseen: true",
            "second",
            "two handles: true",
            "third",
            "asked whether it is done: true",
            "end",
        ]
    );
}

#[test]
fn who_is_dropped_has_not_looked() {
    let reports = reports_of("fails_unseen_by_who_was_dropped");
    assert_eq!(reports, ["begin", "inner: true", "end"]);
}

/// What an ignored test of this file writes to stderr. Of a report the name,
/// and whether it has the exception, whatever it says between them.
fn reports_of(test: &str) -> Vec<String> {
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", "--ignored", "--nocapture", test]);
    let ended = programs::run(&mut again);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stdout.contains(" 1 passed"), "{ended}");
    let lines = ended.stderr.lines().map(|line| match line.split_once(": ") {
        Some((name, text)) => format!("{name}: {}", text.contains("Boom")),
        None => line.to_string(),
    });
    lines.collect()
}

/// One turn of a loop that has something to do.
fn turn(event_loop: &EventLoop) {
    assert!(event_loop.run_once().unwrap(), "nothing is scheduled");
}

/// One turn, should there be anything to do.
fn turn_if_any(event_loop: &EventLoop) {
    event_loop.run_once().unwrap();
}

/// Whether it is an exception of this kind.
fn is<T>(result: &Result<T, Exception>, name: &str) -> bool {
    result.as_ref().is_err_and(|exception| kind(exception) == name)
}

/// A place for the task that a generator is run by.
type Slot = Rc<RefCell<Option<Task<()>>>>;

/// Cancels the task in the slot.
fn cancel(slot: &Slot) -> impl FnOnce() + use<> {
    let slot = slot.clone();
    move || assert!(slot.borrow().as_ref().unwrap().cancel())
}

/// Waits for the task that is in the slot then.
fn of_slot(slot: &Slot) -> Coroutine<()> {
    let slot = slot.clone();
    Frame::new(move |mut with| {
        let mut task = slot.borrow().clone().unwrap();
        yield_from!(task, with).map(Complete)
    })
}

/// Tasks of which the first waits for `future`, and each other one for the
/// one before. Each begins in the order given.
fn chain(
    event_loop: &EventLoop,
    future: &Future<u32>,
    names: &[&'static str],
    log: &Log,
) -> Vec<Task<u32>> {
    let mut tasks: Vec<Task<u32>> = Vec::new();
    for name in names {
        let script = Script::new(name, log);
        let script = match tasks.last() {
            None => script.waits(future.clone()),
            Some(task) => script.waits(task.clone()),
        };
        tasks.push(Task::new(event_loop, script.returns(0)));
    }
    tasks
}

/// A callback that notes `name` and the result of the future that it gets.
fn calls<T: Clone + std::fmt::Debug>(
    log: &Log,
    name: &'static str,
) -> impl FnOnce(&Future<T>) + use<T> {
    let log = log.clone();
    move |future| log.add(format!("{name}: {:?}", future.result().unwrap()))
}

/// What a task is told when a generator waits for `future`.
fn pause_of(future: &Future<u32>) -> Wait {
    match future.clone().next() {
        Yielded(wait) => wait,
        Complete(_) => panic!("it is done"),
    }
}

/// A generator that yields these, from the last one on, and raises what is
/// thrown.
struct Yields(Vec<Wait>);

impl Yields {
    fn once(wait: Wait) -> Yields {
        Yields(vec![wait])
    }
}

impl Generator for Yields {
    type Yield = Wait;
    type Sent = ();
    type Return = ();

    fn resume(&mut self, mut with: Resume<()>) -> Step<Wait, ()> {
        match (with.sent(), self.0.pop()) {
            (Err(exception), _) => Complete(Err(exception)),
            (Ok(_), Some(wait)) => Yielded(wait),
            (Ok(_), None) => Complete(Ok(())),
        }
    }
}

/// Runs `work` on a thread with so little stack that nothing can call itself
/// thousands of times.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(128 * 1024).spawn(work);
    thread.unwrap().join().unwrap();
}
