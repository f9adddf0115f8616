//! What the tests of stage 4 share: a loop and a log for each, one turn, who
//! notes its end, and a loop that tells other threads when it goes to sleep.

use std::future::pending;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use stage4_async_await as aio;

use aio::{EventLoop, TaskRef};
use support::trace::Trace;

use crate::deadline::within_deadline;
use crate::log::Log;

/// Long enough that a loop has to wait for it.
pub const MOMENT: Duration = Duration::from_millis(2);
/// Longer than any test.
pub const LONG: Duration = Duration::from_secs(3600);

/// Defines tests whose bodies run within a deadline, with a loop and a log.
#[macro_export]
macro_rules! loop_tests {
    ($(fn $name:ident($event_loop:pat, $log:pat) $body:block)*) => {
        $(#[test]
        fn $name() {
            $crate::stage4::with_loop(|$event_loop, $log| $body);
        })*
    };
}

/// Defines tests whose bodies are run within a deadline by a loop: they may
/// await, and have the loop and a log.
#[macro_export]
macro_rules! async_tests {
    ($(fn $name:ident($event_loop:pat, $log:pat) $body:block)*) => {
        $(#[test]
        fn $name() {
            $crate::stage4::with_loop(|event_loop, log| {
                let ($event_loop, $log) = (event_loop, log);
                event_loop.run_until_complete(async $body);
            });
        })*
    };
}

/// Does `test` within a deadline, with a loop, which is closed afterwards,
/// and a log.
pub fn with_loop(test: impl FnOnce(&EventLoop, &Log) + Send + 'static) {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        test(&event_loop, &Log::default());
        event_loop.close();
    });
}

/// One turn, in which what is ready is called.
pub fn turn(event_loop: &EventLoop) {
    let stops = event_loop.clone();
    event_loop.call_soon(move || stops.stop());
    event_loop.run_forever();
}

/// Notes its end, with this name.
#[derive(Debug)]
pub struct End(pub &'static str, pub Log);

impl Drop for End {
    fn drop(&mut self) {
        self.1.add(format!("{} ends", self.0));
    }
}

/// Panics at its end.
#[derive(Debug)]
pub struct Fails;

impl Drop for Fails {
    fn drop(&mut self) {
        panic!("at its end");
    }
}

/// Notes its beginning and its end; between them it waits for ever.
pub fn other(
    name: &'static str,
    log: &Log,
) -> impl Future<Output = ()> + use<> {
    noting_both(name, log, pending())
}

/// Notes its beginning and its end; between them it awaits `future`.
pub fn noting_both<F: Future<Output = ()>>(
    name: &'static str,
    log: &Log,
    future: F,
) -> impl Future<Output = ()> + use<F> {
    let log = log.clone();
    async move {
        log.add(format!("{name} begins"));
        let _end = End(name, log);
        future.await;
    }
}

/// A callback that notes `name` and how the task has ended.
pub fn tells(log: &Log, name: &'static str) -> impl FnOnce(&TaskRef) + use<> {
    let log = log.clone();
    move |task| {
        assert!(task.done());
        let how = if task.cancelled() { "Cancelled" } else { "Finished" };
        log.add(format!("{name}: {how}"));
    }
}

/// A loop, and what receives a message each time before it waits without a
/// limit, after it has found that something can still happen. With it tests
/// need not guess when a loop sleeps.
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
