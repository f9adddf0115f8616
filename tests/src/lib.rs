//! What every crawler and every echo server must do, written once against a
//! stage's `crawl` and `serve`, and run for each stage by `tests/stageN_*.rs`.
//!
//! # Layout
//!
//! * [`crawler`]: the shared suite for `crawl`
//! * [`echo`]: the shared suite for `serve`
//! * [`leaks`]: nothing stays open
//! * [`mod@suite`]: makes tests of the shared functions
//! * [`deadline`]: a test that hangs fails
//! * [`log`] and [`trace_log`]: what happened, in order
//! * [`panics`]: what a panic says
//! * [`programs`]: builds and runs the real binaries of a stage
//! * [`python`]: examples against their Python originals
//! * [`script`]: coroutines of stage 3 that note what they do
//! * [`sockets`]: the other ends of connections
//! * [`stage4`]: loops, turns and futures for the tests of stage 4
//! * `strace`: which system calls an echo server makes (only on Linux)

#![forbid(unsafe_code)]

pub mod crawler;
pub mod deadline;
pub mod echo;
pub mod leaks;
pub mod log;
pub mod panics;
pub mod programs;
pub mod python;
pub mod script;
pub mod sockets;
pub mod stage4;
#[cfg(target_os = "linux")]
pub mod strace;
pub mod suite;
pub mod trace_log;
