//! What an echo server is given, and what it gives back.

use std::time::Duration;

use crate::trace::Trace;

/// How `serve` of every stage behaves.
#[derive(Clone, Debug)]
pub struct EchoOptions {
    /// The most connections served at once; further ones wait in the
    /// kernel's backlog. `None`: as many as there are file descriptors.
    pub max_connections: Option<usize>,
    /// How long pending output may still go out after an interrupt.
    pub grace: Duration,
    /// Where to record what the loop does.
    pub trace: Trace,
}

impl Default for EchoOptions {
    fn default() -> EchoOptions {
        EchoOptions {
            max_connections: None,
            grace: Duration::from_secs(3),
            trace: Trace::off(),
        }
    }
}

/// What an echo server did between its start and its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EchoStats {
    /// Connections accepted.
    pub connections: u64,
    /// Bytes written back.
    pub bytes: u64,
    /// The most connections open at the same time.
    pub peak: usize,
}
