//! What programs wait for, as generators. Sockets: each operation is tried
//! first, and waits only if it would block. Time, and other coroutines.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use stage1_callbacks::{EventLoop, Interest, Pollable, Source};
use support::net::{interrupted, start_connect, would_block};

use crate::GeneratorState::{Complete, Yielded};
use crate::{Coroutine, Exception, Frame, Future, Task, until, yield_from};

/// The most bytes read at once.
const BUFFER: usize = 16 * 1024;
/// How often a socket may be ready at once before others get a turn.
const BUDGET: u32 = 16;

// ANCHOR: socket
/// A socket on an event loop.
#[derive(Debug)]
pub struct Socket<S> {
    /// The socket, and its name in the loop.
    pub source: Source<S>,
    event_loop: EventLoop,
    /// How often in a row it was ready at once.
    ready_at_once: Cell<u32>,
}

/// A connection.
pub type Stream = Rc<Socket<TcpStream>>;
/// Where connections come in.
pub type Listener = Rc<Socket<TcpListener>>;

impl<S: Pollable + 'static> Socket<S> {
    /// Hands a socket over to the loop.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn new(event_loop: &EventLoop, socket: S) -> io::Result<Rc<Self>> {
        let source = event_loop.add_source(socket)?;
        let (event_loop, ready_at_once) = (event_loop.clone(), Cell::new(0));
        Ok(Rc::new(Socket { source, event_loop, ready_at_once }))
    }

    // ANCHOR: turn
    /// What is to be waited for before the next try: the others, from time to
    /// time. A socket that is always ready would keep them from their turn.
    fn turn(&self) -> Option<Coroutine<()>> {
        let in_a_row = self.ready_at_once.get() + 1;
        self.ready_at_once.set(in_a_row % BUDGET);
        (in_a_row == BUDGET).then(|| sleep(&self.event_loop, Duration::ZERO))
    }
    // ANCHOR_END: turn

    /// Waits until it is ready. However the wait ends, the callback in the
    /// loop is forgotten then. Only one can wait at a time: a second wait
    /// replaces the first, which then lasts until it is cancelled.
    pub fn ready(self: &Rc<Self>, interest: Interest) -> Coroutine<()> {
        let socket = self.clone();
        until(&self.event_loop, move |ready| {
            let (event_loop, key) = (&socket.event_loop, socket.source.key());
            let ours = Rc::new(ready);
            let f = ours.clone();
            event_loop.register(key, interest, move || f.set_if_pending(()))?;
            Ok(move || {
                // It was neither called nor replaced by another wait.
                if Rc::strong_count(&ours) > 1 {
                    socket.event_loop.unregister(key);
                }
            })
        })
    }
}
// ANCHOR_END: socket

// ANCHOR: attempt
/// Tries `operation`; if it would block, waits until the socket is ready and
/// tries again.
fn attempt<S: Pollable + 'static, T: 'static>(
    socket: &Rc<Socket<S>>,
    interest: Interest,
    mut operation: impl FnMut(&S) -> io::Result<T> + 'static,
) -> Coroutine<T> {
    let socket = socket.clone();
    let mut waiting = socket.turn();
    Frame::new(move |mut with| {
        loop {
            if let Some(waiting) = &mut waiting {
                yield_from!(*waiting, with)?;
            }
            match operation(&socket.source) {
                Err(error) if would_block(&error) => {
                    socket.ready_at_once.set(0);
                    waiting = Some(socket.ready(interest));
                }
                Err(error) if interrupted(&error) => waiting = None,
                result => return Ok(Complete(result?)),
            }
        }
    })
}
// ANCHOR_END: attempt

// ANCHOR: connect
/// Connects to `address`.
pub fn connect(
    event_loop: &EventLoop,
    address: SocketAddr,
) -> Coroutine<Stream> {
    let event_loop = event_loop.clone();
    let mut connecting = None;
    Frame::new(move |mut with| {
        if connecting.is_none() {
            let stream = Socket::new(&event_loop, start_connect(address)?)?;
            connecting = Some((stream.ready(Interest::Writable), stream));
        }
        let (ready, stream) = connecting.as_mut().expect("set above");
        yield_from!(*ready, with)?;
        match stream.source.take_error()? {
            None => Ok(Complete(stream.clone())),
            Some(error) => Err(error.into()),
        }
    })
}
// ANCHOR_END: connect

/// Takes in the next connection.
pub fn accept(listener: &Listener) -> Coroutine<(TcpStream, SocketAddr)> {
    attempt(listener, Interest::Readable, TcpListener::accept)
}

// ANCHOR: read
/// Reads what is there, at most 16 KiB; nothing at the end of input.
pub fn read(stream: &Stream) -> Coroutine<Vec<u8>> {
    attempt(stream, Interest::Readable, |mut stream| {
        let mut buffer = [0; BUFFER];
        let n = stream.read(&mut buffer)?;
        Ok(buffer[..n].to_vec())
    })
}

/// Reads to the end of input.
pub fn read_all(stream: &Stream) -> Coroutine<Vec<u8>> {
    let stream = stream.clone();
    let mut response = Vec::new();
    let mut reading = read(&stream);
    Frame::new(move |mut with| {
        loop {
            let chunk = yield_from!(reading, with)?;
            if chunk.is_empty() {
                return Ok(Complete(std::mem::take(&mut response)));
            }
            response.extend(chunk);
            reading = read(&stream);
        }
    })
}
// ANCHOR_END: read

// ANCHOR: write
/// Writes what there is room for, and returns how much that was.
pub fn write(stream: &Stream, bytes: Rc<[u8]>) -> Coroutine<usize> {
    attempt(stream, Interest::Writable, move |mut stream| stream.write(&bytes))
}

/// Writes everything.
pub fn write_all(stream: &Stream, mut bytes: Vec<u8>) -> Coroutine<()> {
    attempt(stream, Interest::Writable, move |mut stream| {
        while !bytes.is_empty() {
            let n = stream.write(&bytes)?;
            bytes.drain(..n);
        }
        Ok(())
    })
}
// ANCHOR_END: write

// ANCHOR: sleep
/// Waits for this long; for zero, until the others had their turn. In
/// asyncio: `sleep`.
pub fn sleep(event_loop: &EventLoop, duration: Duration) -> Coroutine<()> {
    if duration.is_zero() {
        let mut pause = Some(Yielded(None));
        return Frame::new(move |mut with| {
            with.sent()?;
            Ok(pause.take().unwrap_or(Complete(())))
        });
    }
    let timers = event_loop.clone();
    until(event_loop, move |f: Future<()>| {
        let timer = timers.call_later(duration, move || f.set_if_pending(()));
        Ok(move || timer.cancel())
    })
}
// ANCHOR_END: sleep

// ANCHOR: repeat
/// Runs what `f` returns, again and again, until that raises. In Python:
/// `while True: yield from f()`.
pub fn repeat(mut f: impl FnMut() -> Coroutine<()> + 'static) -> Coroutine<()> {
    let mut now = None;
    Frame::new(move |mut with| {
        loop {
            yield_from!(*now.get_or_insert_with(&mut f), with)?;
            now = None;
        }
    })
}
// ANCHOR_END: repeat

// ANCHOR: wait_for
/// Runs `coroutine` as a task of its own, for at most this long; then the
/// task is closed. In asyncio: `wait_for`, which cancels the task and waits
/// until it has ended.
///
/// # Errors
///
/// What `coroutine` raises; `TimeoutError`.
pub fn wait_for<T: Clone + 'static>(
    event_loop: &EventLoop,
    coroutine: Coroutine<T>,
    limit: Duration,
) -> Coroutine<T> {
    let task = Task::new(event_loop, coroutine);
    let (timers, running) = (event_loop.clone(), task.clone());
    let mut done_or_over = until(event_loop, move |future| {
        let done = future.clone();
        running.add_done_callback(move |_| done.set_if_pending(()));
        let timer = timers.call_later(limit, move || future.set_if_pending(()));
        Ok(move || {
            timer.cancel();
            let _ = running.result(); // nobody else will look at it
        })
    });
    Frame::new(move |mut with| {
        let over = yield_from!(done_or_over, with);
        match task.done() {
            true => task.result().map(Complete),
            false => Err(over.err().unwrap_or(Exception::TimeoutError)),
        }
    })
}
// ANCHOR_END: wait_for

// ANCHOR: gather
/// Runs all coroutines at once, each as a task, and returns their results in
/// the order given. In asyncio: `gather`; but here the tasks that are left
/// when one fails, or when this is cancelled, are closed.
///
/// # Errors
///
/// What the first of them that fails raises.
pub fn gather<T: Clone + 'static>(
    event_loop: &EventLoop,
    coroutines: Vec<Coroutine<T>>,
) -> Coroutine<Vec<T>> {
    let spawn = |coroutine| Task::new(event_loop, coroutine);
    let tasks: Vec<_> = coroutines.into_iter().map(spawn).collect();
    let mut done = Future::new(event_loop);
    let left = Rc::new(Cell::new(tasks.len()));
    for task in &tasks {
        let (left, done) = (left.clone(), done.clone());
        task.add_done_callback(move |task| {
            left.set(left.get() - 1);
            match task.result() {
                // The first one counts.
                Err(exception) => drop(done.set_exception(exception)),
                Ok(_) if left.get() == 0 => done.set_if_pending(()),
                Ok(_) => {}
            }
        });
    }
    Frame::new(move |mut with| {
        if !tasks.is_empty() {
            yield_from!(done, with)?;
        }
        let results: Result<_, _> = tasks.iter().map(|t| t.result()).collect();
        results.map(Complete)
    })
}
// ANCHOR_END: gather
