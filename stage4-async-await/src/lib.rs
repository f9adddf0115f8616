//! Stage 4 of the evolution of coroutines: native `async` and `await`, on an
//! event loop of our own that is asyncio's, part by part.

#![forbid(unsafe_code)]

mod combinators;
mod crawler;
mod echo;
mod event_loop;
mod future;
mod handle;
mod inbox;
#[cfg(test)]
mod inbox_model;
mod lock;
pub mod net;
mod place;
mod remote;
mod running;
mod schedule;
pub mod signal;
mod source;
pub mod sync;
mod task;
mod threads;
mod time;
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
pub use handle::{Handle, TimerHandle};
pub use place::Place;
pub use remote::{LoopClosed, Remote};
pub use running::{run, running_loop};
pub use task::{
    Join, Task, TaskError, TaskRef, all_tasks, create_task, current_task,
};
pub use threads::{Panicked, to_thread};
pub use time::{Elapsed, Sleep, sleep, wait_for, yield_now};
pub use waiters::CallbackId;
