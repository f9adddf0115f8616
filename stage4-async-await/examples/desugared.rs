//! One `async fn`, and beside it what the compiler makes of such a function:
//! an `enum` of states, and a `poll` that goes on from each. Both leave the
//! same trace.
//!
//! `cargo run -q -p stage4-async-await --example desugared`

use std::cell::RefCell;
use std::mem;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use stage4_async_await as aio;

type Log = Rc<RefCell<Vec<String>>>;

fn note(log: &Log, what: impl Into<String>) {
    log.borrow_mut().push(what.into());
}

// ANCHOR: later
/// A leaf: it is pending `turns` times, and then ready with `value`.
struct Later {
    turns: u32,
    value: u32,
}

fn later(n: u32) -> Later {
    Later { turns: n, value: n }
}

impl std::future::Future for Later {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        if self.turns == 0 {
            return Poll::Ready(self.value);
        }
        self.turns -= 1;
        cx.waker().wake_by_ref(); // poll me again, in the next turn
        Poll::Pending
    }
}
// ANCHOR_END: later

// ANCHOR: written
/// As you write it. `name` is kept over two pauses, `a` over one.
pub(crate) async fn sum(log: Log, x: u32, y: u32) -> u32 {
    let name = format!("{x} + {y}");
    note(&log, format!("{name}: begins"));
    let a = later(x).await;
    note(&log, format!("{name}: has {a}"));
    let b = later(y).await;
    note(&log, format!("{name}: has {a} and {b}"));
    a + b
}
// ANCHOR_END: written

// ANCHOR: states
/// By hand: the arguments, and where it stands.
pub(crate) struct Sum {
    log: Log,
    x: u32,
    y: u32,
    state: State,
}

/// One state for each place where it can stand. Each holds the variables
/// that are used later on, and what is awaited there.
///
/// | from | when | to |
/// |---|---|---|
/// | `Start` | it is polled | `FirstAwait` |
/// | `FirstAwait` | `awaited` is ready | `SecondAwait` |
/// | `SecondAwait` | `awaited` is ready | `Returned` |
enum State {
    Start,
    FirstAwait { name: String, awaited: Later },
    SecondAwait { name: String, a: u32, awaited: Later },
    Returned,
}

impl Sum {
    /// Calling it runs nothing: it only keeps the arguments.
    pub(crate) fn new(log: Log, x: u32, y: u32) -> Sum {
        Sum { log, x, y, state: State::Start }
    }
}
// ANCHOR_END: states

// ANCHOR: poll
impl std::future::Future for Sum {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let Sum { log, x, y, state } = self.get_mut();
        loop {
            match state {
                State::Start => {
                    let name = format!("{x} + {y}");
                    note(log, format!("{name}: begins"));
                    let awaited = later(*x);
                    *state = State::FirstAwait { name, awaited };
                }
                State::FirstAwait { name, awaited } => {
                    let a = ready!(Pin::new(awaited).poll(cx));
                    note(log, format!("{name}: has {a}"));
                    let (name, awaited) = (mem::take(name), later(*y));
                    *state = State::SecondAwait { name, a, awaited };
                }
                State::SecondAwait { name, a, awaited } => {
                    let b = ready!(Pin::new(awaited).poll(cx));
                    note(log, format!("{name}: has {a} and {b}"));
                    let sum = *a + b;
                    *state = State::Returned;
                    return Poll::Ready(sum);
                }
                State::Returned => panic!("polled after it has returned"),
            }
        }
    }
}
// ANCHOR_END: poll

// ANCHOR: by_hand
/// What happens when nobody but us polls it.
pub(crate) fn by_hand<F>(
    make: impl Fn(Log, u32, u32) -> F,
    x: u32,
    y: u32,
) -> Trace
where
    F: std::future::Future<Output = u32>,
{
    let log = Log::default();
    let mut future = pin!(make(log.clone(), x, y));
    note(&log, "made");
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let polled = future.as_mut().poll(&mut cx);
        note(&log, format!("{polled:?}"));
        if polled.is_ready() {
            return log.take();
        }
    }
}

/// What was noted, in order.
pub(crate) type Trace = Vec<String>;
// ANCHOR_END: by_hand

// ANCHOR: on_the_loop
/// What happens when the loop runs it, beside another task.
pub(crate) fn on_the_loop<F>(
    make: impl Fn(Log, u32, u32) -> F,
    x: u32,
    y: u32,
) -> Trace
where
    F: std::future::Future<Output = u32> + 'static,
{
    let log = Log::default();
    aio::run(async {
        let sum = aio::create_task(make(log.clone(), x, y));
        note(&log, "made");
        let other = log.clone();
        aio::create_task(async move {
            loop {
                note(&other, "another task");
                aio::yield_now().await;
            }
        });
        let sum = sum.await.expect("nobody cancels it");
        note(&log, format!("returned {sum}"));
        log.take()
    })
}
// ANCHOR_END: on_the_loop

/// The sizes of both futures, in bytes: the compiler's, and ours.
pub(crate) fn sizes() -> (usize, usize) {
    let log = Log::default();
    let written = sum(log.clone(), 1, 2);
    (size_of_val(&written), size_of_val(&Sum::new(log, 1, 2)))
}

// ANCHOR: main
pub(crate) fn main() {
    let traces = [by_hand(sum, 1, 2), by_hand(Sum::new, 1, 2)];
    show("polled by hand", traces);
    let traces = [on_the_loop(sum, 1, 2), on_the_loop(Sum::new, 1, 2)];
    show("on the loop", traces);
    let (written, by_hand) = sizes();
    println!("sizes: {written} bytes, {by_hand} by hand");
}
// ANCHOR_END: main

fn show(how: &str, [async_fn, by_hand]: [Trace; 2]) {
    println!("{:28} {how}, the enum", format!("{how}, async fn"));
    for (left, right) in async_fn.iter().zip(&by_hand) {
        println!("  {left:26}   {right}");
    }
    assert_eq!(async_fn, by_hand);
}
