//! A thousand loops of stage 4 leave nothing open. The only test of its
//! process: see `tests::leaks`.
#![cfg(unix)]

use std::fs;
use std::rc::Rc;

use stage4_async_await as aio;

use tests::deadline::within_deadline;
use tests::stage4::LONG;

#[test]
fn a_thousand_loops_leave_no_descriptor_open() {
    within_deadline(|| {
        let held = Rc::new(());
        // The first use of some things opens a descriptor for good.
        make_and_close(&held);
        let before = open_descriptors();
        let mut wakers = Vec::new();
        for _ in 0..1000 {
            wakers.push(make_and_close(&held));
        }
        assert_eq!(open_descriptors(), before);
        assert_eq!(Rc::strong_count(&held), 1);
        drop(wakers);
    });
}

/// A loop with a timer, a callback and a task that hold it. The remote and
/// the waker that are returned outlive it.
fn make_and_close(held: &Rc<()>) -> (aio::Remote, std::task::Waker) {
    let event_loop = aio::EventLoop::new().unwrap();
    let holds = || (held.clone(), event_loop.clone());
    let (timer, task, callback) = (holds(), holds(), holds());
    event_loop.call_later(LONG, move || drop(timer));
    event_loop.create_task(async move {
        aio::sleep(LONG).await;
        drop(task);
    });
    let waker = event_loop.run_until_complete(async {
        aio::yield_now().await;
        std::future::poll_fn(|cx| std::task::Poll::Ready(cx.waker().clone()))
            .await
    });
    event_loop.call_soon(move || drop(callback));
    event_loop.close();
    (event_loop.remote(), waker)
}

/// Of this process. Reading the folder opens one more, each time.
fn open_descriptors() -> usize {
    fs::read_dir("/dev/fd").unwrap().count()
}
