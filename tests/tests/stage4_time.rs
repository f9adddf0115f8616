//! Stage 4's `sleep`, `yield_now` and `wait_for`: the order of events, never
//! how long they take. As CPython 3.11's `Lib/asyncio/tasks.py`.

use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use stage4_async_await as aio;

use aio::Elapsed;
use tests::log::Log;
use tests::panics::message_of;
use tests::stage4::{LONG, MOMENT, other};

tests::async_tests! {
    fn a_sleep_of_zero_gives_up_one_turn(event_loop, log) {
        event_loop.call_soon(log.adds("before"));
        let (clone, next) = (event_loop.clone(), log.adds("next turn"));
        event_loop.call_soon(move || drop(clone.call_soon(next)));
        aio::sleep(Duration::ZERO).await;
        log.expect(&["before"]);
        aio::yield_now().await;
        log.assert(&["next turn"]);
    }

    fn who_gives_up_a_turn_goes_to_the_back(_, log) {
        let tasks = ["a", "b"].map(|name| {
            let log = log.clone();
            aio::create_task(async move {
                for step in 1..=3 {
                    log.add(format!("{name}{step}"));
                    aio::yield_now().await;
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        log.assert(&["a1", "b1", "a2", "b2", "a3", "b3"]);
    }

    fn a_sleep_begins_at_its_first_poll(event_loop, log) {
        let sleep = aio::sleep(MOMENT);
        event_loop.call_later(MOMENT, log.adds("timer"));
        sleep.await;
        log.assert(&["timer"]);
    }

    fn a_sleep_that_is_polled_again_does_not_begin_again(_, log) {
        let mut sleep = pin!(aio::sleep(MOMENT));
        let mut noop = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut noop).is_pending());
        aio::create_task(noting("other", aio::sleep(MOMENT), log));
        aio::yield_now().await; // the other one has begun, too
        sleep.await;
        log.assert(&[]);
    }

    fn sleeps_end_in_the_order_of_their_time(_, log) {
        let long = noting("long", aio::sleep(MOMENT * 2), log);
        let short = noting("short", aio::sleep(MOMENT), log);
        let none = noting("none", aio::sleep(Duration::ZERO), log);
        let (long, short) =
            (aio::create_task(long), aio::create_task(short));
        aio::create_task(none).await.unwrap();
        long.await.unwrap();
        short.await.unwrap();
        log.assert(&["none", "short", "long"]);
    }

    fn a_dropped_sleep_leaves_no_timer(_, _) {
        let other = std::thread::spawn(|| {
            message_of(|| {
                aio::run(async {
                    poll_fn(|cx| {
                        let mut sleep = aio::sleep(LONG);
                        assert!(Pin::new(&mut sleep).poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                    let wait = aio::wait_for(aio::sleep(LONG), Duration::ZERO);
                    assert_eq!(wait.await, Err(Elapsed));
                    let task = aio::create_task(aio::sleep(LONG));
                    aio::yield_now().await;
                    task.cancel();
                    pending::<()>().await;
                })
            })
        });
        let message = other.join().unwrap();
        assert!(message.contains("nothing can ever happen"), "{message}");
    }

    fn sleeps_need_a_running_loop(_, _) {
        let thread = std::thread::spawn(|| {
            let mut sleep = aio::sleep(Duration::ZERO);
            message_of(move || {
                let mut noop = Context::from_waker(Waker::noop());
                let _ = Pin::new(&mut sleep).poll(&mut noop);
            })
        });
        let message = thread.join().unwrap();
        assert_eq!(message, "no event loop is running on this thread");
    }

    fn wait_for_gives_the_result(_, _) {
        assert_eq!(aio::wait_for(ready(1), LONG).await, Ok(1));
        assert_eq!(aio::wait_for(ready(1), Duration::ZERO).await, Ok(1));
        let later = async {
            aio::sleep(MOMENT).await;
            2
        };
        assert_eq!(aio::wait_for(later, Duration::MAX).await, Ok(2));
        let task = aio::create_task(async { 3 });
        let result = aio::wait_for(task, LONG).await.unwrap();
        assert!(matches!(result, Ok(3)));
    }

    fn what_is_done_never_suspends_wait_for(event_loop, log) {
        event_loop.call_soon(log.adds("soon"));
        let future = aio::create_future();
        future.set_result(1).unwrap();
        for limit in [Duration::ZERO, MOMENT, Duration::MAX] {
            let result = aio::wait_for(future.clone(), limit).await;
            assert_eq!(result, Ok(Ok(1)));
        }
        log.assert(&[]);
    }

    fn when_the_time_is_over_the_future_is_dropped_first(_, log) {
        for limit in [MOMENT, Duration::ZERO] {
            let wait = aio::wait_for(other("inner", log), limit);
            assert_eq!(wait.await, Err(Elapsed));
            log.expect(&["inner begins", "inner ends"]);
        }
        assert_eq!(Elapsed.to_string(), "the time is over");
    }

    fn when_the_time_is_over_a_task_has_ended_first(_, log) {
        for limit in [MOMENT, Duration::ZERO] {
            let task = aio::create_task(other("task", log));
            let task_ref = task.task_ref();
            aio::yield_now().await;
            assert!(aio::wait_for(task, limit).await.is_err());
            assert!(task_ref.cancelled());
            log.expect(&["task begins", "task ends"]);
        }
        let unstarted = aio::create_task(other("never begins", log));
        let task_ref = unstarted.task_ref();
        let result = aio::wait_for(unstarted, Duration::ZERO).await;
        assert!(result.is_err() && task_ref.cancelled());
        log.assert(&[]);
    }

    fn tasks_within_the_future_have_ended_too(_, log) {
        let tasks =
            ["a", "b"].map(|name| aio::create_task(other(name, log)));
        let refs = tasks.each_ref().map(aio::Task::task_ref);
        let wait = aio::wait_for(aio::gather(tasks), MOMENT);
        assert!(wait.await.is_err());
        assert!(refs.iter().all(aio::TaskRef::cancelled));
        log.assert(&["a begins", "b begins", "a ends", "b ends"]);
    }

    fn one_wait_within_another_ends_with_the_first(_, log) {
        let task = aio::create_task(other("task", log));
        let task_ref = task.task_ref();
        let inner = aio::wait_for(task, LONG);
        assert_eq!(aio::wait_for(inner, MOMENT).await.err(), Some(Elapsed));
        assert!(task_ref.cancelled());
        let inner = aio::wait_for(pending::<()>(), MOMENT);
        assert_eq!(aio::wait_for(inner, LONG).await, Ok(Err(Elapsed)));
        log.assert(&["task begins", "task ends"]);
    }

    fn a_task_that_is_only_waited_for_runs_on(_, log) {
        let mut task = aio::create_task(other("task", log));
        assert!(aio::wait_for(&mut task, MOMENT).await.is_err());
        aio::yield_now().await;
        assert!(!task.done());
        log.assert(&["task begins"]);
    }

    fn a_result_of_the_same_turn_counts(event_loop, _) {
        let future = aio::create_future();
        let setter = future.clone();
        // Due first, so that both are there when it is polled again.
        event_loop.call_later(Duration::ZERO, move || {
            setter.set_result(1).unwrap();
        });
        let nearly_none = Duration::from_nanos(1);
        assert_eq!(aio::wait_for(future, nearly_none).await, Ok(Ok(1)));
    }

    fn whoever_drops_a_wait_drops_the_future(_, log) {
        let waits = aio::wait_for(other("inner", log), LONG);
        let task = aio::create_task(async move { waits.await.unwrap() });
        aio::yield_now().await;
        task.cancel();
        aio::yield_now().await;
        assert!(task.done());
        log.assert(&["inner begins", "inner ends"]);
    }

    fn a_wait_that_cancels_may_be_dropped_itself(_, log) {
        let task = aio::create_task(other("task", log));
        let task_ref = task.task_ref();
        aio::yield_now().await;
        let mut wait = Box::pin(aio::wait_for(task, Duration::ZERO));
        let mut noop = Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(&mut noop).is_pending());
        drop(wait);
        aio::yield_now().await;
        assert!(task_ref.cancelled());
        log.assert(&["task begins", "task ends"]);
    }

    fn a_panic_passes_through_wait_for(_, _) {
        let fails = async { panic!("it fails") };
        let task = aio::create_task(aio::wait_for(fails, LONG));
        let result: Result<Result<(), _>, _> = task.await;
        let text = result.unwrap_err().to_string();
        assert_eq!(text, "the task panicked: it fails");
    }

    fn the_first_of_a_race_wins(_, log) {
        let slow = other("slow", log);
        let fast = async {
            aio::yield_now().await;
            log.add("fast");
        };
        aio::race(slow, fast).await;
        log.expect(&["slow begins", "fast", "slow ends"]);
        assert_eq!(aio::race(ready(1), ready(2)).await, 1);
        assert_eq!(aio::race(pending(), ready(2)).await, 2);
    }

    fn a_task_that_loses_a_race_is_cancelled(_, log) {
        let task = aio::create_task(other("task", log));
        let task_ref = task.task_ref();
        aio::yield_now().await;
        let loses = async { task.await.unwrap() };
        aio::race(loses, aio::yield_now()).await;
        aio::yield_now().await;
        assert!(task_ref.cancelled());
        log.assert(&["task begins", "task ends"]);
    }

    fn a_thousand_sleeps_are_woken_in_order(_, _) {
        let next = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..1000)
            .map(|number| {
                let next = next.clone();
                let time = Duration::from_micros(1000 + number);
                aio::create_task(async move {
                    aio::sleep(time).await;
                    assert_eq!(next.replace(number + 1), number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

/// Awaits it and notes `name` then.
fn noting<T, F: Future<Output = T>>(
    name: &'static str,
    future: F,
    log: &Log,
) -> impl Future<Output = T> + use<T, F> {
    let log = log.clone();
    async move {
        let output = future.await;
        log.add(name);
        output
    }
}
