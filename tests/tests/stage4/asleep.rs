//! A loop that tells other threads when it goes to sleep, so that tests need
//! not guess.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};

use stage4_async_await::EventLoop;
use support::trace::Trace;

/// A loop, and what receives a message each time before it waits without a
/// limit, after it has found that something can still happen.
pub fn loop_that_tells() -> (EventLoop, Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let trace = Trace::text(Tells(sender));
    (EventLoop::with_trace(trace).unwrap(), receiver)
}

struct Tells(Sender<()>);

impl Write for Tells {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if line.ends_with(b"without end") {
            let _ = self.0.send(()); // nobody has to listen
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
