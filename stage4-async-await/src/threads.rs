//! Work that blocks goes to a thread; its result is awaited.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Builder;

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
) -> impl std::future::Future<Output = Result<T, Panicked>> {
    let answer = Answer::new(Place::here(&"thread"));
    async move {
        let event_loop = here();
        let sender = answer.sender();
        let thread = Builder::new().spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            sender(result.map_err(Panicked));
        });
        match thread {
            Ok(thread) => {
                let mut threads = event_loop.inner.state.threads.borrow_mut();
                threads.retain(|thread| !thread.is_finished());
                threads.push(thread);
            }
            Err(error) => {
                let why = format!("there is no thread: {error}");
                return Err(Panicked(Box::new(why)));
            }
        }
        answer.await
    }
}
// ANCHOR_END: to_thread

/// The work panicked, with this; or there was no thread for it.
#[derive(thiserror::Error)]
#[error("the work panicked: {}", panic_text(&**.0))]
pub struct Panicked(pub Box<dyn Any + Send>);

/// With what the panic says.
impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Panicked({:?})", panic_text(&*self.0))
    }
}

// ANCHOR: answer
/// A value that another thread sends, once.
pub(crate) struct Answer<T> {
    shared: Arc<Mutex<Shared<T>>>,
    place: Place,
}

/// The value, when it is there, and who waits for it.
type Shared<T> = (Option<T>, Option<Waker>);

impl<T: Send + 'static> Answer<T> {
    pub fn new(place: Place) -> Answer<T> {
        Answer { shared: Arc::new(Mutex::new((None, None))), place }
    }

    /// What another thread calls.
    pub fn sender(&self) -> impl Fn(T) + Send + use<T> {
        let shared = self.shared.clone();
        move |value| {
            let mut shared = lock(&shared);
            shared.0 = Some(value);
            let waker = shared.1.take();
            drop(shared); // the waker may be anybody's
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> std::future::Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let (value, waiter) = &mut *lock(&self.shared);
        if let Some(value) = value.take() {
            return Poll::Ready(value);
        }
        *waiter = Some(cx.waker().clone());
        with_running(|event_loop| event_loop.waits_at(self.place));
        Poll::Pending
    }
}

impl<T> Drop for Answer<T> {
    /// The other thread may live longer: it shall not hold the loop's waker.
    fn drop(&mut self) {
        let waker = lock(&self.shared).1.take();
        drop(waker);
    }
}
// ANCHOR_END: answer
