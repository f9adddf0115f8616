//! The semantics of stage 4's `Future`: one result, who is told of it and
//! when, and how it is awaited. As CPython 3.11's `Lib/asyncio/futures.py`.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use stage4_async_await as aio;

use aio::{Cancelled, EventLoop, FutureError, InvalidState};
use tests::log::Log;
use tests::panics::message_of;
use tests::stage4::turn;

/// Defines tests whose bodies run within a deadline, with a loop, a future
/// on it, and a log.
macro_rules! future_tests {
    ($(fn $name:ident($event_loop:pat, $future:pat, $log:pat)
    $body:block)*) => {
        tests::loop_tests! {
            $(fn $name(event_loop, $log) {
                let future = event_loop.create_future::<u32>();
                let ($event_loop, $future) = (event_loop, future);
                $body
            })*
        }
    };
}

future_tests! {
    fn at_first_it_is_pending(_, future, _) {
        assert!(!future.done() && !future.cancelled());
        assert_eq!(future.result(), Err(FutureError::InvalidState));
        assert_eq!(format!("{future:?}"), "Future(pending)");
    }

    fn finished_it_has_a_result_again_and_again(_, future, _) {
        assert_eq!(future.set_result(1), Ok(()));
        for _ in 0..3 {
            assert!(future.done() && !future.cancelled());
            assert_eq!(future.result(), Ok(1));
            assert_eq!(future.set_result(2), Err(InvalidState));
            assert!(!future.cancel(), "it is done");
        }
        assert_eq!(format!("{future:?}"), "Future(finished)");
    }

    fn cancelled_it_has_none_and_gets_none(_, future, _) {
        assert!(future.cancel());
        for _ in 0..3 {
            assert!(future.done() && future.cancelled());
            assert_eq!(future.result(), Err(FutureError::Cancelled));
            assert_eq!(future.set_result(1), Err(InvalidState));
            assert!(!future.cancel(), "it is done");
        }
        assert_eq!(format!("{future:?}"), "Future(cancelled)");
    }

    fn clones_are_the_same_future(event_loop, future, log) {
        let clone = future.clone();
        future.add_done_callback(tells(log, "a"));
        clone.add_done_callback(tells(log, "b"));
        drop(future.clone());
        clone.set_result(1).unwrap();
        assert_eq!(future.result(), Ok(1));
        turn(event_loop);
        log.assert(&["a: Ok(1)", "b: Ok(1)"]);
    }

    fn callbacks_are_scheduled_not_called(event_loop, future, log) {
        future.add_done_callback(tells(log, "a"));
        event_loop.call_soon(log.adds("before"));
        future.set_result(1).unwrap();
        event_loop.call_soon(log.adds("after"));
        future.add_done_callback(tells(log, "late"));
        log.assert(&[]);
        turn(event_loop);
        log.assert(&["before", "a: Ok(1)", "after", "late: Ok(1)"]);
    }

    fn a_cancelled_one_tells_its_callbacks(event_loop, future, log) {
        future.add_done_callback(tells(log, "a"));
        future.cancel();
        log.assert(&[]);
        future.add_done_callback(tells(log, "late"));
        turn(event_loop);
        log.assert(&["a: Err(Cancelled)", "late: Err(Cancelled)"]);
    }

    fn a_callback_added_by_a_callback_is_for_the_next_turn(
        event_loop,
        future,
        log
    ) {
        let notes = log.clone();
        future.add_done_callback(move |future| {
            notes.add("a");
            future.add_done_callback(tells(&notes, "c"));
        });
        future.add_done_callback(tells(log, "b"));
        future.set_result(1).unwrap();
        turn(event_loop);
        log.expect(&["a", "b: Ok(1)"]);
        turn(event_loop);
        log.assert(&["c: Ok(1)"]);
    }

    fn callbacks_and_tasks_stand_in_one_list(event_loop, future, log) {
        future.add_done_callback(tells(log, "callback 1"));
        event_loop.create_task(waits("task 1", &future, log));
        turn(event_loop);
        future.add_done_callback(tells(log, "callback 2"));
        event_loop.create_task(waits("task 2", &future, log));
        turn(event_loop);
        future.add_done_callback(tells(log, "callback 3"));
        future.set_result(1).unwrap();
        log.assert(&[]);
        turn(event_loop);
        log.assert(&[
            "callback 1: Ok(1)",
            "task 1: Ok(1)",
            "callback 2: Ok(1)",
            "task 2: Ok(1)",
            "callback 3: Ok(1)",
        ]);
    }

    fn a_removed_callback_is_not_called(event_loop, future, log) {
        let held = Rc::new(());
        let holds = held.clone();
        future.add_done_callback(tells(log, "a"));
        let id = future.add_done_callback(move |_| panic!("{holds:?}"));
        let c = future.add_done_callback(tells(log, "c"));
        assert!(future.remove_done_callback(id));
        assert_eq!(Rc::strong_count(&held), 1);
        assert!(!future.remove_done_callback(id), "once");
        let d = future.add_done_callback(tells(log, "d"));
        assert!(d != id && d != c, "no name is used again");
        future.set_result(1).unwrap();
        assert!(!future.remove_done_callback(c), "it is scheduled");
        turn(event_loop);
        assert!(!future.remove_done_callback(c));
        log.assert(&["a: Ok(1)", "c: Ok(1)", "d: Ok(1)"]);
    }

    fn removal_may_use_the_future_again(event_loop, future, log) {
        struct AddsWhenDropped(aio::Future<u32>, Log);

        impl Drop for AddsWhenDropped {
            fn drop(&mut self) {
                self.0.add_done_callback(tells(&self.1, "added by a drop"));
            }
        }

        let adds = AddsWhenDropped(future.clone(), log.clone());
        let id = future.add_done_callback(move |_| drop(adds));
        future.add_done_callback(tells(log, "a"));
        assert!(future.remove_done_callback(id));
        future.set_result(1).unwrap();
        turn(event_loop);
        log.assert(&["a: Ok(1)", "added by a drop: Ok(1)"]);
    }

    fn a_forgotten_future_drops_its_callbacks(_, future, _) {
        let held = Rc::new(());
        let holds = held.clone();
        future.add_done_callback(move |_| panic!("{holds:?}"));
        drop(future);
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn a_scheduled_callback_keeps_the_future(event_loop, future, log) {
        future.add_done_callback(tells(log, "called"));
        future.set_result(1).unwrap();
        drop(future);
        turn(event_loop);
        log.assert(&["called: Ok(1)"]);
    }

    fn awaiting_gives_the_result(event_loop, future, log) {
        event_loop.create_task(waits("a", &future, log));
        event_loop.create_task(waits("b", &future, log));
        turn(event_loop);
        future.set_result(1).unwrap();
        let result = event_loop.run_until_complete(future);
        assert_eq!(result, Ok(1));
        log.assert(&["a: Ok(1)", "b: Ok(1)"]);
    }

    fn awaiting_a_cancelled_one_gives_that(event_loop, future, log) {
        event_loop.create_task(waits("a", &future, log));
        turn(event_loop);
        future.cancel();
        let result = event_loop.run_until_complete(future);
        assert_eq!(result, Err(Cancelled));
        log.assert(&["a: Err(Cancelled)"]);
    }

    fn awaiting_what_is_done_never_suspends(event_loop, future, log) {
        future.set_result(1).unwrap();
        event_loop.call_soon(log.adds("before"));
        let mut awaits = event_loop.create_task(async move {
            let mut sum = 0;
            for _ in 0..100_000 {
                sum += future.clone().await.unwrap();
            }
            sum
        });
        event_loop.call_soon(log.adds("after"));
        turn(event_loop);
        assert_eq!(awaits.take_result().unwrap().unwrap(), 100_000);
        log.assert(&["before", "after"]);
    }

    fn a_wait_that_is_dropped_wakes_nobody(event_loop, future, log) {
        let (awaits, notes) = (future.clone(), log.clone());
        let polls = Rc::new(Cell::new(0));
        let counts = polls.clone();
        event_loop.create_task(async move {
            let mut awaits = Some(awaits);
            poll_fn(move |cx| {
                counts.set(counts.get() + 1);
                let mut future = awaits.take().expect("it is woken");
                assert!(Pin::new(&mut future).poll(cx).is_pending());
                notes.add("waits no more");
                Poll::<()>::Pending
            })
            .await;
        });
        turn(event_loop);
        log.assert(&["waits no more"]);
        future.set_result(1).unwrap();
        turn(event_loop);
        assert_eq!(polls.get(), 1);
    }

    fn polled_again_it_keeps_its_place(event_loop, future, log) {
        let (mut awaits, notes) = (future.clone(), log.clone());
        let (first, wakes) = (Rc::new(Cell::new(None::<Waker>)), log.clone());
        let waker = first.clone();
        event_loop.create_task(async move {
            let result = poll_fn(move |cx| {
                wakes.add("polled");
                waker.set(Some(cx.waker().clone()));
                Pin::new(&mut awaits).poll(cx)
            });
            notes.add(format!("task: {:?}", result.await));
        });
        turn(event_loop);
        future.add_done_callback(tells(log, "callback"));
        event_loop.call_soon(move || first.take().unwrap().wake());
        turn(event_loop);
        turn(event_loop);
        future.set_result(1).unwrap();
        turn(event_loop);
        log.assert(&[
            "polled",
            "polled",
            "polled",
            "task: Ok(1)",
            "callback: Ok(1)",
        ]);
    }

    fn polled_with_another_waker_it_wakes_that_one(event_loop, future, log) {
        let mut awaits = future.clone();
        let mut noop = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut awaits).poll(&mut noop).is_pending());
        future.add_done_callback(tells(log, "callback"));
        let notes = log.clone();
        event_loop.create_task(async move {
            notes.add(format!("task: {:?}", awaits.await));
        });
        turn(event_loop);
        future.set_result(1).unwrap();
        turn(event_loop);
        log.assert(&["task: Ok(1)", "callback: Ok(1)"]);
    }

    fn a_result_may_be_set_while_no_loop_runs(event_loop, future, log) {
        event_loop.create_task(waits("a", &future, log));
        turn(event_loop);
        assert!(aio::running_loop().is_none());
        future.set_result(1).unwrap();
        turn(event_loop);
        log.assert(&["a: Ok(1)"]);
    }

    fn who_waits_may_be_told_by_the_one_before(event_loop, future, log) {
        let second = event_loop.create_future::<u32>();
        let (awaits, sets) = (future.clone(), second.clone());
        event_loop.create_task(async move {
            sets.set_result(awaits.await.unwrap() + 1).unwrap();
        });
        event_loop.create_task(waits("b", &second, log));
        event_loop.create_task(waits("c", &future, log));
        turn(event_loop);
        future.set_result(1).unwrap();
        turn(event_loop);
        log.expect(&["c: Ok(1)"]);
        turn(event_loop);
        log.assert(&["b: Ok(2)"]);
    }

    fn a_long_chain_of_futures_is_no_deep_recursion(event_loop, first, _) {
        let mut last = first.clone();
        for _ in 0..100_000 {
            let next = event_loop.create_future::<u32>();
            let sets = next.clone();
            last.add_done_callback(move |future| {
                sets.set_result(future.result().unwrap() + 1).unwrap();
            });
            last = next;
        }
        first.set_result(0).unwrap();
        let result = event_loop.run_until_complete(last);
        assert_eq!(result, Ok(100_000));
    }

    fn one_of_another_loop_can_be_awaited(event_loop, future, log) {
        let another = EventLoop::new().unwrap();
        let task = another.create_task(waits("there", &future, log));
        turn(&another);
        future.add_done_callback(tells(log, "here"));
        future.set_result(1).unwrap();
        another.run_until_complete(task).unwrap();
        log.expect(&["there: Ok(1)"]);
        turn(event_loop);
        log.assert(&["here: Ok(1)"]);
        another.close();
    }

    fn without_a_running_loop_there_is_no_future(_, _, _) {
        let message = message_of(aio::create_future::<u32>);
        assert_eq!(message, "no event loop is running on this thread");
    }

    fn the_errors_say_what_they_are(_, _, _) {
        assert_eq!(Cancelled.to_string(), "cancelled");
        assert_eq!(FutureError::Cancelled.to_string(), "cancelled");
        let pending = FutureError::InvalidState.to_string();
        assert_eq!(pending, "there is no result yet");
        let done = InvalidState.to_string();
        assert_eq!(done, "the future is done already");
    }
}

/// A callback that notes `name` and the result of the future that it gets.
fn tells(
    log: &Log,
    name: &'static str,
) -> impl FnOnce(&aio::Future<u32>) + use<> {
    let log = log.clone();
    move |future| log.add(format!("{name}: {:?}", future.result()))
}

/// Awaits the future, and notes `name` and what came.
fn waits(
    name: &'static str,
    future: &aio::Future<u32>,
    log: &Log,
) -> impl Future<Output = ()> + use<> {
    let (future, log) = (future.clone(), log.clone());
    async move {
        let result = future.await;
        log.add(format!("{name}: {result:?}"));
    }
}
