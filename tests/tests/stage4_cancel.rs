//! The cancellation of stage 4's tasks: in the next turn the future is
//! dropped, once. As CPython 3.11's `Lib/asyncio/tasks.py`, but that a future
//! cannot refuse.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use stage4_async_await as aio;

use aio::{Task, TaskError};
use tests::log::Log;
use tests::stage4::{End, Fails, other, tells, turn};

tests::loop_tests! {
    fn cancelled_before_its_first_step_it_never_begins(event_loop, log) {
        let mut task = event_loop.create_task(other("a", log));
        task.add_done_callback(tells(log, "called"));
        assert!(task.cancel());
        assert!(!task.done() && !task.cancelled());
        turn(event_loop);
        assert!(task.done() && task.cancelled());
        turn(event_loop);
        log.assert(&["called: Cancelled"]);
        let result = task.take_result().unwrap();
        assert!(matches!(result, Err(TaskError::Cancelled)));
    }

    fn cancelled_while_it_waits_its_future_is_dropped_once(event_loop, log) {
        let task = event_loop.create_task(other("a", log));
        turn(event_loop);
        event_loop.call_soon(log.adds("before"));
        assert!(task.cancel() && task.cancel() && !task.cancelled());
        event_loop.call_soon(log.adds("after"));
        log.expect(&["a begins"]);
        turn(event_loop);
        assert!(task.cancelled() && !task.cancel());
        turn(event_loop);
        let result = event_loop.run_until_complete(task);
        assert!(matches!(result, Err(TaskError::Cancelled)));
        log.assert(&["before", "a ends", "after"]);
    }

    fn what_is_done_cannot_be_cancelled(event_loop, _) {
        let mut task = event_loop.create_task(async { 1 });
        turn(event_loop);
        assert!(!task.cancel() && !task.cancel());
        turn(event_loop);
        assert!(!task.cancelled());
        assert!(matches!(task.take_result(), Some(Ok(1))));
    }

    fn cancellation_counts_more_than_a_wake_of_the_same_turn(event_loop, log) {
        let future = event_loop.create_future::<()>();
        let (waits, notes) = (future.clone(), log.clone());
        let task = event_loop.create_task(async move {
            waits.await.unwrap();
            notes.add("never");
        });
        turn(event_loop);
        future.set_result(()).unwrap();
        assert!(task.cancel());
        turn(event_loop);
        assert!(task.cancelled());
        log.assert(&[]);
    }

    fn a_task_may_cancel_itself_and_wait(event_loop, log) {
        let notes = log.clone();
        let task = event_loop.create_task(async move {
            let _end = End("a", notes.clone());
            assert!(aio::current_task().unwrap().cancel());
            notes.add("goes on");
            async {}.await; // this never suspends
            notes.add("until it waits");
            aio::yield_now().await;
            notes.add("never");
        });
        turn(event_loop);
        assert!(!task.done());
        log.expect(&["goes on", "until it waits"]);
        turn(event_loop);
        assert!(task.cancelled());
        log.assert(&["a ends"]);
    }

    fn a_task_that_cancels_itself_and_returns_is_cancelled(event_loop, log) {
        let held = Rc::new(());
        let holds = held.clone();
        let mut task = event_loop.create_task(async move {
            assert!(aio::current_task().unwrap().cancel());
            holds
        });
        task.add_done_callback(tells(log, "called"));
        turn(event_loop);
        assert!(task.cancelled());
        assert_eq!(Rc::strong_count(&held), 1);
        turn(event_loop);
        turn(event_loop);
        let result = task.take_result().unwrap();
        assert!(matches!(result, Err(TaskError::Cancelled)));
        log.assert(&["called: Cancelled"]);
    }

    fn a_task_that_cancels_itself_and_panics_has_panicked(event_loop, _) {
        let mut task = event_loop.create_task(async {
            assert!(aio::current_task().unwrap().cancel());
            panic!("it fails");
        });
        turn(event_loop);
        turn(event_loop);
        assert!(task.done() && !task.cancelled());
        let result: Result<(), _> = task.take_result().unwrap();
        assert!(matches!(result, Err(TaskError::Panicked(_))));
    }

    fn a_panic_at_its_end_counts_more_than_cancellation(event_loop, log) {
        let mut task = event_loop.create_task(async {
            let _fails = Fails;
            pending::<()>().await;
        });
        turn(event_loop);
        task.add_done_callback(tells(log, "called"));
        task.cancel();
        event_loop.call_soon(log.adds("after"));
        turn(event_loop);
        turn(event_loop);
        assert!(task.done() && !task.cancelled());
        let result = task.take_result().unwrap();
        let text = result.unwrap_err().to_string();
        assert_eq!(text, "the task panicked: at its end");
        log.assert(&["after", "called: Finished"]);
    }

    fn what_is_dropped_may_cancel_its_own_task(event_loop, log) {
        struct CancelsItself(Log);

        impl Drop for CancelsItself {
            fn drop(&mut self) {
                let cancelled = aio::current_task().unwrap().cancel();
                self.0.add(format!("{cancelled}"));
            }
        }

        let drops = CancelsItself(log.clone());
        let task = event_loop.create_task(async move {
            let _drops = drops;
            pending::<()>().await;
        });
        turn(event_loop);
        task.cancel();
        turn(event_loop);
        turn(event_loop);
        log.assert(&["true"]);
        assert!(task.cancelled());
    }

    fn a_task_may_await_itself_and_be_cancelled(event_loop, log) {
        let slot = Rc::new(RefCell::new(None::<Task<()>>));
        let (own, end) = (slot.clone(), End("a", log.clone()));
        let task = event_loop.create_task(async move {
            let _end = end;
            let mut itself = own.take().unwrap();
            let _ = (&mut itself).await;
        });
        let task_ref = task.task_ref();
        slot.replace(Some(task));
        turn(event_loop);
        assert!(task_ref.cancel());
        turn(event_loop);
        assert!(task_ref.cancelled());
        log.assert(&["a ends"]);
    }

    fn who_is_awaited_is_cancelled_with_the_waiter(event_loop, log) {
        let task = event_loop.create_task(other("inner", log));
        let outer = event_loop.create_task(async { task.await.unwrap() });
        turn(event_loop);
        log.expect(&["inner begins"]);
        outer.cancel();
        log.assert(&[]);
        turn(event_loop);
        assert!(outer.cancelled());
        turn(event_loop);
        log.assert(&["inner ends"]);
    }

    fn dropping_an_await_that_has_not_begun_cancels_too(event_loop, log) {
        let task = event_loop.create_task(other("a", log));
        let task_ref = task.task_ref();
        turn(event_loop);
        drop(task.into_future());
        turn(event_loop);
        assert!(task_ref.cancelled());
        log.assert(&["a begins", "a ends"]);
    }
}
