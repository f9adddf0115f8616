//! Stage 1 of the evolution of coroutines: callbacks on a select loop.
//!
//! # Layout
//!
//! Read in this order:
//!
//! 0. `examples/`: `blocking`, `threads`, `busy_loop`, `select_loop`, the way
//!    here
//! 1. `event_loop.rs`: [`EventLoop`] waits for sockets, timers and threads,
//!    and calls the callback registered for each
//! 2. `crawler.rs`: [`crawl`], one fetch as a chain of callbacks
//! 3. `echo.rs`: [`serve`], one connection as callbacks that take turns
//! 4. `selector.rs`: [`Selector`] wraps the crate `polling`
//! 5. `remote.rs`: [`Remote`], how other threads reach the loop
//!
//! Comments speak of *the documents*: five articles on Python's coroutines and
//! asyncio whose programs this tutorial rebuilds.
//!
//! # Where a suspended computation lives
//!
//! In the variables that the next callback has captured. A later stage
//! changes exactly this.
//!
//! # What a round trip costs
//!
//! A message echoed on an otherwise idle connection takes **8 system calls**
//! on Linux: `recv`, `send`, one `epoll_ctl` that registers the next
//! callback, and 5 that `polling` needs for a wait: `timerfd_settime` and
//! `epoll_ctl` for the time-out, `epoll_wait`, `read` and `epoll_ctl` for its
//! notification. With 64 connections ready at once these 5 are shared, so it
//! is 3.1 a message. `tests/tests/syscalls.rs` counts them.

#![deny(unsafe_code)] // `forbid` but for one call in `selector.rs`

mod crawler;
mod echo;
mod event_loop;
mod remote;
mod selector;

pub use crawler::crawl;
pub use echo::serve;
pub use event_loop::{EventLoop, Source, TimerHandle};
pub use remote::{LoopClosed, Remote};
pub use selector::{Key, Pollable, Selector};
pub use support::trace::Interest;
