//! Waiting for time: `sleep`, and `wait_for` with its deadline.

use std::future::poll_fn;
use std::pin::pin;

use crate::timers::deadline;
use crate::*;

// ANCHOR: sleep
/// Waits for this long, from the first poll on; for zero, until the others
/// had their turn. In asyncio: `sleep`.
///
/// # Panics
///
/// When polled, if no loop is running on this thread.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(duration, Some(Place::here(&"sleep")))
}

/// Gives up one turn. In asyncio: `sleep(0)`.
#[track_caller]
pub fn yield_now() -> Sleep {
    sleep(Duration::ZERO)
}

/// The future of [`sleep`].
#[must_use = "a sleep does nothing unless it is awaited"]
#[derive(Debug)]
pub struct Sleep {
    duration: Duration,
    place: Option<Place>,
    /// It lasts no longer than a turn, and that has been given up.
    yielded: bool,
    /// What wakes us, since the first poll. When it has, it is gone.
    timer: Option<(EventLoop, Key)>,
}

impl Sleep {
    fn new(duration: Duration, place: Option<Place>) -> Sleep {
        Sleep { duration, place, yielded: false, timer: None }
    }
}

impl std::future::Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        let event_loop = here();
        if let Some((event_loop, timer)) = &self.timer {
            let alarm = Kind::Alarm(event_loop.park(cx.waker()));
            let mut table = event_loop.inner.table.borrow_mut();
            let Some(entry) = table.get(*timer) else {
                return Poll::Ready(());
            };
            let before = std::mem::replace(&mut entry.kind, alarm);
            drop(table);
            drop(before); // without the borrow: it may be anybody's waker
        } else if self.duration.is_zero() {
            self.yielded = true;
            cx.waker().wake_by_ref();
        } else {
            let alarm = Kind::Alarm(event_loop.park(cx.waker()));
            let after = self.duration;
            let key = event_loop.set_timer(deadline(after), Some(after), alarm);
            self.timer = Some((event_loop.clone(), key));
        }
        self.place.inspect(|place| event_loop.waits_at(*place));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((event_loop, timer)) = &self.timer {
            event_loop.cancel(*timer);
        }
    }
}
// ANCHOR_END: sleep

/// The time was over first. In asyncio: `TimeoutError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time is over")]
pub struct Elapsed;

// ANCHOR: wait_for
/// Waits for `future`, but at most this long. Then the future is dropped; and
/// if that cancels a task it was waiting for, this returns when the task has
/// ended. In asyncio: `wait_for`; but there a task that *that* one was
/// waiting for ends first, and here it ends a turn later, and so on inwards.
///
/// # Errors
///
/// The time was over first. A result that is there at the same time counts.
pub async fn wait_for<F: IntoFuture>(
    future: F,
    limit: Duration,
) -> Result<F::Output, Elapsed> {
    let mut timer = pin!(Sleep::new(limit, None));
    let mut future = Box::pin(future.into_future());
    let result = poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending if limit.is_zero() => Poll::Ready(Err(Elapsed)),
        Poll::Pending => timer.as_mut().poll(cx).map(|()| Err(Elapsed)),
    });
    let result = result.await;
    drop(future);
    if result.is_err() {
        // A task that this has cancelled ends in one turn, and those who
        // wait for it are told in the next.
        for _ in 0..2 {
            Sleep::new(Duration::ZERO, None).await;
        }
    }
    result
}
// ANCHOR_END: wait_for
