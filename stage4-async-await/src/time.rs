//! Waiting for time: `sleep`, and `wait_for` with its deadline.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::event_loop::EventLoop;
use crate::handle::deadline;
use crate::place::Place;
use crate::running::here;
use crate::schedule::Action;
use crate::wake::Key;

// ANCHOR: sleep
/// Waits for this long, from the first poll on; for zero, until the others
/// had their turn. In asyncio: `sleep`.
///
/// # Panics
///
/// When polled, if no loop is running on this thread.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let place = Some(Place::here("sleep"));
    Sleep { duration, state: State::New, place }
}

/// Gives up one turn. In asyncio: `sleep(0)`.
#[track_caller]
pub fn yield_now() -> Sleep {
    sleep(Duration::ZERO)
}

/// The future of [`sleep`].
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    duration: Duration,
    state: State,
    place: Option<Place>,
}

enum State {
    New,
    /// It gave up a turn.
    Yielded,
    /// This timer wakes us. When it has, it is gone.
    Armed(EventLoop, Key),
}

impl std::future::Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let event_loop = here();
        match &self.state {
            State::New if self.duration.is_zero() => {
                self.state = State::Yielded;
                cx.waker().wake_by_ref();
            }
            State::New => {
                let wake = Action::Wake(event_loop.park(cx.waker()));
                let key = event_loop.set_timer(deadline(self.duration), wake);
                self.state = State::Armed(event_loop.clone(), key);
            }
            State::Yielded => return Poll::Ready(()),
            State::Armed(event_loop, key) => {
                let mut schedule = event_loop.inner.schedule.borrow_mut();
                match schedule.get_mut(*key) {
                    Some(wake) => {
                        *wake = Action::Wake(event_loop.park(cx.waker()));
                    }
                    None => return Poll::Ready(()),
                }
            }
        }
        if let Some(place) = self.place {
            event_loop.waits_at(place);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let State::Armed(event_loop, key) = &self.state {
            event_loop.cancel_handle(*key, true);
        }
    }
}
// ANCHOR_END: sleep

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sleep({:?})", self.duration)
    }
}

/// The time was over first. In asyncio: `TimeoutError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl std::error::Error for Elapsed {}

// ANCHOR: wait_for
/// Waits for `future`, but at most this long. Then the future is dropped; and
/// if that cancels tasks it was waiting for, this returns when they have
/// ended. In asyncio: `wait_for`.
///
/// # Errors
///
/// The time was over first. A result that is there at the same time counts.
pub async fn wait_for<F: IntoFuture>(
    future: F,
    limit: Duration,
) -> Result<F::Output, Elapsed> {
    let timer = Sleep { duration: limit, state: State::New, place: None };
    let mut timer = pin!(timer);
    let mut future = Box::pin(future.into_future());
    let result = poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending if limit.is_zero() => Poll::Ready(Err(Elapsed)),
        Poll::Pending => timer.as_mut().poll(cx).map(|()| Err(Elapsed)),
    });
    let result = result.await;
    for task in here().abandoned_by(|| drop(future)) {
        task.ended().await;
    }
    result
}
// ANCHOR_END: wait_for
