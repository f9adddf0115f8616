//! Stage 3 of the evolution of coroutines: generators that delegate to
//! generators, run by tasks that can be cancelled.
//!
//! # Layout
//!
//! Read in this order:
//!
//! 0. `examples/`: `yield_from_minimal`, stage 2 plus delegation and nothing
//!    else; `chain`, `yield_to_from`, `delegation_trace`, `depth`: delegation;
//!    `print_sum_delegated`, `cancel`: tasks
//! 1. `exception.rs`: [`Exception`], what can be raised and thrown
//! 2. `generator.rs`: [`Generator`] with `throw` and `close`, and [`Frame`]
//! 3. `yield_from.rs`: [`yield_from!`], delegation
//! 4. `future.rs`: [`Future`], typed, and a generator itself
//! 5. `task.rs`: [`Task`], what resumes a generator and can be cancelled
//! 6. `net.rs`: [`connect`], [`accept`], [`read`], [`write_all`]; [`sleep`],
//!    [`wait_for`], [`gather`]
//! 7. `crawler.rs`: [`crawl`], workers that take from a queue
//! 8. `echo.rs`: [`serve`], one task a connection
//!
//! # What changed since stage 2
//!
//! Where a suspended computation lives: in nested generators. Each of them
//! holds the one that it waits for, and [`yield_from!`] passes on what goes
//! in and out. So a function that waits can be called again, as in a program
//! without waits.
//!
//! Three things follow. A [`Future`] is a generator itself and has the type
//! of its own result, so that a [`Task`] sends nothing. A generator can be
//! stopped from outside: what is thrown goes to the innermost one. And a
//! future that becomes done schedules its callbacks, as asyncio does.
//!
//! The loop is still stage 1's, unchanged.
//!
//! # What a round trip costs
//!
//! A message echoed on an otherwise idle connection takes **14 system calls**
//! on Linux: the 8 of stages 1 and 2; one read that comes too early, because
//! each operation is tried before it waits; and the 5 of another wait,
//! because a future that becomes done schedules its callbacks for the loop's
//! next turn. With 64 connections ready at once it is 4.2 a message.
//! `tests/tests/syscalls.rs` counts them.

#![forbid(unsafe_code)]

mod crawler;
mod echo;
mod exception;
mod future;
mod generator;
mod net;
mod task;
mod yield_from;

pub use crawler::crawl;
pub use echo::serve;
pub use exception::Exception;
pub use future::{CallbackId, Future, until};
pub use generator::{Frame, Generator, GeneratorState, Progress, Resume, Step};
pub use net::{
    Listener, Socket, Stream, accept, connect, gather, read, read_all, repeat,
    sleep, wait_for, write, write_all,
};
pub use task::{Awaitable, Coroutine, Task, Wait};
pub use yield_from::{delegate, iterate};
