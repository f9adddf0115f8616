//! Work that blocks goes to a thread; its result is awaited.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use crate::lock::{Mutex, lock};
use crate::task::panic_text;
use crate::*;

// ANCHOR: to_thread
/// Does `work` on a thread, from the first poll on. If this is dropped, the
/// thread works on, and nobody gets the result. In asyncio: `to_thread`.
///
/// # Panics
///
/// When polled, if no loop is running on this thread.
#[track_caller]
pub fn to_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl std::future::Future<Output = Result<T, Panicked>> + Unpin {
    let shared = Arc::new(Mutex::new(Shared { result: None, waker: None }));
    ToThread { work: Some(work), shared, place: Place::here("thread") }
}

/// The work panicked, with this; or there was no thread for it.
#[derive(Debug, thiserror::Error)]
#[error("the work panicked: {}", panic_text(&*.0))]
pub struct Panicked(pub Box<dyn Any + Send>);

struct ToThread<F, T> {
    /// Until it begins.
    work: Option<F>,
    shared: Arc<Mutex<Shared<T>>>,
    place: Place,
}

/// What the thread and the task share.
struct Shared<T> {
    result: Option<Result<T, Panicked>>,
    waker: Option<Waker>,
}

impl<F, T> Unpin for ToThread<F, T> {} // it pins nothing

impl<F, T> std::future::Future for ToThread<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = Result<T, Panicked>;

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Panicked>> {
        let event_loop = here();
        let mut shared = lock(&self.shared);
        if let Some(result) = shared.result.take() {
            return Poll::Ready(result);
        }
        shared.waker = Some(cx.waker().clone());
        drop(shared);
        if let Some(work) = self.work.take() {
            let shared = self.shared.clone();
            let thread = Builder::new().spawn(move || {
                let result = catch_unwind(AssertUnwindSafe(work));
                let mut shared = lock(&shared);
                shared.result = Some(result.map_err(Panicked));
                let waker = shared.waker.take();
                drop(shared);
                waker.expect("set before it began").wake();
            });
            match thread {
                Ok(thread) => event_loop.wait_for_thread(thread),
                Err(error) => {
                    let why = format!("there is no thread: {error}");
                    return Poll::Ready(Err(Panicked(Box::new(why))));
                }
            }
        }
        event_loop.waits_at(self.place);
        Poll::Pending
    }
}
// ANCHOR_END: to_thread

impl EventLoop {
    /// Has [`run`](crate::run) wait for a thread in the end.
    fn wait_for_thread(&self, thread: JoinHandle<()>) {
        let mut threads = self.inner.state.threads.borrow_mut();
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }
}
