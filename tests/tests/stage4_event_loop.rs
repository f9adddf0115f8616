//! The event loop of stage 4: callbacks, timers, turns, and `stop`.
//! The order of events is that of CPython 3.11's `Lib/asyncio/base_events.py`.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use stage4_async_await as aio;

use tests::panics::message_of;
use tests::stage4::{LONG, MOMENT, turn};

tests::loop_tests! {
    fn callbacks_are_called_in_the_order_of_their_scheduling(event_loop, log) {
        event_loop.call_soon(log.adds("a"));
        event_loop.call_soon(log.adds("b"));
        event_loop.call_soon(log.adds("c"));
        log.assert(&[]);
        turn(event_loop);
        log.assert(&["a", "b", "c"]);
        turn(event_loop);
        log.assert(&["a", "b", "c"]);
    }

    fn what_a_turn_schedules_is_for_the_next(event_loop, log) {
        let (again, later) = (event_loop.clone(), log.clone());
        event_loop.call_soon(move || {
            later.add("a");
            again.call_soon(later.adds("c"));
            again.call_later(Duration::ZERO, later.adds("d"));
        });
        event_loop.call_soon(log.adds("b"));
        turn(event_loop);
        log.expect(&["a", "b"]);
        turn(event_loop);
        log.assert(&["c", "d"]);
    }

    fn a_timer_that_is_due_comes_after_what_is_ready(event_loop, log) {
        event_loop.call_later(Duration::ZERO, log.adds("timer"));
        event_loop.call_soon(log.adds("soon"));
        turn(event_loop);
        log.assert(&["soon", "timer"]);
    }

    fn timers_go_by_time_then_by_making(event_loop, log) {
        let begin = Instant::now();
        let at = |nanoseconds, name| {
            let when = begin + Duration::from_nanos(nanoseconds);
            event_loop.call_at(when, log.adds(name));
        };
        at(2000, "c");
        at(1000, "a");
        at(2000, "d");
        at(1000, "b");
        let stops = event_loop.clone();
        event_loop.call_later(MOMENT, move || stops.stop());
        event_loop.run_forever();
        log.assert(&["a", "b", "c", "d"]);
    }

    fn a_timer_knows_when_it_is_due(event_loop, log) {
        let when = Instant::now() + Duration::from_secs(1);
        let timer = event_loop.call_at(when, log.adds("never"));
        assert_eq!(timer.when(), when);
        let before = Instant::now();
        let timer = event_loop.call_later(LONG, log.adds("never"));
        assert!(timer.when() >= before + LONG);
        assert!(timer.when() <= Instant::now() + LONG);
    }

    fn the_longest_timers_do_no_harm(event_loop, log) {
        let timer = event_loop.call_later(Duration::MAX, log.adds("never"));
        assert!(timer.when() > Instant::now() + LONG);
        let longest = Duration::new(i64::MAX as u64 / 2, 0);
        event_loop.call_later(longest, log.adds("never"));
        turn(event_loop);
        let stops = event_loop.clone();
        event_loop.call_later(MOMENT, move || stops.stop());
        event_loop.run_forever();
        timer.cancel();
        turn(event_loop);
        log.assert(&[]);
    }

    fn a_cancelled_handle_is_not_called(event_loop, log) {
        let held = Rc::new(());
        let holds = held.clone();
        let handle = event_loop.call_soon(move || panic!("{holds:?}"));
        event_loop.call_soon(log.adds("b"));
        handle.cancel();
        assert_eq!(Rc::strong_count(&held), 1, "it is dropped at once");
        handle.cancel();
        turn(event_loop);
        log.assert(&["b"]);
    }

    fn a_callback_may_cancel_one_of_the_same_turn(event_loop, log) {
        let handles = Rc::new(RefCell::new(Vec::new()));
        let cancels = handles.clone();
        event_loop.call_soon(move || {
            cancels.take().iter().for_each(aio::Handle::cancel);
        });
        let handle = event_loop.call_soon(log.adds("never"));
        handles.borrow_mut().push(handle);
        event_loop.call_soon(log.adds("c"));
        turn(event_loop);
        log.assert(&["c"]);
    }

    fn a_timer_may_cancel_one_that_is_due_with_it(event_loop, log) {
        let second = Rc::new(RefCell::new(None::<aio::TimerHandle>));
        let cancels = second.clone();
        let now = Instant::now();
        event_loop.call_at(now, move || cancels.take().unwrap().cancel());
        second.replace(Some(event_loop.call_at(now, log.adds("never"))));
        event_loop.call_at(now, log.adds("third"));
        turn(event_loop);
        log.assert(&["third"]);
    }

    fn to_cancel_what_has_been_called_does_nothing(event_loop, log) {
        let handle = event_loop.call_soon(log.adds("a"));
        let timer = event_loop.call_later(Duration::ZERO, log.adds("b"));
        turn(event_loop);
        // These may stand where those stood.
        event_loop.call_soon(log.adds("c"));
        event_loop.call_later(Duration::ZERO, log.adds("d"));
        handle.cancel();
        timer.cancel();
        turn(event_loop);
        log.assert(&["a", "b", "c", "d"]);
    }

    fn a_callback_may_cancel_itself(event_loop, log) {
        let own = Rc::new(RefCell::new(None::<aio::TimerHandle>));
        let (cancels, notes) = (own.clone(), log.clone());
        let timer = event_loop.call_later(Duration::ZERO, move || {
            cancels.take().unwrap().cancel();
            notes.add("called");
        });
        own.replace(Some(timer));
        turn(event_loop);
        log.assert(&["called"]);
    }

    fn dropping_handles_cancels_nothing(event_loop, log) {
        drop(event_loop.call_soon(log.adds("soon")));
        drop(event_loop.call_later(Duration::ZERO, log.adds("timer")));
        turn(event_loop);
        log.assert(&["soon", "timer"]);
    }

    fn cancelled_timers_do_not_pile_up(event_loop, log) {
        let held = Rc::new(());
        let other = event_loop.call_later(LONG, log.adds("never"));
        for _ in 0..100_000 {
            let holds = held.clone();
            let timer = event_loop.call_later(LONG, move || drop(holds));
            timer.cancel();
            assert_eq!(Rc::strong_count(&held), 1);
        }
        let timers: Vec<_> = (0..100_000)
            .map(|_| {
                let holds = held.clone();
                event_loop.call_later(LONG, move || drop(holds))
            })
            .collect();
        timers.iter().for_each(aio::TimerHandle::cancel);
        assert_eq!(Rc::strong_count(&held), 1);
        event_loop.call_later(Duration::ZERO, log.adds("other"));
        turn(event_loop);
        other.cancel();
        log.assert(&["other"]);
    }

    fn stop_lets_the_turn_finish(event_loop, log) {
        event_loop.call_soon(log.adds("a"));
        let (stops, later) = (event_loop.clone(), log.clone());
        event_loop.call_soon(move || {
            stops.stop();
            stops.call_soon(later.adds("next turn"));
        });
        event_loop.call_soon(log.adds("b"));
        event_loop.run_forever();
        log.expect(&["a", "b"]);
        turn(event_loop);
        log.assert(&["next turn"]);
    }

    fn stopped_before_the_run_a_loop_takes_one_turn(event_loop, log) {
        let (again, later) = (event_loop.clone(), log.clone());
        event_loop.call_soon(move || {
            later.add("a");
            again.call_soon(later.adds("b"));
        });
        event_loop.stop();
        event_loop.run_forever();
        log.expect(&["a"]);
        event_loop.stop();
        event_loop.run_forever();
        log.assert(&["b"]);
    }

    fn stopped_before_the_run_an_idle_loop_does_not_wait(event_loop, log) {
        event_loop.stop();
        event_loop.run_forever();
        event_loop.call_later(LONG, log.adds("never"));
        event_loop.stop();
        event_loop.run_forever();
        log.assert(&[]);
    }

    fn run_forever_waits_for_another_thread(event_loop, _) {
        let remote = event_loop.remote();
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            for number in 0..1000 {
                let sender = sender.clone();
                let call = move || sender.send(number).unwrap();
                remote.call_soon_threadsafe(call).unwrap();
            }
            let stop = || aio::running_loop().unwrap().stop();
            remote.call_soon_threadsafe(stop).unwrap();
        });
        event_loop.run_forever();
        thread.join().unwrap();
        assert!(receiver.iter().eq(0..1000), "in order");
    }

    fn a_panic_in_a_callback_loses_nothing_else(event_loop, log) {
        event_loop.call_soon(log.adds("a"));
        event_loop.call_soon(|| panic!("soon"));
        event_loop.call_soon(log.adds("b"));
        event_loop.call_later(Duration::ZERO, || panic!("later"));
        event_loop.call_later(Duration::ZERO, log.adds("timer"));
        assert_eq!(message_of(|| event_loop.run_forever()), "soon");
        log.assert(&["a"]);
        event_loop.call_soon(log.adds("c"));
        assert_eq!(message_of(|| event_loop.run_forever()), "later");
        log.assert(&["a", "b"]);
        turn(event_loop);
        log.assert(&["a", "b", "timer", "c"]);
    }

    fn who_wakes_itself_goes_to_the_back(event_loop, log) {
        for name in ["a", "b"] {
            let notes = log.clone();
            event_loop.create_task(async move {
                for step in 1..=2 {
                    notes.add(format!("{name}{step}"));
                    aio::yield_now().await;
                }
            });
        }
        event_loop.call_soon(log.adds("c"));
        for _ in 0..3 {
            turn(event_loop);
        }
        log.assert(&["a1", "b1", "c", "a2", "b2"]);
    }

    fn busy_tasks_do_not_keep_timers_and_threads_waiting(event_loop, _) {
        let left = Rc::new(Cell::new(2));
        let seen = left.clone();
        event_loop.call_later(MOMENT, move || seen.set(seen.get() - 1));
        let remote = event_loop.remote();
        thread::spawn(move || {
            let wake = || aio::running_loop().unwrap().stop();
            remote.call_soon_threadsafe(wake).unwrap();
        });
        let (busy, counts) = (Rc::new(Cell::new(true)), left.clone());
        let goes_on = busy.clone();
        event_loop.create_task(async move {
            while goes_on.get() {
                aio::yield_now().await;
            }
        });
        event_loop.run_forever(); // until the thread stops it
        event_loop.run_until_complete(async {
            while counts.get() == 2 {
                aio::yield_now().await; // until the timer has been
            }
        });
        busy.set(false);
    }

    fn a_future_that_never_ends_may_be_stopped(event_loop, _) {
        let stops = event_loop.clone();
        event_loop.call_later(MOMENT, move || stops.stop());
        event_loop.create_task(pending::<()>());
        event_loop.run_forever();
    }
}
