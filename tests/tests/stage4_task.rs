//! The semantics of stage 4's `Task`: its steps, its result, and who waits
//! for it. As CPython 3.11's `Lib/asyncio/tasks.py`.

use std::future::{poll_fn, ready};
use std::panic::panic_any;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use stage4_async_await as aio;

use aio::TaskError;
use tests::panics::message_of;
use tests::stage4::{End, other, tells, turn};

tests::loop_tests! {
    fn the_first_step_is_in_the_next_turn(event_loop, log) {
        event_loop.call_soon(log.adds("before"));
        let notes = log.clone();
        event_loop.create_task(async move {
            notes.add("outer");
            let inner = notes.clone();
            aio::create_task(async move { inner.add("inner") });
            notes.add("outer ends");
        });
        event_loop.call_soon(log.adds("after"));
        log.assert(&[]);
        turn(event_loop);
        log.expect(&["before", "outer", "outer ends", "after"]);
        turn(event_loop);
        log.assert(&["inner"]);
    }

    fn awaiting_it_gives_its_result(event_loop, _) {
        let task = event_loop.create_task(async { String::from("result") });
        let result = event_loop.run_until_complete(task);
        assert_eq!(result.unwrap(), "result");
    }

    fn awaiting_one_that_is_done_never_suspends(event_loop, log) {
        let tasks: Vec<_> =
            (0..1000).map(|n| event_loop.create_task(ready(n))).collect();
        turn(event_loop);
        let notes = log.clone();
        event_loop.create_task(async move {
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            notes.add(sum.to_string());
        });
        event_loop.call_soon(log.adds("after"));
        turn(event_loop);
        log.assert(&["499500", "after"]);
    }

    fn a_panic_is_a_result(event_loop, _) {
        let mut task = event_loop.create_task(async { panic_any(7_u8) });
        turn(event_loop);
        assert!(task.done() && !task.cancelled());
        let Some(Err(TaskError::Panicked(panic))) = task.take_result() else {
            panic!("it has not panicked")
        };
        assert_eq!(*panic.downcast::<u8>().unwrap(), 7);
        let task = event_loop.create_task(async { panic!("it fails") });
        let error: Result<(), TaskError> = event_loop.run_until_complete(task);
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: it fails");
    }

    fn a_task_that_woke_itself_before_it_ended_keeps_its_result(
        event_loop,
        log
    ) {
        let ends = |result| {
            poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                Poll::Ready(result)
            })
        };
        let mut first = event_loop.create_task(ends(1));
        first.add_done_callback(tells(log, "called"));
        let mut second = event_loop.create_task(ends(2));
        turn(event_loop);
        turn(event_loop);
        turn(event_loop);
        log.assert(&["called: Finished"]);
        assert!(matches!(first.take_result(), Some(Ok(1))));
        assert!(!second.cancel());
        turn(event_loop);
        assert!(!second.cancelled());
        assert!(matches!(second.take_result(), Some(Ok(2))));
    }

    fn a_detached_task_runs_on(event_loop, log) {
        let notes = log.clone();
        drop(event_loop.create_task(async move {
            aio::yield_now().await;
            notes.add("done");
        }));
        turn(event_loop);
        turn(event_loop);
        log.assert(&["done"]);
    }

    fn waiting_by_reference_only_waits(event_loop, log) {
        let mut task = event_loop.create_task(other("a", log));
        turn(event_loop);
        event_loop.run_until_complete(async {
            let no_time = std::time::Duration::ZERO;
            assert!(aio::wait_for(&mut task, no_time).await.is_err());
            aio::yield_now().await;
        });
        assert!(!task.done());
        drop(task);
        turn(event_loop);
        log.assert(&["a begins"]);
    }

    fn a_result_that_was_taken_is_gone(event_loop, log) {
        let mut task = event_loop.create_task(async { 1 });
        assert!(task.take_result().is_none());
        let result = event_loop.run_until_complete(&mut task);
        assert_eq!(result.unwrap(), 1);
        assert!(task.done());
        assert!(task.take_result().is_none());
        log.add(message_of(|| event_loop.run_until_complete(&mut task)));
        log.add(message_of(|| event_loop.run_until_complete(task)));
        log.assert(&["the result has been taken already"; 2]);
    }

    fn a_result_nobody_takes_is_dropped_with_the_handle(event_loop, _) {
        let held = Rc::new(());
        let holds = held.clone();
        let task = event_loop.create_task(async move { holds });
        let task_ref = task.task_ref();
        turn(event_loop);
        drop(task);
        assert_eq!(Rc::strong_count(&held), 2);
        drop(task_ref);
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn a_future_is_dropped_when_it_is_done(event_loop, log) {
        let end = End("a", log.clone());
        let task = event_loop.create_task(async move {
            let _end = end;
            aio::yield_now().await;
        });
        turn(event_loop);
        log.assert(&[]);
        turn(event_loop);
        log.assert(&["a ends"]);
        assert!(task.done());
    }

    fn callbacks_and_waiting_tasks_stand_in_one_list(event_loop, log) {
        let future = event_loop.create_future::<()>();
        let waits = future.clone();
        let mut task = event_loop.create_task(async move {
            waits.await.unwrap();
        });
        task.add_done_callback(tells(log, "callback 1"));
        let task_ref = task.task_ref();
        let notes = log.clone();
        event_loop.create_task(async move {
            (&mut task).await.unwrap();
            notes.add("task");
        });
        turn(event_loop);
        task_ref.add_done_callback(tells(log, "callback 2"));
        let removed = task_ref.add_done_callback(tells(log, "never"));
        assert!(task_ref.remove_done_callback(removed));
        assert!(!task_ref.remove_done_callback(removed));
        future.set_result(()).unwrap();
        turn(event_loop);
        log.assert(&[]);
        task_ref.add_done_callback(tells(log, "late"));
        turn(event_loop);
        log.assert(&[
            "callback 1: Finished",
            "task",
            "callback 2: Finished",
            "late: Finished",
        ]);
    }

    fn a_wait_that_is_dropped_wakes_nobody(event_loop, log) {
        let mut task = event_loop.create_task(async { aio::yield_now().await });
        let mut noop = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut &mut task).poll(&mut noop).is_pending());
        let task_ref = task.task_ref();
        drop(task);
        task_ref.add_done_callback(tells(log, "called"));
        turn(event_loop);
        turn(event_loop);
        turn(event_loop);
        log.assert(&["called: Finished"]);
    }
}
