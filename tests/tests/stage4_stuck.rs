//! When nothing can ever happen any more, stage 4's loop says so; and when
//! something can, it waits.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use stage4_async_await as aio;

use tests::log::Log;
use tests::panics::message_of;
use tests::stage4::{LONG, loop_that_tells};

tests::loop_tests! {
    fn waiting_for_what_never_comes_is_an_error(event_loop, _) {
        let (line, future) = (line!(), event_loop.create_future::<()>());
        let message = message_of(|| event_loop.run_until_complete(future));
        assert_stuck(&message, &[("the main future", "future made", line)]);
        let message = message_of(|| aio::run(pending::<()>()));
        assert!(message.contains("nothing can ever happen"), "{message}");
        assert_eq!(event_loop.run_until_complete(async { 1 }), 1);
    }

    fn the_error_names_each_task_and_its_place(event_loop, _) {
        let event = Rc::new(aio::sync::Event::new());
        let line = line!();
        let waits = {
            let event = event.clone();
            async move { event.wait().await } // line + 3
        };
        let task = event_loop.create_task(waits);
        task.set_name("waits for an event");
        event_loop.create_task(async {}).set_name("is done");
        let main = async { task.await }; // line + 8
        let message = message_of(|| event_loop.run_until_complete(main));
        assert_stuck(&message, &[
            ("waits for an event", "event", line + 3),
            ("the main future", "task", line + 8),
        ]);
        assert!(!message.contains("is done"), "{message}");
    }

    fn two_tasks_that_wait_for_each_other_are_stuck(event_loop, _) {
        type Slot = Rc<RefCell<Option<aio::Task<()>>>>;
        let waits = |other: Slot| async move {
            aio::yield_now().await;
            let task = other.take().unwrap();
            task.await.unwrap(); // line - 2
        };
        let line = line!();
        let (a, b) = (Slot::default(), Slot::default());
        let tasks = [waits(b.clone()), waits(a.clone())]
            .map(|waits| event_loop.create_task(waits));
        let [one, two] = tasks;
        one.set_name("one");
        two.set_name("two");
        a.replace(Some(one));
        b.replace(Some(two));
        let place = line - 2;
        let (at, never) = (line!(), event_loop.create_future::<()>());
        let message = message_of(|| event_loop.run_until_complete(never));
        assert_stuck(
            &message,
            &[
                ("one", "task", place),
                ("two", "task", place),
                ("the main future", "future made", at),
            ],
        );
    }

    fn children_of_gather_can_be_stuck(event_loop, _) {
        let event = aio::sync::Event::new();
        let (line, children) = (line!(), [event.wait(), event.wait()]);
        let gathers = aio::gather(children);
        let message = message_of(|| event_loop.run_until_complete(gathers));
        let place = format!("event at {}:{line}", file!());
        assert!(message.contains(&place), "{message}");
    }

    fn gather_says_where_it_waits_after_a_child_is_done(event_loop, _) {
        type Child<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;
        let event = aio::sync::Event::new();
        let (line, waits) = (line!(), event.wait());
        let waits: Child<'_> = Box::pin(waits);
        let ends: Child<'_> = Box::pin(aio::yield_now());
        let gathers = aio::gather([waits, ends]);
        let message = message_of(|| event_loop.run_until_complete(gathers));
        let place = format!("event at {}:{line}", file!());
        assert!(message.contains(&place), "{message}");
    }

    fn what_a_stuck_future_drops_is_dropped_in_the_run(event_loop, log) {
        struct NotesTheLoop(Log);

        impl Drop for NotesTheLoop {
            fn drop(&mut self) {
                self.0.add(format!("{}", aio::running_loop().is_some()));
            }
        }

        let notes = NotesTheLoop(log.clone());
        let main = async move {
            let _notes = notes;
            pending::<()>().await;
        };
        let message = message_of(|| event_loop.run_until_complete(main));
        assert!(message.contains("nothing can ever happen"), "{message}");
        log.assert(&["true"]);
    }

    fn with_a_timer_a_loop_is_not_stuck(event_loop, log) {
        let future = event_loop.create_future();
        let setter = future.clone();
        let timer = event_loop.call_later(Duration::from_millis(2), move || {
            setter.set_result(()).unwrap();
        });
        assert_eq!(event_loop.run_until_complete(future), Ok(()));
        timer.cancel();
        let timer = event_loop.call_later(LONG, log.adds("never"));
        event_loop.call_soon(move || timer.cancel());
        let message = message_of(|| {
            event_loop.run_until_complete(pending::<()>())
        });
        assert!(message.contains("nothing can ever happen"), "{message}");
        log.assert(&[]);
    }

    fn while_a_thread_has_a_waker_a_loop_is_not_stuck(_, _) {
        let (telling, asleep) = loop_that_tells();
        let mut asleep = Some(asleep);
        telling.run_until_complete(poll_fn(|cx| {
            let Some(asleep) = asleep.take() else { return Poll::Ready(()) };
            let waker = cx.waker().clone();
            thread::spawn(move || {
                asleep.recv().unwrap();
                waker.wake();
            });
            Poll::Pending
        }));
        telling.close();
    }

    fn after_the_last_waker_of_a_thread_a_loop_can_be_stuck(_, _) {
        // The thread may be slow to let go of the waker that it used.
        for _ in 0..200 {
            let (telling, asleep) = loop_that_tells();
            let mut asleep = Some(asleep);
            let waits = poll_fn(|cx| {
                if let Some(asleep) = asleep.take() {
                    let waker = cx.waker().clone();
                    thread::spawn(move || {
                        asleep.recv().unwrap();
                        waker.wake();
                    });
                }
                Poll::<()>::Pending
            });
            let message = message_of(|| telling.run_until_complete(waits));
            assert!(message.contains("nothing can ever happen"), "{message}");
            telling.close();
        }
    }

    fn while_a_thread_has_a_remote_a_loop_is_not_stuck(_, _) {
        let (telling, asleep) = loop_that_tells();
        let remote = telling.remote();
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            asleep.recv().unwrap();
            let call = move || sender.send("called").unwrap();
            remote.call_soon_threadsafe(call).unwrap();
            // It sleeps again: until the last handle is gone.
            asleep.recv().unwrap();
            let last = remote.clone();
            drop(remote);
            drop(last);
        });
        let message = message_of(|| {
            telling.run_until_complete(pending::<()>())
        });
        assert!(message.contains("nothing can ever happen"), "{message}");
        assert_eq!(receiver.recv(), Ok("called"));
        thread.join().unwrap();
        telling.close();
    }

    fn while_a_thread_works_a_loop_is_not_stuck(_, _) {
        let (telling, asleep) = loop_that_tells();
        let work = move || asleep.recv().unwrap();
        telling.run_until_complete(aio::to_thread(work)).unwrap();
        telling.close();
    }
}

/// Expects that the message says that nothing can happen any more, and who
/// waits for what in which line of this file; in the order of their making.
#[track_caller]
fn assert_stuck(message: &str, waiting: &[(&str, &str, u32)]) {
    let mut expected = "nothing can ever happen any more".to_string();
    for (name, what, line) in waiting {
        let file = file!();
        expected += &format!("\n  {name} waits: {what} at {file}:{line}");
    }
    assert_eq!(message, expected);
}
