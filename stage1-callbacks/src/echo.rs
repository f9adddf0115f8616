//! The echo server, one connection as two callbacks that take turns:
//! `read` while nothing is pending, `write` while something is.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use support::net::{aborted, interrupted, would_block};
use support::trace::Interest;
use support::{EchoOptions, EchoStats, Interrupt};

use crate::event_loop::{EventLoop, Source};
use crate::selector::Key;

/// The most bytes read at once; also the most that are pending for a
/// connection, because nothing is read while something is.
const BUFFER: usize = 16 * 1024;
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
        open: Cell::new(0),
        busy: Rc::new(()),
        closing: Cell::new(false),
        stats: RefCell::default(),
    });
    let result = server.run(listeners, options.grace, interrupt);
    event_loop.close();
    result.map(|()| *server.stats.borrow())
}

// ANCHOR: server
/// What all connections share.
struct Server {
    event_loop: EventLoop,
    max_connections: usize,
    /// Listeners that accept nothing until a connection closes.
    paused: RefCell<Vec<Source<TcpListener>>>,
    /// How many connections there are.
    open: Cell<usize>,
    /// A connection that has something to finish holds a clone.
    busy: Rc<()>,
    /// The interrupt has come: nothing is answered any more.
    closing: Cell<bool>,
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
        let mut keys = Vec::new();
        for listener in listeners {
            let listener = self.event_loop.add_source(listener)?;
            keys.push(listener.key());
            self.listen(listener);
        }
        let remote = self.event_loop.remote();
        interrupt.on_trigger(Box::new(move || remote.wake()));
        while !interrupt.is_triggered() {
            self.event_loop.run_once()?;
        }

        // Accept nothing any more: the listeners belong to their callbacks,
        // or are paused. Have every connection look at `closing`.
        self.closing.set(true);
        self.paused.take();
        keys.into_iter().for_each(|key| self.event_loop.unregister(key));
        self.event_loop.wake_all();
        self.event_loop.call_soon(|| {}); // so that this turn does not wait
        self.event_loop.run_once()?;
        let over = Rc::new(Cell::new(false));
        let end = over.clone();
        self.event_loop.call_later(grace, move || end.set(true));
        while Rc::strong_count(&self.busy) > 1 && !over.get() {
            self.event_loop.run_once()?;
        }
        Ok(())
    }

    /// Waits for the next connections.
    fn listen(self: &Rc<Self>, listener: Source<TcpListener>) {
        let server = self.clone();
        // A listener that cannot wait is dropped with the callback.
        let _ = self.event_loop.register(
            listener.key(),
            Interest::Readable,
            move || server.accept(listener),
        );
    }

    // ANCHOR: accept
    /// Takes in the connections that are there.
    fn accept(self: &Rc<Self>, listener: Source<TcpListener>) {
        for _ in 0..BATCH {
            if self.open.get() >= self.max_connections {
                return self.pause(listener, &"enough connections");
            }
            match listener.accept() {
                Ok((stream, peer)) => self.connected(stream, peer),
                // Nobody else is there.
                Err(error) if would_block(&error) => break,
                // A signal came, or somebody has given up already.
                Err(error) if interrupted(&error) || aborted(&error) => {}
                // The system has no descriptor or no memory left. It may
                // have some when a connection closes, ours or another's.
                Err(error) => {
                    let server = self.clone();
                    let resume = move || server.resume();
                    self.event_loop.call_later(PAUSE, resume);
                    return self.pause(listener, &error);
                }
            }
        }
        self.listen(listener);
    }
    // ANCHOR_END: accept

    fn connected(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        // A stream that the loop cannot take in is closed by its drop.
        let Ok(stream) = self.event_loop.add_source(stream) else { return };
        self.note(stream.key(), &format_args!("accepted from {peer}"));
        self.open.set(self.open.get() + 1);
        let mut stats = self.stats.borrow_mut();
        stats.connections += 1;
        stats.peak = stats.peak.max(self.open.get());
        drop(stats);
        let connection =
            Connection { server: self.clone(), stream, busy: None };
        connection.wait(Interest::Readable, Connection::read);
    }

    fn pause(&self, listener: Source<TcpListener>, why: &dyn fmt::Display) {
        self.note(listener.key(), &format_args!("paused, {why}"));
        self.paused.borrow_mut().push(listener);
    }

    fn note(&self, source: Key, state: &dyn fmt::Display) {
        let machine = format_args!("source {}", source.0);
        self.event_loop.trace().state(&machine, state);
    }

    fn resume(self: &Rc<Self>) {
        for listener in self.paused.take() {
            self.listen(listener);
        }
    }
}

// ANCHOR: connection
/// One client. To drop it is to close it.
///
/// It belongs to the callback that waits for it, so that it is always in
/// exactly one of these states:
///
/// | waits to | then | goes on to |
/// |---|---|---|
/// | `read` | answers what came | `read`, `write`; closed at the end of input |
/// | `write` | writes what is pending | `read`, `write` |
/// | `linger` | drops what comes | `linger`; closed at the end of input |
///
/// After an interrupt `linger` takes the place of `read`.
struct Connection {
    server: Rc<Server>,
    stream: Source<TcpStream>,
    /// While output is pending; after an interrupt, while input comes.
    busy: Option<Rc<()>>,
}
// ANCHOR_END: connection

impl Connection {
    // ANCHOR: read
    /// Reads what is there and answers it.
    fn read(self) {
        if self.server.closing.get() {
            return self.linger();
        }
        let (server, key) = (self.server.clone(), self.stream.key());
        let mut buffer = [0; BUFFER];
        match (&*self.stream).read(&mut buffer) {
            // The end of input; nothing is pending.
            Ok(0) => {}
            Ok(n) => {
                buffer[..n].make_ascii_uppercase();
                server.note(key, &format_args!("echoing {n} bytes"));
                self.write(&buffer[..n]);
            }
            Err(error) if would_block(&error) || interrupted(&error) => {
                self.wait(Interest::Readable, Connection::read);
            }
            // The client has reset the connection.
            Err(_) => {}
        }
    }
    // ANCHOR_END: read

    // ANCHOR: write
    /// Writes as much of `pending` as the client has room for. Until the
    /// rest is written nothing more is read: that is the back-pressure.
    fn write(mut self, pending: &[u8]) {
        let written = match (&*self.stream).write(pending) {
            Ok(n) => n,
            Err(error) if would_block(&error) || interrupted(&error) => 0,
            // The client is gone.
            Err(_) => return,
        };
        self.server.stats.borrow_mut().bytes += written as u64;
        if written < pending.len() {
            let rest = pending[written..].to_vec();
            self.busy = Some(self.server.busy.clone());
            self.wait(Interest::Writable, move |this| this.write(&rest));
        } else if self.server.closing.get() {
            self.linger();
        } else {
            self.busy = None;
            self.wait(Interest::Readable, Connection::read);
        }
    }
    // ANCHOR_END: write

    // ANCHOR: linger
    /// Closes in a way that loses nothing: to close a socket with unread
    /// input would reset the connection, and with it what is still on its
    /// way to the client. So say that no more comes, and read to the end.
    fn linger(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write); // once is enough
        match (&*self.stream).read(&mut [0; BUFFER]) {
            Ok(0) => return,
            Ok(_) => self.busy = Some(self.server.busy.clone()),
            Err(error) if would_block(&error) || interrupted(&error) => {}
            Err(_) => return,
        }
        self.wait(Interest::Readable, Connection::linger);
    }
    // ANCHOR_END: linger

    // ANCHOR: wait
    /// Has `next` called when the stream is ready. The closure here captures
    /// the whole suspended connection.
    fn wait(self, interest: Interest, next: impl FnOnce(Self) + 'static) {
        let event_loop = self.server.event_loop.clone();
        let key = self.stream.key();
        // If this fails, the callback is dropped, and the connection with it.
        let _ = event_loop.register(key, interest, move || next(self));
    }
    // ANCHOR_END: wait
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.note(self.stream.key(), &"closed");
        self.server.open.set(self.server.open.get() - 1);
        self.server.resume();
    }
}
