//! Tasks that wait for one another.

use std::cell::OnceCell;

use crate::*;

// ANCHOR: event
/// A flag that tasks can wait for. In asyncio: `Event`.
///
/// ```
/// use stage4_async_await as aio;
/// use std::rc::Rc;
///
/// aio::run(async {
///     let event = Rc::new(aio::sync::Event::new());
///     let setter = event.clone();
///     aio::create_task(async move { setter.set() });
///     event.wait().await;
/// });
/// ```
#[derive(Default)]
pub struct Event {
    set: Cell<bool>,
    waiters: RefCell<Waiters<()>>,
    /// The loop of those who wait.
    event_loop: OnceCell<EventLoop>,
}

impl Event {
    /// A flag that is not set.
    pub fn new() -> Event {
        Event::default()
    }

    /// Sets the flag. All who wait go on, even if it is cleared before their
    /// next step.
    pub fn set(&self) {
        self.set.set(true);
        if let Some(event_loop) = self.event_loop.get() {
            event_loop.schedule(self.waiters.take(), &());
        }
    }

    /// Clears the flag: who comes from here on waits for the next `set`.
    pub fn clear(&self) {
        self.set.set(false);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.set.get()
    }

    /// Waits until the flag is set; not at all if it is.
    #[track_caller]
    pub fn wait(&self) -> impl std::future::Future<Output = ()> + Unpin {
        Wait { event: self, waiting: None, place: Place::here(&"event") }
    }
}

struct Wait<'a> {
    event: &'a Event,
    /// Our place in the list of those who wait.
    waiting: Option<CallbackId>,
    place: Place,
}

impl std::future::Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Wait { event, waiting, place } = self.get_mut();
        let mut waiters = event.waiters.borrow_mut();
        // Who is not in the list any more was taken out by `set`.
        let woken = waiting.is_some_and(|id| !waiters.contains_key(&id));
        if woken || waiting.is_none() && event.is_set() {
            *waiting = None;
            return Poll::Ready(());
        }
        let event_loop = event.event_loop.get_or_init(here);
        let same = with_running(|running| running == event_loop);
        assert_eq!(same, Some(true), "the event is one of another loop");
        let before = event_loop.park_in(&mut waiters, cx.waker(), waiting);
        drop(waiters);
        drop(before); // without the borrow: it may be anybody's waker
        event_loop.waits_at(*place);
        Poll::Pending
    }
}
// ANCHOR_END: event

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.waiting {
            let waiter = self.event.waiters.borrow_mut().remove(&id);
            drop(waiter);
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Event").field(&self.is_set()).finish()
    }
}
