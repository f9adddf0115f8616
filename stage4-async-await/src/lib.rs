//! Stage 4 of the evolution of coroutines: native `async` and `await`, on an
//! event loop of our own that is asyncio's, part by part.
//!
//! # Layout
//!
//! Read in this order:
//!
//! 0. `examples/`: `poll_by_hand`, `block_on`, `desugared`, `pin_breaks`: what
//!    the compiler writes; `loop_order`, `future_states`, `sleep_turns`: the
//!    loop and its futures
//! 1. `wake.rs`: whom the loop knows, and the `Waker` that it hands out
//! 2. `event_loop.rs`: [`EventLoop`], one turn of it; `timers.rs`: callbacks
//!    that are to be called, soon or later
//! 3. `run.rs`: [`run`], [`EventLoop::run_until_complete`]
//! 4. `future.rs`: [`Future`]; `waiters.rs`: who waits for one
//! 5. `task.rs`: [`Task`]; `work.rs`: its steps
//! 6. `time.rs`: [`sleep`], [`wait_for`]; `combinators.rs`: [`gather`],
//!    [`race`]; `sync.rs`: [`sync::Event`]
//! 7. `source.rs`: a socket and the loop; `net.rs`: [`net::TcpStream`];
//!    `watch.rs`: `add_reader` and its kin
//! 8. `inbox.rs`, `remote.rs`, `threads.rs`, `signal.rs`: other threads
//! 9. `crawler.rs`: [`crawl`]; `echo.rs`: [`serve`]
//!
//! # What changed since stage 3
//!
//! Where a suspended computation lives: in the state machine that the
//! compiler writes for an `async fn`. It is polled with a `Waker`, which it
//! leaves with whatever it waits for. So nothing has to be passed up to the
//! task any more: what was yielded, and sent, is gone.
//!
//! The loop is a new one, asyncio's: futures, tasks and sockets tell it whom
//! to wake, and it steps them. A socket is registered once.
//!
//! # What a round trip costs
//!
//! A message echoed on an otherwise idle connection takes **3 system calls**
//! on Linux: wait, receive, send. With 64 connections ready at once it is
//! 2.05 a message. `tests/tests/syscalls.rs` counts them.

#![forbid(unsafe_code)]

mod combinators;
mod crawler;
mod echo;
mod event_loop;
mod future;
mod inbox;
mod inbox_model;
pub mod net;
mod place;
mod remote;
mod run;
pub mod signal;
mod source;
pub mod sync;
mod task;
mod threads;
mod time;
mod timers;
mod waiters;
mod wake;
#[cfg(unix)]
mod watch;
mod work;

pub use combinators::{Race, gather, race};
pub use crawler::crawl;
pub use echo::serve;
pub use event_loop::EventLoop;
pub use future::{Cancelled, Future, FutureError, InvalidState, create_future};
pub use place::Place;
pub use remote::{LoopClosed, Remote};
pub use run::{run, running_loop};
pub use task::{Join, Task, TaskError, TaskRef};
pub use task::{all_tasks, create_task, current_task};
pub use threads::{Panicked, to_thread};
pub use time::{Elapsed, Sleep, sleep, wait_for, yield_now};
pub use timers::{Handle, TimerHandle};
pub use waiters::CallbackId;

// What nearly every file of the runtime uses.
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{fmt, io};

use run::{here, with_running};
use support::trace;
use waiters::Waiters;
use wake::{Key, Kind, Parked};

/// What threads share, as the standard library has it.
mod lock {
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};

    /// Locks. That another thread panicked meanwhile does not matter: what
    /// is shared here is never left half done.
    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Does `f` when the value returned is dropped, also by a panic.
#[must_use = "it is done at once"]
fn defer(f: impl FnMut()) -> impl Drop {
    struct Defer<F: FnMut()>(F);
    impl<F: FnMut()> Drop for Defer<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    Defer(f)
}
