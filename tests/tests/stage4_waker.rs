//! Wakers of stage 4: whoever has one may wake its task at any time, any
//! number of times, from any thread, and longer than the task or loop exists.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use stage4_async_await as aio;

use aio::EventLoop;
use tests::log::Log;
use tests::stage4::{loop_that_tells, turn};

tests::loop_tests! {
    fn woken_twice_it_is_polled_once(event_loop, log) {
        let waker = noting("a", event_loop, log);
        log.expect(&["a"]);
        event_loop.call_soon(move || {
            waker.wake_by_ref();
            waker.wake_by_ref();
            waker.wake();
        });
        for _ in 0..3 {
            turn(event_loop);
        }
        log.assert(&["a"]);
    }

    fn those_who_are_woken_go_on_in_that_order(event_loop, log) {
        let [a, b, c] =
            ["a", "b", "c"].map(|name| noting(name, event_loop, log));
        log.expect(&["a", "b", "c"]);
        let soon = log.adds("callback");
        let event_loop_too = event_loop.clone();
        event_loop.call_soon(move || {
            c.wake_by_ref();
            event_loop_too.call_soon(soon);
            a.wake_by_ref();
            c.wake_by_ref();
            b.wake_by_ref();
        });
        turn(event_loop);
        log.assert(&[]);
        turn(event_loop);
        log.assert(&["c", "callback", "a", "b"]);
    }

    fn woken_while_it_is_polled_it_is_polled_again(event_loop, log) {
        let (notes, mut left) = (log.clone(), 3);
        event_loop.create_task(poll_fn(move |cx| {
            notes.add("polled");
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        turn(event_loop);
        log.assert(&["polled"]);
        turn(event_loop);
        turn(event_loop);
        turn(event_loop);
        log.assert(&["polled"; 3]);
    }

    fn woken_by_a_thread_while_it_is_polled_it_is_polled_again(
        event_loop,
        _
    ) {
        let mut left = 100;
        event_loop.run_until_complete(poll_fn(|cx| {
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake()).join().unwrap();
            Poll::Pending
        }));
    }

    fn a_thread_wakes_a_loop_that_sleeps(_, _) {
        let (event_loop, asleep) = loop_that_tells();
        let mut asleep = Some(asleep);
        let task = event_loop.create_task(poll_fn(move |cx| {
            let Some(asleep) = asleep.take() else { return Poll::Ready(1) };
            let waker = cx.waker().clone();
            thread::spawn(move || {
                asleep.recv().unwrap();
                waker.wake_by_ref();
                waker.wake();
            });
            Poll::Pending
        }));
        assert_eq!(event_loop.run_until_complete(task).unwrap(), 1);
        event_loop.close();
    }

    fn no_wake_of_many_threads_is_lost(event_loop, _) {
        const THREADS: usize = 4;
        const WAKES: usize = 1000;
        let seen = event_loop.run_until_complete(async {
            let tasks: Vec<_> = (0..THREADS)
                .map(|_| aio::create_task(each_wake_is_seen(WAKES)))
                .collect();
            let mut seen = 0;
            for task in tasks {
                seen += task.await.unwrap();
            }
            seen
        });
        assert_eq!(seen, THREADS * WAKES);
    }

    fn many_threads_may_wake_one_task(event_loop, _) {
        const THREADS: usize = 8;
        let mut begun = false;
        let count = Arc::new(AtomicUsize::new(0));
        event_loop.run_until_complete(poll_fn(|cx| {
            if !std::mem::replace(&mut begun, true) {
                for _ in 0..THREADS {
                    let (count, waker) = (count.clone(), cx.waker().clone());
                    thread::spawn(move || {
                        count.fetch_add(1, Ordering::Relaxed);
                        waker.wake();
                    });
                }
            }
            match count.load(Ordering::Relaxed) {
                THREADS => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
    }

    fn to_wake_what_has_ended_does_nothing(event_loop, log) {
        let slot = Rc::new(RefCell::new(None));
        let tells = slot.clone();
        let mut task = event_loop.create_task(poll_fn(move |cx| {
            tells.replace(Some(cx.waker().clone()));
            Poll::Ready(1)
        }));
        turn(event_loop);
        let waker = slot.take().unwrap();
        let wakes = waker.clone();
        event_loop.call_soon(move || wakes.wake());
        turn(event_loop);
        turn(event_loop);
        assert!(matches!(task.take_result(), Some(Ok(1))));
        drop(task);
        // The next task may stand where that one stood.
        let _other = noting("other", event_loop, log);
        log.expect(&["other"]);
        event_loop.call_soon(move || waker.wake());
        turn(event_loop);
        turn(event_loop);
        log.assert(&[]);
    }

    fn to_wake_what_was_cancelled_does_nothing(event_loop, log) {
        let waker = noting("a", event_loop, log);
        let task = event_loop.run_until_complete(async {
            aio::all_tasks().remove(0)
        });
        let wakes = waker.clone();
        event_loop.call_soon(move || wakes.wake());
        task.cancel();
        turn(event_loop);
        turn(event_loop);
        assert!(task.cancelled());
        event_loop.call_soon(move || waker.wake());
        turn(event_loop);
        turn(event_loop);
        log.assert(&["a"]);
    }

    fn the_waker_of_the_main_future_outlives_its_run(event_loop, log) {
        let mut waker = None;
        event_loop.run_until_complete(poll_fn(|cx| {
            waker = Some(cx.waker().clone());
            Poll::Ready(())
        }));
        let waker = waker.unwrap();
        waker.wake_by_ref();
        event_loop.run_until_complete(async {
            waker.wake_by_ref();
            for _ in 0..100 {
                aio::yield_now().await;
            }
            log.add("once");
        });
        log.assert(&["once"]);
    }

    fn wakers_outlive_a_loop_that_is_closed(event_loop, log) {
        let waker = noting("a", event_loop, log);
        event_loop.close();
        waker.wake_by_ref();
        let elsewhere = waker.clone();
        thread::spawn(move || elsewhere.wake()).join().unwrap();
        waker.wake();
        log.assert(&["a"]);
    }

    fn wakers_outlive_a_loop_that_is_dropped(_, log) {
        let event_loop = EventLoop::new().unwrap();
        let waker = noting("a", &event_loop, log);
        drop(event_loop);
        waker.wake_by_ref();
        let elsewhere = waker.clone();
        thread::spawn(move || elsewhere.wake()).join().unwrap();
        waker.wake();
        log.assert(&["a"]);
    }

    fn a_loop_that_does_not_run_remembers_who_was_woken(event_loop, log) {
        let waker = noting("a", event_loop, log);
        log.expect(&["a"]);
        waker.wake_by_ref();
        let elsewhere = waker.clone();
        thread::spawn(move || elsewhere.wake()).join().unwrap();
        log.assert(&[]);
        let stops = event_loop.clone();
        event_loop.call_later(Duration::from_millis(1), move || stops.stop());
        event_loop.run_forever();
        log.assert(&["a"]);
    }

    fn a_loop_may_wake_a_task_of_another(event_loop, log) {
        let another = EventLoop::new().unwrap();
        let waker = noting("there", &another, log);
        log.expect(&["there"]);
        event_loop.run_until_complete(async { waker.wake() });
        log.assert(&[]);
        let stops = another.clone();
        another.call_later(Duration::from_millis(1), move || stops.stop());
        another.run_forever();
        log.assert(&["there"]);
        another.close();
    }

    fn what_is_awaited_takes_any_waker(event_loop, _) {
        let future = event_loop.create_future::<u32>();
        let event = Rc::new(aio::sync::Event::new());
        let (setter, sets) = (future.clone(), event.clone());
        event_loop.call_later(Duration::from_millis(1), move || {
            setter.set_result(1).unwrap();
            sets.set();
        });
        let mut task = event_loop.create_task(async { 2 });
        event_loop.run_until_complete(async {
            let awaits = async { assert_eq!(future.await, Ok(1)) };
            let waits = async {
                let result = (&mut task).await;
                assert_eq!(result.unwrap(), 2);
            };
            let sleeps = aio::sleep(Duration::from_millis(1));
            let thread = async { aio::to_thread(|| ()).await.unwrap() };
            let others = join(event.wait(), join(sleeps, thread));
            join(awaits, join(waits, others)).await;
            join(aio::yield_now(), aio::yield_now()).await;
        });
    }

    fn a_waker_that_does_nothing_may_poll_once(event_loop, _) {
        event_loop.run_until_complete(async {
            let mut noop = Context::from_waker(Waker::noop());
            let mut sleep = pin!(aio::sleep(Duration::ZERO));
            assert!(sleep.as_mut().poll(&mut noop).is_pending());
            sleep.await;
            let mut sleep = pin!(aio::sleep(Duration::from_millis(1)));
            assert!(sleep.as_mut().poll(&mut noop).is_pending());
            sleep.await; // its second waker counts
        });
    }
}

/// Makes a task that notes its name in each step, and lets it take the first
/// one. Returns its waker.
fn noting(name: &'static str, event_loop: &EventLoop, log: &Log) -> Waker {
    let slot = Rc::new(RefCell::new(None));
    let (tells, notes) = (slot.clone(), log.clone());
    event_loop.create_task(poll_fn(move |cx| {
        tells.borrow_mut().get_or_insert_with(|| cx.waker().clone());
        notes.add(name);
        Poll::<()>::Pending
    }));
    turn(event_loop);
    slot.borrow_mut().take().unwrap()
}

/// Has a thread wake the task again and again, each time after the task has
/// seen the last one. Returns how many it has seen.
async fn each_wake_is_seen(wakes: usize) -> usize {
    let sent = Arc::new(AtomicUsize::new(0));
    let (asks, asked) = mpsc::channel::<Waker>();
    let sends = sent.clone();
    let thread = thread::spawn(move || {
        for waker in asked {
            sends.fetch_add(1, Ordering::Relaxed);
            waker.wake();
        }
    });
    for number in 1..=wakes {
        let mut asks = Some(asks.clone());
        poll_fn(|cx| {
            if let Some(asks) = asks.take() {
                asks.send(cx.waker().clone()).unwrap();
            }
            match sent.load(Ordering::Relaxed) == number {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
    drop(asks);
    thread.join().unwrap();
    sent.load(Ordering::Relaxed)
}

/// Waits for both, each with a waker of its own that is none of the loop's.
async fn join(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    struct Flag(Waker, AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.1.store(true, Ordering::Release);
            self.0.wake_by_ref();
        }
    }

    let (mut a, mut b) = (pin!(a), pin!(b));
    let mut done = [false; 2];
    let mut flags = None;
    poll_fn(|cx| {
        let new = || Arc::new(Flag(cx.waker().clone(), AtomicBool::new(true)));
        let flags = flags.get_or_insert_with(|| [new(), new()]);
        for (index, flag) in flags.iter().enumerate() {
            if !done[index] && flag.1.swap(false, Ordering::Acquire) {
                let waker = Waker::from(flag.clone());
                let mut cx = Context::from_waker(&waker);
                let polled = match index {
                    0 => a.as_mut().poll(&mut cx),
                    _ => b.as_mut().poll(&mut cx),
                };
                done[index] = polled.is_ready();
            }
        }
        if done == [true; 2] { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
