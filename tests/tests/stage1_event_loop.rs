//! The semantics of stage 1's event loop: what is called, when, and in which
//! order.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use stage1_callbacks::{EventLoop, Interest, LoopClosed};
use tests::deadline::within_deadline;
use tests::log::Log;

/// Its drop uses what the loop keeps for threads.
struct UsesThreads(EventLoop, Rc<Cell<bool>>);

impl Drop for UsesThreads {
    fn drop(&mut self) {
        drop(self.0.remote());
        self.1.set(true);
    }
}

const LONG: Duration = Duration::from_secs(3600);

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    (ours, theirs)
}

/// Defines tests whose bodies run within a deadline, with a loop and a log.
macro_rules! loop_tests {
    ($(fn $name:ident($event_loop:ident, $log:ident) $body:block)*) => {
        $(#[test]
        fn $name() {
            within_deadline(|| {
                let $event_loop = EventLoop::new().unwrap();
                let $log = Log::default();
                $body
            });
        })*
    };
}

loop_tests! {
    fn a_loop_with_nothing_to_do_returns(event_loop, log) {
        event_loop.run().unwrap();
        assert!(!event_loop.run_once().unwrap());
        log.assert(&[]);
    }

    fn callbacks_run_in_the_order_in_which_they_came(event_loop, log) {
        event_loop.call_soon(log.adds("a"));
        event_loop.call_soon(log.adds("b"));
        event_loop.call_soon(log.adds("c"));
        event_loop.run().unwrap();
        log.assert(&["a", "b", "c"]);
    }

    fn a_turn_runs_only_what_was_ready_when_it_began(event_loop, log) {
        let (inner, later) = (event_loop.clone(), log.clone());
        event_loop.call_soon(move || {
            later.add("first turn");
            inner.call_soon(later.adds("second turn"));
        });
        event_loop.call_soon(log.adds("first turn, too"));
        assert!(event_loop.run_once().unwrap());
        log.assert(&["first turn", "first turn, too"]);
        assert!(event_loop.run_once().unwrap());
        log.assert(&["first turn", "first turn, too", "second turn"]);
        assert!(!event_loop.run_once().unwrap());
    }

    fn one_turn_is_ready_then_sources_then_timers(event_loop, log) {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").unwrap();
        ours.peek(&mut [0]).unwrap(); // it has arrived
        let stream = event_loop.add_source(ours).unwrap();
        let source = log.adds("source");
        event_loop.register(stream.key(), Interest::Readable, source).unwrap();
        event_loop.call_later(Duration::ZERO, log.adds("timer"));
        event_loop.call_soon(log.adds("ready"));
        assert!(event_loop.run_once().unwrap());
        log.assert(&["ready", "source", "timer"]);
    }

    fn timers_fire_by_deadline_then_in_order(event_loop, log) {
        event_loop.call_later(Duration::from_millis(20), log.adds("20"));
        event_loop.call_later(Duration::from_millis(10), log.adds("10"));
        event_loop.call_later(Duration::ZERO, log.adds("0"));
        event_loop.run().unwrap();
        log.assert(&["0", "10", "20"]);
    }

    fn a_timer_is_not_early(event_loop, log) {
        let time = Duration::from_millis(5);
        let when = Instant::now() + time;
        event_loop.call_later(time, move || assert!(Instant::now() >= when));
        event_loop.run().unwrap();
        log.assert(&[]);
    }

    fn a_cancelled_timer_is_not_called_and_not_waited_for(event_loop, log) {
        let timer = event_loop.call_later(LONG, log.adds("cancelled"));
        timer.cancel();
        timer.cancel();
        event_loop.run().unwrap();
        log.assert(&[]);
    }

    fn a_timer_can_be_cancelled_when_it_is_due_already(event_loop, log) {
        let timer = event_loop.call_later(Duration::ZERO, log.adds("no"));
        // Both are in the ready queue when this is called.
        event_loop.call_soon(move || timer.cancel());
        event_loop.call_later(Duration::ZERO, log.adds("other"));
        assert!(event_loop.run_once().unwrap());
        log.assert(&["other"]);
    }

    fn cancelling_does_not_let_later_callbacks_into_a_turn(event_loop, log) {
        let timer = event_loop.call_later(Duration::ZERO, log.adds("no"));
        let (inner, next) = (event_loop.clone(), log.adds("next turn"));
        event_loop.call_soon(move || {
            timer.cancel();
            inner.call_soon(next);
        });
        assert!(event_loop.run_once().unwrap());
        log.assert(&[]);
        assert!(event_loop.run_once().unwrap());
        log.assert(&["next turn"]);
    }

    fn dropping_a_timers_handle_cancels_nothing(event_loop, log) {
        drop(event_loop.call_later(Duration::ZERO, log.adds("fired")));
        event_loop.run().unwrap();
        log.assert(&["fired"]);
    }

    fn a_time_that_never_comes_is_no_overflow(event_loop, log) {
        let timer = event_loop.call_later(Duration::MAX, log.adds("never"));
        event_loop.call_later(Duration::ZERO, move || timer.cancel());
        event_loop.run().unwrap();
        log.assert(&[]);
    }

    fn a_callback_is_for_one_event(event_loop, log) {
        let (ours, mut theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        theirs.write_all(b"x").unwrap();
        event_loop.register(key, Interest::Readable, log.adds("1")).unwrap();
        // Nothing was read, so the source is still ready; but nothing is
        // registered any more, and the loop ends.
        event_loop.run().unwrap();
        log.assert(&["1"]);
        event_loop.register(key, Interest::Readable, log.adds("2")).unwrap();
        event_loop.run().unwrap();
        log.assert(&["1", "2"]);
    }

    fn the_interest_counts(event_loop, log) {
        let (ours, mut theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        event_loop
            .register(stream.key(), Interest::Readable, log.adds("readable"))
            .unwrap();
        // The stream is writable, and not readable until this is called.
        let first = log.clone();
        event_loop.call_soon(move || {
            first.add("write");
            theirs.write_all(b"x").unwrap();
        });
        event_loop.run().unwrap();
        log.assert(&["write", "readable"]);
        event_loop
            .register(stream.key(), Interest::Writable, log.adds("writable"))
            .unwrap();
        event_loop.run().unwrap();
        log.assert(&["write", "readable", "writable"]);
    }

    fn a_source_does_not_block(event_loop, log) {
        let (ours, _theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        let error = (&*stream).read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        log.assert(&[]);
    }

    fn registering_again_replaces(event_loop, log) {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").unwrap();
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        event_loop.register(key, Interest::Readable, log.adds("old")).unwrap();
        event_loop.register(key, Interest::Readable, log.adds("new")).unwrap();
        event_loop.run().unwrap();
        log.assert(&["new"]);
    }

    fn registering_again_replaces_also_what_is_ready(event_loop, log) {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").unwrap();
        ours.peek(&mut [0]).unwrap(); // it has arrived
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        event_loop.register(key, Interest::Readable, log.adds("old")).unwrap();
        let (inner, new) = (event_loop.clone(), log.adds("new"));
        event_loop.call_soon(move || {
            inner.register(key, Interest::Readable, new).unwrap();
        });
        event_loop.run().unwrap();
        log.assert(&["new"]);
    }

    fn what_is_queued_twice_is_cancelled_twice(event_loop, log) {
        let (ours, _theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        for _ in 0..2 {
            let no = log.adds("no");
            event_loop.register(key, Interest::Readable, no).unwrap();
            event_loop.wake_all();
            event_loop.unregister(key);
        }
        event_loop.run().unwrap();
        log.assert(&[]);
    }

    fn an_unregistered_callback_is_not_called(event_loop, log) {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").unwrap();
        ours.peek(&mut [0]).unwrap(); // it has arrived
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        event_loop.register(key, Interest::Readable, log.adds("no")).unwrap();
        event_loop.unregister(key);
        event_loop.unregister(key);
        event_loop.run().unwrap();
        // Also when the source has been reported, and the callback is next.
        event_loop.register(key, Interest::Readable, log.adds("no")).unwrap();
        let inner = event_loop.clone();
        event_loop.call_soon(move || inner.unregister(key));
        event_loop.run().unwrap();
        log.assert(&[]);
    }

    fn all_who_wait_can_be_woken(event_loop, log) {
        let (ours, _theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        let woken = log.adds("not ready, but woken");
        event_loop.register(key, Interest::Readable, woken).unwrap();
        event_loop.wake_all();
        event_loop.run().unwrap();
        log.assert(&["not ready, but woken"]);
        // It can be unregistered until it is called.
        event_loop.register(key, Interest::Readable, log.adds("no")).unwrap();
        event_loop.wake_all();
        event_loop.unregister(key);
        event_loop.run().unwrap();
        log.assert(&["not ready, but woken"]);
    }

    fn a_dropped_source_takes_its_callback_along(event_loop, log) {
        let (ours, mut theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        event_loop.register(key, Interest::Readable, log.adds("no")).unwrap();
        drop(stream);
        event_loop.run().unwrap();
        log.assert(&[]);
        // The socket is closed.
        assert_eq!(theirs.read(&mut [0; 1]).unwrap(), 0);
        let error = event_loop
            .register(key, Interest::Readable, log.adds("no"))
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }

    fn a_callback_may_own_its_source(event_loop, log) {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").unwrap();
        let stream = event_loop.add_source(ours).unwrap();
        let received = log.clone();
        event_loop
            .register(stream.key(), Interest::Readable, move || {
                let mut byte = [0];
                (&*stream).read_exact(&mut byte).unwrap();
                received.add(std::str::from_utf8(&byte).unwrap());
            })
            .unwrap();
        event_loop.run().unwrap();
        log.assert(&["x"]);
    }

    fn a_busy_callback_does_not_keep_the_loop_from_sources(event_loop, log) {
        fn again(event_loop: EventLoop, done: Rc<Cell<bool>>) {
            let inner = event_loop.clone();
            event_loop.call_soon(move || {
                if !done.get() {
                    again(inner, done);
                }
            });
        }
        let (ours, mut theirs) = pair();
        theirs.write_all(b"x").unwrap();
        let stream = event_loop.add_source(ours).unwrap();
        let done = Rc::new(Cell::new(false));
        again(event_loop.clone(), done.clone());
        event_loop
            .register(stream.key(), Interest::Readable, move || done.set(true))
            .unwrap();
        event_loop.run().unwrap();
        log.assert(&[]);
    }

    fn stop_lets_the_turn_finish(event_loop, log) {
        let inner = event_loop.clone();
        event_loop.call_soon(move || inner.stop());
        event_loop.call_soon(log.adds("same turn"));
        event_loop.call_later(Duration::from_millis(1), log.adds("later"));
        event_loop.run().unwrap();
        log.assert(&["same turn"]);
        event_loop.run().unwrap();
        log.assert(&["same turn", "later"]);
    }

    fn other_threads_can_call(event_loop, log) {
        let remote = event_loop.remote();
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            for n in 0..100 {
                let sender = sender.clone();
                let call = move || sender.send(n).unwrap();
                remote.call_soon_threadsafe(call).unwrap();
            }
        });
        // Nothing is ready or registered; the loop lives for the remote, and
        // ends when the thread has dropped it.
        event_loop.run().unwrap();
        thread.join().unwrap();
        assert!(receiver.try_iter().eq(0..100));
        log.assert(&[]);
    }

    fn busy_threads_do_not_keep_the_loop_from_timers(event_loop, log) {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, done) = (event_loop.remote(), stop.clone());
        let thread = thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                sender.call_soon_threadsafe(|| {}).unwrap();
            }
        });
        event_loop.call_later(Duration::from_millis(1), move || {
            stop.store(true, Ordering::Relaxed);
        });
        event_loop.run().unwrap();
        thread.join().unwrap();
        log.assert(&[]);
    }

    fn nothing_that_a_thread_has_sent_is_lost(event_loop, log) {
        let remote = event_loop.remote();
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..10_000 {
            let count = count.clone();
            let add = move || {
                count.fetch_add(1, Ordering::Relaxed);
            };
            remote.call_soon_threadsafe(add).unwrap();
        }
        drop(remote);
        event_loop.run().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 10_000);
        log.assert(&[]);
    }

    fn a_dropped_remote_wakes_a_loop_that_waits_for_it(event_loop, log) {
        let remote = event_loop.remote();
        let clone = remote.clone();
        let (sender, receiver) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let _ = receiver.recv();
            drop(clone);
        });
        let log_in = log.clone();
        event_loop.call_soon(move || {
            drop(remote);
            log_in.add("waiting");
            drop(sender);
        });
        event_loop.run().unwrap();
        thread.join().unwrap();
        log.assert(&["waiting"]);
    }

    fn a_closed_loop_takes_nothing_from_threads(event_loop, log) {
        let remote = event_loop.remote();
        remote.call_soon_threadsafe(|| panic!("called")).unwrap();
        event_loop.close();
        assert_eq!(remote.call_soon_threadsafe(|| {}), Err(LoopClosed));
        event_loop.run().unwrap();
        drop(event_loop);
        assert_eq!(remote.clone().call_soon_threadsafe(|| {}), Err(LoopClosed));
        log.assert(&[]);
    }

    fn work_in_a_thread_comes_back_to_the_loop(event_loop, log) {
        let (here, done) = (thread::current().id(), log.clone());
        event_loop
            .call_in_thread(
                || thread::current().id(),
                move |there| {
                    assert_ne!(there, thread::current().id());
                    assert_eq!(here, thread::current().id());
                    done.add("done");
                },
            )
            .unwrap();
        event_loop.run().unwrap();
        log.assert(&["done"]);
    }

    fn work_that_panics_does_not_hold_the_loop(event_loop, log) {
        let dropped = Rc::new(Cell::new(false));
        let held = UsesThreads(event_loop.clone(), dropped.clone());
        let work = || panic!("in the thread");
        event_loop.call_in_thread(work, move |()| drop(held)).unwrap();
        event_loop.run().unwrap();
        assert!(dropped.get());
        log.assert(&[]);
    }

    fn a_panic_in_a_callback_does_not_lose_the_others(event_loop, log) {
        event_loop.call_soon(log.adds("before"));
        event_loop.call_soon(|| panic!("in a callback"));
        event_loop.call_soon(log.adds("after"));
        let run = panic::catch_unwind(AssertUnwindSafe(|| event_loop.run()));
        assert!(run.is_err());
        event_loop.run().unwrap();
        log.assert(&["before", "after"]);
    }

    fn close_drops_everything_uncalled(event_loop, log) {
        let (ours, _theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        let alive = Rc::new(());
        let holds = || {
            let (held, inner) = (alive.clone(), event_loop.clone());
            move || panic!("called: {:?} {inner:?}", held)
        };
        event_loop.call_soon(holds());
        event_loop.call_later(Duration::ZERO, holds());
        event_loop
            .register(stream.key(), Interest::Writable, holds())
            .unwrap();
        event_loop.call_in_thread(|| (), {
            let call = holds();
            move |()| call()
        })
        .unwrap();
        event_loop.close();
        event_loop.close();
        assert_eq!(Rc::strong_count(&alive), 1);
        event_loop.call_soon(holds());
        event_loop.call_later(Duration::ZERO, holds());
        let refused =
            event_loop.register(stream.key(), Interest::Writable, holds());
        assert!(refused.is_err());
        assert_eq!(Rc::strong_count(&alive), 1);
        event_loop.run().unwrap();
        log.assert(&[]);
    }

    fn callbacks_are_dropped_with_no_borrow_held(event_loop, log) {
        // Its drop uses the loop in every way that needs a borrow.
        struct UsesLoop(EventLoop, Log);
        impl Drop for UsesLoop {
            fn drop(&mut self) {
                self.0.call_soon(|| {});
                self.0.call_later(Duration::ZERO, || {}).cancel();
                let (ours, _theirs) = pair();
                let stream = self.0.add_source(ours).unwrap();
                let key = stream.key();
                let _ = self.0.register(key, Interest::Writable, || {});
                self.1.add("dropped");
            }
        }
        let callback = || {
            let uses_loop = UsesLoop(event_loop.clone(), log.clone());
            move || drop(uses_loop)
        };
        let (ours, _theirs) = pair();
        let stream = event_loop.add_source(ours).unwrap();
        let key = stream.key();
        event_loop.register(key, Interest::Readable, callback()).unwrap();
        // Replaced,
        event_loop.register(key, Interest::Readable, callback()).unwrap();
        // unregistered,
        event_loop.unregister(key);
        // dropped with the source,
        event_loop.register(key, Interest::Readable, callback()).unwrap();
        drop(stream);
        // refused,
        let refused =
            event_loop.register(key, Interest::Readable, callback());
        assert!(refused.is_err());
        // cancelled before and after it is due,
        event_loop.call_later(LONG, callback()).cancel();
        let timer = event_loop.call_later(Duration::ZERO, callback());
        event_loop.call_soon(move || timer.cancel());
        // called,
        event_loop.call_soon(callback());
        event_loop.run().unwrap();
        // and closed.
        event_loop.call_soon(callback());
        event_loop.call_later(LONG, callback());
        event_loop.close();
        log.assert(&["dropped"; 9]);
    }
}

#[test]
fn a_thousand_loops_hold_no_memory_of_each_other() {
    within_deadline(|| {
        let alive = Rc::new(());
        for _ in 0..1000 {
            let event_loop = EventLoop::new().unwrap();
            let (inner, held) = (event_loop.clone(), alive.clone());
            event_loop.call_later(LONG, move || drop((inner, held)));
            event_loop.close();
        }
        assert_eq!(Rc::strong_count(&alive), 1);
    });
}
