//! The echo server: one task that accepts for each listener, and one task
//! for each connection. Read stage 2's `echo.rs` first: the interrupt was a
//! flag there; here it is a cancellation that a connection catches.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use stage1_callbacks::{EventLoop, Interest, Key};
use support::net::{aborted, interrupted, would_block};
use support::{EchoOptions, EchoStats, Interrupt};

use crate::GeneratorState::Complete;
use crate::*;

/// The most connections accepted before others get their turn.
const BATCH: usize = 64;
/// How long to accept nothing when the system has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers every byte on every connection with its ASCII upper case, until
/// `interrupt` is triggered; then lets pending output go out for at most
/// [`EchoOptions::grace`].
///
/// # Errors
///
/// Those of the event loop. What goes wrong with one connection ends that
/// connection alone.
pub fn serve(
    listeners: Vec<TcpListener>,
    options: &EchoOptions,
    interrupt: &Interrupt,
) -> io::Result<EchoStats> {
    let event_loop = EventLoop::with_trace(options.trace.clone())?;
    let server = Rc::new(Server {
        event_loop: event_loop.clone(),
        max_connections: options.max_connections.unwrap_or(usize::MAX),
        paused: RefCell::default(),
        busy: RefCell::default(),
        clients: RefCell::default(),
        stats: RefCell::default(),
    });
    let result = server.run(listeners, options.grace, interrupt);
    // They hold the server that holds them. Some may have broken just now.
    server.clients.take().values().for_each(|client| drop(client.result()));
    event_loop.close();
    result.map(|()| *server.stats.borrow())
}

// ANCHOR: server
/// What all connections share.
struct Server {
    event_loop: EventLoop,
    max_connections: usize,
    /// What listeners wait for that accept nothing until a connection closes.
    paused: RefCell<Vec<Future<()>>>,
    /// The connections that have something to finish: output is pending, or
    /// after an interrupt, input came.
    busy: RefCell<HashSet<Key>>,
    /// One task for each connection.
    clients: RefCell<HashMap<Key, Task<()>>>,
    stats: RefCell<EchoStats>,
}
// ANCHOR_END: server

impl Server {
    fn run(
        self: &Rc<Self>,
        listeners: Vec<TcpListener>,
        grace: Duration,
        interrupt: &Interrupt,
    ) -> io::Result<()> {
        let mut accepting = Vec::new();
        for listener in listeners {
            let listener = Socket::new(&self.event_loop, listener)?;
            let server = self.clone();
            let accept = repeat(move || server.accept(&listener));
            accepting.push(Task::new(&self.event_loop, accept));
        }
        let remote = self.event_loop.remote();
        interrupt.on_trigger(Box::new(move || remote.wake()));
        while !interrupt.is_triggered() {
            self.event_loop.run_once()?;
        }

        // Accept nothing any more, answer nothing any more.
        drop(accepting);
        for client in self.clients.borrow().values() {
            client.cancel();
        }
        self.event_loop.call_soon(|| {}); // so that this turn does not wait
        self.event_loop.run_once()?;
        let over = Rc::new(Cell::new(false));
        let end = over.clone();
        self.event_loop.call_later(grace, move || end.set(true));
        while !self.busy.borrow().is_empty() && !over.get() {
            self.event_loop.run_once()?;
        }
        Ok(())
    }

    // ANCHOR: accept
    /// Takes in the connections that are there; returns what to wait for.
    fn accept(self: &Rc<Self>, listener: &Listener) -> Coroutine<()> {
        let key = listener.source.key();
        for _ in 0..BATCH {
            if self.clients.borrow().len() >= self.max_connections {
                self.note(key, &"paused, enough connections");
                let server = self.clone();
                return until(&self.event_loop, move |closed| {
                    server.paused.borrow_mut().push(closed);
                    Ok(|| {})
                });
            }
            match listener.source.accept() {
                Ok((stream, peer)) => self.connected(stream, peer),
                // Nobody else is there.
                Err(error) if would_block(&error) => break,
                // A signal came, or somebody has given up already.
                Err(error) if interrupted(&error) || aborted(&error) => {}
                // The system has no descriptor or no memory left. It may
                // have some later.
                Err(error) => {
                    self.note(key, &format_args!("paused, {error}"));
                    return sleep(&self.event_loop, PAUSE);
                }
            }
        }
        listener.ready(Interest::Readable)
    }
    // ANCHOR_END: accept

    fn connected(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        // A stream that the loop cannot take in is closed by its drop.
        let Ok(stream) = Socket::new(&self.event_loop, stream) else { return };
        let key = stream.source.key();
        self.note(key, &format_args!("accepted from {peer}"));
        let client = Task::new(&self.event_loop, answer(self.clone(), stream));
        let server = self.clone();
        client.add_done_callback(move |ended| {
            let _ = ended.result(); // a broken connection has ended, too
            server.clients.borrow_mut().remove(&key);
            server.busy.borrow_mut().remove(&key);
            server.note(key, &"closed");
            let paused = server.paused.take();
            paused.iter().for_each(|listener| listener.set_if_pending(()));
        });
        let mut clients = self.clients.borrow_mut();
        clients.insert(key, client);
        let mut stats = self.stats.borrow_mut();
        stats.connections += 1;
        stats.peak = stats.peak.max(clients.len());
    }

    fn note(&self, source: Key, state: &dyn Display) {
        let machine = format_args!("source {}", source.0);
        self.event_loop.trace().state(&machine, state);
    }
}

// ANCHOR: answer
/// One client: answers until the end of input or until it is cancelled, then
/// closes in a way that loses nothing. To close a socket with unread input
/// would reset the connection, and with it what is still on its way to the
/// client. So say that no more comes, and read to the end.
fn answer(server: Rc<Server>, stream: Stream) -> Coroutine<()> {
    let mut echoing = Some(echo(server.clone(), stream.clone()));
    let mut lingering = read(&stream);
    Frame::new(move |mut with| {
        if let Some(echo) = &mut echoing {
            match yield_from!(*echo, with) {
                Ok(()) | Err(Exception::CancelledError) => echoing = None,
                Err(exception) => return Err(exception),
            }
            let _ = stream.source.shutdown(Shutdown::Write);
        }
        while !yield_from!(lingering, with)?.is_empty() {
            server.busy.borrow_mut().insert(stream.source.key());
            lingering = read(&stream);
        }
        Ok(Complete(()))
    })
}
// ANCHOR_END: answer

// ANCHOR: echo
/// What an open connection waits for.
enum State {
    Reading(Coroutine<Vec<u8>>),
    /// Room for these. Until they are written nothing more is read: that is
    /// the back-pressure.
    Writing(Rc<[u8]>, Coroutine<usize>),
}

/// Answers until the end of input. If this is cancelled, what is pending
/// still goes out.
fn echo(server: Rc<Server>, stream: Stream) -> Coroutine<()> {
    let mut state = State::Reading(read(&stream));
    let key = stream.source.key();
    let mut closing = false;
    Frame::new(move |mut with| {
        loop {
            let pending: Rc<[u8]> = match &mut state {
                State::Reading(bytes) => {
                    let mut bytes = yield_from!(*bytes, with)?;
                    if bytes.is_empty() {
                        return Ok(Complete(()));
                    }
                    let count = format_args!("echoing {} bytes", bytes.len());
                    server.note(key, &count);
                    bytes.make_ascii_uppercase();
                    bytes.into()
                }
                State::Writing(bytes, written) => {
                    match yield_from!(*written, with) {
                        Err(Exception::CancelledError) => {
                            closing = true;
                            bytes.clone()
                        }
                        written => {
                            let n = written?;
                            server.stats.borrow_mut().bytes += n as u64;
                            bytes[n..].into()
                        }
                    }
                }
            };
            state = if !pending.is_empty() {
                server.busy.borrow_mut().insert(key);
                State::Writing(pending.clone(), write(&stream, pending))
            } else {
                server.busy.borrow_mut().remove(&key);
                if closing {
                    return Ok(Complete(()));
                }
                State::Reading(read(&stream))
            };
        }
    })
}
// ANCHOR_END: echo
