//! Futures made of futures.

use std::future::poll_fn;

use pin_project_lite::pin_project;

use crate::event_loop::Current;
use crate::*;

// ANCHOR: gather
/// Waits for all of `children` at once; their outputs are in the order given.
/// Each is polled when it was woken, not more often. In asyncio: `gather`;
/// but that makes a task of each coroutine, and here they are polled in
/// place.
///
/// If this is dropped, so are they: tasks among them are cancelled.
pub async fn gather<I>(children: I) -> Vec<<I::Item as IntoFuture>::Output>
where
    I: IntoIterator,
    I::Item: IntoFuture<IntoFuture: Unpin>,
{
    let futures = children.into_iter().map(IntoFuture::into_future);
    let mut futures: Vec<_> = futures.map(Some).collect();
    let mut outputs: Vec<_> = futures.iter().map(|_| None).collect();
    let mut left = futures.len();
    let mut family = None;
    poll_fn(|cx| {
        let family = family.get_or_insert_with(|| Family::new(left, cx));
        for index in family.woken(cx) {
            let Some(future) = &mut futures[index] else { continue };
            if let Poll::Ready(output) = family.poll(index, Pin::new(future)) {
                outputs[index] = Some(output);
                futures[index] = None;
                left -= 1;
            }
        }
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().map(|output| output.expect("all are done")).collect()
}
// ANCHOR_END: gather

// ANCHOR: family
/// Children that are polled by one parent. Each has a waker of its own, so
/// that the parent knows whom to poll.
struct Family {
    event_loop: EventLoop,
    parent: Rc<Parent>,
    children: Vec<Key>,
}

/// Who polls them, and whom it has to poll.
pub(crate) struct Parent {
    pub woken: RefCell<Vec<usize>>,
    pub parked: RefCell<Parked>,
}

impl Family {
    fn new(size: usize, cx: &mut Context<'_>) -> Family {
        let event_loop = here();
        let parked = RefCell::new(event_loop.park(cx.waker()));
        let woken = RefCell::new((0..size).collect());
        let parent = Rc::new(Parent { woken, parked });
        let child = |i| event_loop.insert(Kind::Child(i, parent.clone()));
        let children = (0..size).map(child).collect();
        Family { event_loop, parent, children }
    }

    /// The children to poll. Those that are woken from here on wake `cx`.
    fn woken(&self, cx: &mut Context<'_>) -> Vec<usize> {
        self.parent.parked.replace(self.event_loop.park(cx.waker()));
        self.parent.woken.take()
    }

    /// Polls a child with its own waker.
    fn poll<F: std::future::Future>(
        &self,
        index: usize,
        future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        let key = self.children[index];
        let mut table = self.event_loop.inner.table.borrow_mut();
        let child = table.get(key).expect("only our drop removes it");
        child.woken = false;
        let waker = child.waker(key, &self.event_loop.inner.inbox);
        drop(table);
        let current = &self.event_loop.inner.state.current;
        let before = current.get();
        let _current = defer(|| current.set(before));
        let task = before.map_or(key, |before| before.task);
        current.set(Some(Current { key, waker: waker.data(), task }));
        let place = &self.event_loop.inner.state.place;
        let others = place.take();
        let polled = future.poll(&mut Context::from_waker(&waker));
        // A child that is done waits nowhere.
        let own = place.take().filter(|_| polled.is_pending());
        place.set(own.or(others));
        if let Some(entry) = self.event_loop.inner.table.borrow_mut().get(key) {
            entry.waits_at = own;
        }
        polled
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let children = self.children.iter();
        children.for_each(|key| drop(self.event_loop.remove(*key)));
    }
}
// ANCHOR_END: family

// ANCHOR: race
/// Waits for `a` or `b`, whichever is done first; `a` if both are. The other
/// one is dropped. In asyncio: `wait` with `FIRST_COMPLETED`, and a `cancel`
/// for the rest.
pub fn race<T, A, B>(a: A, b: B) -> Race<A::IntoFuture, B::IntoFuture>
where
    A: IntoFuture<Output = T>,
    B: IntoFuture<Output = T>,
{
    Race { a: a.into_future(), b: b.into_future() }
}

pin_project! {
    /// The future of [`race`].
    #[must_use = "a race does nothing unless it is awaited"]
    #[derive(Debug)]
    pub struct Race<A, B> {
        #[pin] a: A,
        #[pin] b: B,
    }
}

impl<T, A, B> std::future::Future for Race<A, B>
where
    A: std::future::Future<Output = T>,
    B: std::future::Future<Output = T>,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let race = self.project();
        match race.a.poll(cx) {
            Poll::Pending => race.b.poll(cx),
            ready => ready,
        }
    }
}
// ANCHOR_END: race
