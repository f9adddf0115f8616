//! Closing stage 4's loop: what it holds is dropped, and nothing is called
//! any more.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use stage4_async_await as aio;

use aio::EventLoop;
use tests::log::Log;
use tests::panics::message_of;
use tests::stage4::{End, Fails, LONG};

tests::loop_tests! {
    fn close_drops_what_holds_the_loop(event_loop, _) {
        let held = Rc::new(());
        let holds = || (held.clone(), event_loop.clone());
        let (soon, later, task) = (holds(), holds(), holds());
        event_loop.call_soon(move || drop(soon));
        event_loop.call_later(LONG, move || drop(later));
        event_loop.create_task(async move {
            aio::sleep(LONG).await;
            drop(task);
        });
        event_loop.run_until_complete(aio::yield_now());
        let (unstarted, callback) = (holds(), holds());
        event_loop.create_task(async move { drop(unstarted) });
        event_loop.call_soon(move || drop(callback));
        event_loop.close();
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn close_drops_what_threads_have_sent(event_loop, _) {
        let held = Arc::new(());
        let (holds, remote) = (held.clone(), event_loop.remote());
        let own = remote.clone();
        remote.call_soon_threadsafe(move || drop((holds, own))).unwrap();
        event_loop.close();
        assert_eq!(Arc::strong_count(&held), 1);
        let holds = held.clone();
        let late = remote.call_soon_threadsafe(move || drop(holds));
        assert_eq!(late, Err(aio::LoopClosed));
        assert_eq!(Arc::strong_count(&held), 1);
    }

    fn close_drops_tasks_in_the_order_of_their_making(event_loop, log) {
        for name in ["a", "b", "c"] {
            event_loop.create_task(other(name, log));
        }
        event_loop.run_until_complete(aio::yield_now());
        event_loop.create_task(other("never begins", log));
        event_loop.close();
        log.assert(&["a ends", "b ends", "c ends"]);
    }

    fn a_second_close_does_nothing(event_loop, log) {
        event_loop.create_task(other("a", log));
        event_loop.run_until_complete(aio::yield_now());
        event_loop.close();
        event_loop.close();
        event_loop.clone().close();
        log.assert(&["a ends"]);
    }

    fn a_closed_loop_refuses_work(event_loop, log) {
        let (runs, notes) = (event_loop.clone(), log.clone());
        event_loop.close();
        log.add(message_of(|| event_loop.call_soon(|| ())));
        log.add(message_of(|| event_loop.call_later(LONG, || ())));
        log.add(message_of(|| event_loop.create_task(async {})));
        log.add(message_of(|| runs.run_forever()));
        log.add(message_of(move || {
            runs.run_until_complete(async { notes.add("never") })
        }));
        log.assert(&["the event loop is closed"; 5]);
        assert!(aio::running_loop().is_none());
    }

    fn a_loop_that_runs_cannot_be_closed(event_loop, log) {
        let (itself, notes) = (event_loop.clone(), log.clone());
        event_loop.call_soon(move || {
            notes.add(message_of(|| itself.close()));
        });
        let task = event_loop.create_task(async { 1 });
        let one = event_loop.run_until_complete(async {
            log.add(message_of(|| event_loop.close()));
            task.await.unwrap()
        });
        assert_eq!(one, 1);
        log.assert(&["cannot close a running event loop"; 2]);
    }

    fn a_loop_may_close_another(event_loop, log) {
        let another = EventLoop::new().unwrap();
        another.create_task(other("a", log));
        another.run_until_complete(aio::yield_now());
        event_loop.run_until_complete(async { another.close() });
        log.assert(&["a ends"]);
    }

    fn a_panic_at_the_end_of_a_task_is_contained(event_loop, log) {
        event_loop.create_task(other("a", log));
        let fails = Fails;
        let mut task = event_loop.create_task(async move {
            pending::<()>().await;
            drop(fails);
        });
        event_loop.create_task(other("c", log));
        event_loop.run_until_complete(aio::yield_now());
        event_loop.close();
        log.assert(&["a ends", "c ends"]);
        assert!(task.done());
        let result = task.take_result().unwrap();
        assert!(matches!(result, Err(aio::TaskError::Panicked(_))));
    }

    fn a_panic_at_the_end_of_a_callback_keeps_nothing(event_loop, _) {
        let held = Rc::new(());
        let holds = || (held.clone(), event_loop.clone());
        let fails = Fails;
        event_loop.call_soon(move || drop(fails));
        let (later, task) = (holds(), holds());
        event_loop.call_later(LONG, move || drop(later));
        event_loop.create_task(async move { drop(task) });
        // Whether it passes through or not.
        let close = std::panic::AssertUnwindSafe(|| event_loop.close());
        let _ = std::panic::catch_unwind(close);
        event_loop.close();
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn what_is_dropped_may_use_the_loop(event_loop, log) {
        struct Uses(EventLoop, aio::Future<u32>, Option<aio::Handle>, Log);

        impl Drop for Uses {
            fn drop(&mut self) {
                self.3.add(format!("{:?}", self.1.set_result(1)));
                self.2.take().unwrap().cancel();
                self.0.close();
                self.0.stop();
                let remote = self.0.remote();
                let late = remote.call_soon_threadsafe(|| ());
                self.3.add(format!("{late:?}"));
            }
        }

        let future = event_loop.create_future::<u32>();
        future.add_done_callback(|_| panic!("it is never called"));
        let waits = future.clone();
        event_loop.create_task(waits);
        event_loop.run_until_complete(aio::yield_now());
        let uses = || {
            let handle = event_loop.call_soon(|| ());
            let (event_loop, future) = (event_loop.clone(), future.clone());
            Uses(event_loop, future, Some(handle), log.clone())
        };
        let (soon, later, task) = (uses(), uses(), uses());
        event_loop.call_soon(move || drop(soon));
        event_loop.call_later(LONG, move || drop(later));
        event_loop.create_task(async move { drop(task) });
        event_loop.close();
        let refused = ["Err(InvalidState)", "Err(LoopClosed)"];
        log.assert(&[["Ok(())", refused[1]], refused, refused].concat());
        assert_eq!(future.result(), Ok(1));
    }

    fn handles_outlive_the_loop(event_loop, log) {
        let handle = event_loop.call_soon(log.adds("never"));
        let timer = event_loop.call_later(LONG, log.adds("never"));
        let future = event_loop.create_future::<()>();
        future.add_done_callback(|_| panic!("it is never called"));
        let task = event_loop.create_task(pending::<()>());
        task.add_done_callback(|_| panic!("it is never called"));
        let (task_ref, remote) = (task.task_ref(), event_loop.remote());
        event_loop.close();
        handle.cancel();
        timer.cancel();
        assert_eq!(future.set_result(()), Ok(()));
        future.add_done_callback(|_| panic!("it is never called"));
        assert!(task.cancelled() && !task.cancel());
        task_ref.add_done_callback(|_| panic!("it is never called"));
        assert_eq!(task_ref.name(), task.name());
        assert_eq!(
            remote.call_soon_threadsafe(|| ()),
            Err(aio::LoopClosed)
        );
        drop((handle, timer, future, task, task_ref, remote));
        log.assert(&[]);
    }

    fn a_task_may_hold_its_own_handle(event_loop, log) {
        let slot = Rc::new(RefCell::new(None));
        let (holds, waits) = (slot.clone(), other("a", log));
        let task = event_loop.create_task(async move {
            waits.await;
            drop(holds);
        });
        slot.replace(Some(task));
        event_loop.run_until_complete(aio::yield_now());
        event_loop.close();
        log.assert(&["a ends"]);
        assert_eq!(Rc::strong_count(&slot), 1);
    }

    fn a_closed_loop_keeps_no_callback_of_what_ends_later(event_loop, _) {
        let held = Rc::new(());
        let future = event_loop.create_future::<()>();
        let task = event_loop.create_task(pending::<()>());
        let (early, late, last) = (held.clone(), held.clone(), held.clone());
        future.add_done_callback(move |_| drop(early));
        event_loop.close();
        future.set_result(()).unwrap();
        future.add_done_callback(move |_| drop(late));
        task.add_done_callback(move |_| drop(last));
        assert_eq!(Rc::strong_count(&held), 1);
    }
}

/// Notes its end, unless it has not begun.
fn other(name: &'static str, log: &Log) -> impl Future<Output = ()> + use<> {
    let log = log.clone();
    async move {
        let _end = End(name, log);
        aio::sleep(LONG).await;
    }
}
