//! Running stage 4's loop until a future is done, and `run`, with everything
//! around it.

use std::future::pending;
use std::rc::Rc;
use std::thread;

use stage4_async_await as aio;

use aio::EventLoop;
use tests::log::Log;
use tests::panics::message_of;
use tests::stage4::{End, Fails, LONG, noting_both};

tests::loop_tests! {
    fn run_until_complete_may_borrow(event_loop, _) {
        let mut text = String::from("one");
        let length = event_loop.run_until_complete(async {
            aio::yield_now().await;
            text.push_str(", two");
            text.len()
        });
        assert_eq!((length, text.as_str()), (8, "one, two"));
    }

    fn a_loop_runs_again_and_its_tasks_go_on(event_loop, log) {
        let notes = log.clone();
        let task = event_loop.create_task(async move {
            for step in ["task 1", "task 2", "task 3"] {
                notes.add(step);
                aio::yield_now().await;
            }
        });
        for number in 0..2 {
            let got = event_loop.run_until_complete(async { number });
            assert_eq!(got, number);
        }
        log.add("runs the task");
        event_loop.run_until_complete(task).unwrap();
        log.assert(&["task 1", "task 2", "task 3", "runs the task"]);
    }

    fn stopped_before_it_is_complete_it_panics(event_loop, _) {
        let stops = event_loop.clone();
        event_loop.call_soon(move || stops.stop());
        let waits = event_loop.create_future::<()>();
        let message = message_of(|| event_loop.run_until_complete(waits));
        assert!(message.contains("stopped before"), "{message}");
        let result = event_loop.run_until_complete(async { 1 });
        assert_eq!(result, 1);
    }

    fn a_loop_does_not_run_in_itself(event_loop, log) {
        let other = EventLoop::new().unwrap();
        let both = [event_loop.clone(), other.clone()];
        event_loop.run_until_complete(async {
            for inner in both {
                log.add(message_of(|| inner.run_forever()));
                let complete = || inner.run_until_complete(async {});
                log.add(message_of(complete));
            }
            log.add(message_of(|| aio::run(async {})));
            aio::yield_now().await;
            log.add("goes on");
        });
        let (itself, another) = (
            "this event loop is already running",
            "another event loop runs on this thread",
        );
        log.assert(&[itself, itself, another, another, another, "goes on"]);
        other.run_until_complete(async {});
        other.close();
    }

    fn a_loop_is_known_while_it_runs(event_loop, _) {
        assert!(aio::running_loop().is_none());
        let itself = event_loop.clone();
        event_loop.run_until_complete(async {
            assert_eq!(aio::running_loop().as_ref(), Some(event_loop));
            event_loop.call_soon(move || {
                assert_eq!(aio::running_loop(), Some(itself));
            });
            aio::yield_now().await;
            let elsewhere = thread::spawn(|| aio::running_loop().is_none());
            assert!(elsewhere.join().unwrap());
        });
        assert!(aio::running_loop().is_none());
        event_loop.call_soon(|| panic!("in a callback"));
        message_of(|| event_loop.run_forever());
        assert!(aio::running_loop().is_none());
        message_of(|| {
            event_loop.run_until_complete(async { panic!("in the future") })
        });
        assert!(aio::running_loop().is_none());
    }

    fn a_panic_of_the_future_leaves_the_loop_usable(event_loop, _) {
        let task = event_loop.create_task(async { 1 });
        let message = message_of(|| {
            event_loop.run_until_complete(async { panic!("it fails") })
        });
        assert_eq!(message, "it fails");
        assert!(matches!(event_loop.run_until_complete(task), Ok(1)));
    }

    fn run_returns_what_its_future_returns(_, _) {
        let text = String::from("borrowed");
        assert_eq!(aio::run(async { &text }), "borrowed");
    }

    // As Python: its `run` prints the same.
    fn run_cancels_what_is_left_in_order(_, log) {
        aio::run(async {
            aio::create_task(other("a", log));
            aio::create_task(other("b", log));
            aio::yield_now().await;
            log.expect(&["a begins", "b begins"]);
            aio::create_task(other("late", log));
            aio::running_loop().unwrap().call_soon(log.adds("soon"));
        });
        log.assert(&["late begins", "soon", "a ends", "b ends", "late ends"]);
    }

    fn run_passes_a_panic_on_and_drops_everything(_, log) {
        let held = Rc::new(());
        let message = message_of(|| {
            aio::run(async {
                aio::create_task(other("a", log));
                aio::create_task(other("b", log));
                let running = aio::running_loop().unwrap();
                let holds = (held.clone(), running.clone());
                running.call_later(LONG, move || drop(holds));
                aio::yield_now().await;
                aio::create_task(other("never begins", log));
                panic!("it fails");
            })
        });
        assert_eq!(message, "it fails");
        log.assert(&["a begins", "b begins", "a ends", "b ends"]);
        assert_eq!(Rc::strong_count(&held), 1);
        assert!(aio::running_loop().is_none());
    }

    fn run_drops_what_holds_the_loop(_, _) {
        let held = Rc::new(());
        aio::run(async {
            let running = aio::running_loop().unwrap();
            let holds = (held.clone(), running.clone());
            running.call_later(LONG, move || drop(holds));
            let holds = (held.clone(), running.clone());
            running.create_task(async move {
                pending::<()>().await;
                drop(holds);
            });
            let holds = (held.clone(), running.clone());
            aio::yield_now().await;
            running.call_soon(move || {
                let again = holds.1.clone();
                again.call_later(LONG, move || drop(holds));
            });
        });
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn what_a_task_begins_at_its_end_is_dropped(_, log) {
        struct BeginsAnother(Log);

        impl Drop for BeginsAnother {
            fn drop(&mut self) {
                self.0.add("begins another");
                let end = End("another", self.0.clone());
                aio::create_task(async move {
                    pending::<()>().await;
                    drop(end);
                });
            }
        }

        let begins = BeginsAnother(log.clone());
        aio::run(async {
            aio::create_task(async move {
                pending::<()>().await;
                drop(begins);
            });
            aio::yield_now().await;
        });
        log.assert(&["begins another", "another ends"]);
    }

    fn a_panic_at_the_end_of_a_task_does_not_spoil_run(_, log) {
        let result = aio::run(async {
            aio::create_task(async {
                let _fails = Fails;
                pending::<()>().await;
            });
            aio::create_task(other("b", log));
            aio::yield_now().await;
            1
        });
        assert_eq!(result, 1);
        log.assert(&["b begins", "b ends"]);
    }
}

/// Notes its beginning and its end; between them it sleeps.
fn other(name: &'static str, log: &Log) -> impl Future<Output = ()> + use<> {
    noting_both(name, log, aio::sleep(LONG))
}
