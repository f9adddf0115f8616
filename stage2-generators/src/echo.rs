//! The echo server: the loop that accepts is a generator, and so is each
//! connection. Read stage 1's `echo.rs` first: here a `State` remembers what
//! a closure captured there.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Read, Write};
use std::mem;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use stage1_callbacks::{EventLoop, Interest, Key, Source};
use support::net::{aborted, interrupted, would_block};
use support::{EchoOptions, EchoStats, Interrupt};

use crate::GeneratorState::{Complete, Yielded};
use crate::{Future, Generator, GeneratorState, Resume, Task};

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
    server.resume(); // paused listeners hold the server that holds them
    result.map(|()| *server.stats.borrow())
}

// ANCHOR: server
/// What all connections share.
struct Server {
    event_loop: EventLoop,
    max_connections: usize,
    /// What listeners wait for that accept nothing until a connection closes.
    paused: RefCell<Vec<Future<()>>>,
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
        for listener in listeners {
            let listener = self.event_loop.add_source(listener)?;
            let (server, state) = (self.clone(), Accepting::Start);
            Task::new(Listener { server, listener, state }).start(|()| {});
        }
        let remote = self.event_loop.remote();
        interrupt.on_trigger(Box::new(move || remote.wake()));
        while !interrupt.is_triggered() {
            self.event_loop.run_once()?;
        }

        // Accept nothing any more. Have everybody look at `closing`.
        self.closing.set(true);
        self.resume();
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

    fn connected(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        // A stream that the loop cannot take in is closed by its drop.
        let Ok(stream) = self.event_loop.add_source(stream) else { return };
        self.note(stream.key(), &format_args!("accepted from {peer}"));
        self.open.set(self.open.get() + 1);
        let mut stats = self.stats.borrow_mut();
        stats.connections += 1;
        stats.peak = stats.peak.max(self.open.get());
        drop(stats);
        let (server, state) = (self.clone(), State::Start);
        let connection = Connection { server, stream, state, busy: None };
        Task::new(connection).start(|()| {});
    }

    // ANCHOR: ready
    /// Becomes done when the source is ready.
    fn ready(&self, key: Key, interest: Interest) -> Future<()> {
        let future = Future::new();
        let ready = future.clone();
        let callback = move || ready.set_if_pending(());
        // If this fails, nobody will set the future: it is dropped, and with
        // it whoever it was to wake.
        let _ = self.event_loop.register(key, interest, callback);
        future
    }
    // ANCHOR_END: ready

    fn note(&self, source: Key, state: &dyn fmt::Display) {
        let machine = format_args!("source {}", source.0);
        self.event_loop.trace().state(&machine, state);
    }

    fn resume(&self) {
        for paused in self.paused.take() {
            paused.set_if_pending(());
        }
    }
}

type Step = GeneratorState<Future<()>, ()>;

// ANCHOR: listener
/// Takes in the clients of one listener.
struct Listener {
    server: Rc<Server>,
    listener: Source<TcpListener>,
    state: Accepting,
}

/// Where a listener stands. After an interrupt it ends.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Waiting` |
/// | `Waiting` | `()`: someone is there | `Waiting`, `Paused`; done |
/// | `Paused` | `()`: try again | `Waiting`; done |
#[derive(Debug)]
enum Accepting {
    Start,
    Waiting,
    Paused,
    Done,
}
// ANCHOR_END: listener

impl Generator for Listener {
    type Yield = Future<()>;
    type Sent = ();
    type Return = ();

    fn resume(&mut self, with: Resume<()>) -> Step {
        use Accepting::{Done, Paused, Start, Waiting};
        let closing = self.server.closing.get();
        match (mem::replace(&mut self.state, Done), with) {
            (Start, Resume::Next) => self.wait(),
            (Waiting | Paused, Resume::Send(())) if closing => Complete(()),
            (Waiting, Resume::Send(())) => self.accept(),
            (Paused, Resume::Send(())) => self.wait(),
            (state, with) => {
                panic!("a listener in {state:?} got {with:?}")
            }
        }
    }
}

impl Listener {
    // ANCHOR: accept
    /// Takes in the connections that are there.
    fn accept(&mut self) -> Step {
        for _ in 0..BATCH {
            if self.server.open.get() >= self.server.max_connections {
                return self.pause(&"enough connections");
            }
            match self.listener.accept() {
                Ok((stream, peer)) => self.server.connected(stream, peer),
                // Nobody else is there.
                Err(error) if would_block(&error) => break,
                // A signal came, or somebody has given up already.
                Err(error) if interrupted(&error) || aborted(&error) => {}
                // The system has no descriptor or no memory left. It may
                // have some when a connection closes, ours or another's.
                Err(error) => {
                    let server = self.server.clone();
                    let resume = move || server.resume();
                    self.server.event_loop.call_later(PAUSE, resume);
                    return self.pause(&error);
                }
            }
        }
        self.wait()
    }
    // ANCHOR_END: accept

    fn wait(&mut self) -> Step {
        self.state = Accepting::Waiting;
        Yielded(self.server.ready(self.listener.key(), Interest::Readable))
    }

    fn pause(&mut self, why: &dyn fmt::Display) -> Step {
        self.server.note(self.listener.key(), &format_args!("paused, {why}"));
        let future = Future::new();
        self.server.paused.borrow_mut().push(future.clone());
        self.state = Accepting::Paused;
        Yielded(future)
    }
}

// ANCHOR: connection
/// One client. To drop it is to close it.
struct Connection {
    server: Rc<Server>,
    stream: Source<TcpStream>,
    state: State,
    /// While output is pending; after an interrupt, while input comes.
    busy: Option<Rc<()>>,
}

/// Where a connection stands: what it waits for, and what it needs then.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Reading` |
/// | `Reading` | `()`: readable | `Reading`, `Writing`, `Lingering`; done |
/// | `Writing` | `()`: writable | `Reading`, `Writing`, `Lingering`; done |
/// | `Lingering` | `()`: readable | `Lingering`; done |
///
/// After an interrupt `Lingering` takes the place of `Reading`.
#[derive(Debug)]
enum State {
    Start,
    Reading,
    /// What is pending.
    Writing(Vec<u8>),
    Lingering,
    Done,
}
// ANCHOR_END: connection

impl Generator for Connection {
    type Yield = Future<()>;
    type Sent = ();
    type Return = ();

    fn resume(&mut self, with: Resume<()>) -> Step {
        use State::{Done, Lingering, Reading, Start, Writing};
        match (mem::replace(&mut self.state, Done), with) {
            (Start, Resume::Next) => self.wait(Interest::Readable, Reading),
            (Reading, Resume::Send(())) => self.read(),
            (Writing(pending), Resume::Send(())) => self.write(&pending),
            (Lingering, Resume::Send(())) => self.linger(),
            (state, with) => panic!("a client in {state:?} got {with:?}"),
        }
    }
}

impl Connection {
    // ANCHOR: read
    /// Reads what is there and answers it.
    fn read(&mut self) -> Step {
        if self.server.closing.get() {
            return self.linger();
        }
        let mut buffer = [0; BUFFER];
        match (&*self.stream).read(&mut buffer) {
            // The end of input; nothing is pending.
            Ok(0) => Complete(()),
            Ok(n) => {
                buffer[..n].make_ascii_uppercase();
                let key = self.stream.key();
                self.server.note(key, &format_args!("echoing {n} bytes"));
                self.write(&buffer[..n])
            }
            Err(error) if would_block(&error) || interrupted(&error) => {
                self.wait(Interest::Readable, State::Reading)
            }
            // The client has reset the connection.
            Err(_) => Complete(()),
        }
    }
    // ANCHOR_END: read

    // ANCHOR: write
    /// Writes as much of `pending` as the client has room for. Until the
    /// rest is written nothing more is read: that is the back-pressure.
    fn write(&mut self, pending: &[u8]) -> Step {
        let written = match (&*self.stream).write(pending) {
            Ok(n) => n,
            Err(error) if would_block(&error) || interrupted(&error) => 0,
            // The client is gone.
            Err(_) => return Complete(()),
        };
        self.server.stats.borrow_mut().bytes += written as u64;
        if written < pending.len() {
            let pending = pending[written..].to_vec();
            self.busy = Some(self.server.busy.clone());
            self.wait(Interest::Writable, State::Writing(pending))
        } else if self.server.closing.get() {
            self.linger()
        } else {
            self.busy = None;
            self.wait(Interest::Readable, State::Reading)
        }
    }
    // ANCHOR_END: write

    // ANCHOR: linger
    /// Closes in a way that loses nothing: to close a socket with unread
    /// input would reset the connection, and with it what is still on its
    /// way to the client. So say that no more comes, and read to the end.
    fn linger(&mut self) -> Step {
        let _ = self.stream.shutdown(Shutdown::Write); // once is enough
        match (&*self.stream).read(&mut [0; BUFFER]) {
            Ok(0) => return Complete(()),
            Ok(_) => self.busy = Some(self.server.busy.clone()),
            Err(error) if would_block(&error) || interrupted(&error) => {}
            Err(_) => return Complete(()),
        }
        self.wait(Interest::Readable, State::Lingering)
    }
    // ANCHOR_END: linger

    // ANCHOR: wait
    /// Pauses in `state` until the stream is ready.
    fn wait(&mut self, interest: Interest, state: State) -> Step {
        self.state = state;
        Yielded(self.server.ready(self.stream.key(), interest))
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeSet;

    use Resume::{Next, Send};

    use super::*;
    use crate::tests::{DEADLINE, Transition, message_of, pair, table};

    #[test]
    fn a_listener_takes_only_what_it_waits_for() {
        use Accepting::{Done, Paused, Start, Waiting};
        let mut bench = Bench::new();
        for (state, with) in [
            (Start, Send(())),
            (Waiting, Next),
            (Paused, Next),
            (Done, Next),
            (Done, Send(())),
        ] {
            let expected = format!("a listener in {state:?} got {with:?}");
            let mut listener = bench.listener(state);
            let message = message_of(|| bench.step(&mut listener, with));
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn a_connection_takes_only_what_it_waits_for() {
        use State::{Done, Lingering, Reading, Start, Writing};
        let mut bench = Bench::new();
        for (state, with) in [
            (Start, Send(())),
            (Reading, Next),
            (Writing(b"x".to_vec()), Next),
            (Lingering, Next),
            (Done, Next),
            (Done, Send(())),
        ] {
            let expected = format!("a client in {state:?} got {with:?}");
            let mut connection = bench.connection(pair().0, state);
            let message = message_of(|| bench.step(&mut connection, with));
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn the_listeners_table_has_each_transition_and_no_other() {
        use Accepting::{Paused, Start, Waiting};
        let mut bench = Bench::new();
        let mut listener = bench.listener(Start);
        let _ = bench.step(&mut listener, Next);
        // Nobody is there; then there are enough; then there is room.
        let _ = bench.step(&mut listener, Send(()));
        bench.server.open.set(1);
        let _ = bench.step(&mut listener, Send(()));
        let _ = bench.step(&mut listener, Send(()));
        bench.server.closing.set(true);
        for state in [Waiting, Paused] {
            bench.run(&mut bench.listener(state));
        }
        let source = include_str!("echo.rs");
        assert_eq!(bench.seen, table(source, "Accepting"));
    }

    #[test]
    fn the_connections_table_has_each_transition_and_no_other() {
        use State::{Lingering, Reading, Start, Writing};
        // More than the client has room for.
        let much = || Writing(vec![0; 16 * 1024 * 1024]);
        let mut bench = Bench::new();

        // Nothing is there to read; then there is no room for the answer.
        let (ours, mut client) = pair();
        let mut connection = bench.connection(ours, Start);
        let _ = bench.step(&mut connection, Next);
        let _ = bench.step(&mut connection, Send(()));
        while matches!(connection.state, Reading) {
            while (&*connection.stream).write(&[0; BUFFER]).is_ok() {}
            client.write_all(&[0; BUFFER]).unwrap();
            let _ = bench.step(&mut connection, Send(()));
        }
        // There is still none, and the client goes away.
        connection.state = much();
        let _ = bench.step(&mut connection, Send(()));
        drop(client);
        bench.run(&mut connection);
        // There is room, and then the end of the input.
        let (ours, client) = pair();
        let mut connection = bench.connection(ours, Writing(b"x".to_vec()));
        client.shutdown(Shutdown::Write).unwrap();
        bench.run(&mut connection);

        bench.server.closing.set(true);
        for state in [Reading, Writing(b"x".to_vec()), Lingering] {
            let (ours, client) = pair();
            let mut connection = bench.connection(ours, state);
            let _ = bench.step(&mut connection, Send(()));
            drop(client);
            bench.run(&mut connection);
        }
        assert_eq!(bench.seen, table(include_str!("echo.rs"), "State"));
    }

    #[test]
    fn a_client_that_cannot_be_waited_for_is_closed() {
        let bench = Bench::new();
        let (ours, mut client) = pair();
        bench.server.event_loop.close();
        bench.server.connected(ours, client.peer_addr().unwrap());
        assert_eq!(bench.server.open.get(), 0);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    /// Resumes listeners and connections and notes their transitions.
    struct Bench {
        server: Rc<Server>,
        seen: BTreeSet<Transition>,
    }

    trait Machine: Generator<Yield = Future<()>, Sent = (), Return = ()> {
        fn state(&self) -> String;
    }

    impl Machine for Listener {
        fn state(&self) -> String {
            format!("{:?}", self.state)
        }
    }

    impl Machine for Connection {
        fn state(&self) -> String {
            match &self.state {
                State::Writing(_) => "Writing".to_string(),
                other => format!("{other:?}"),
            }
        }
    }

    impl Bench {
        fn new() -> Bench {
            let event_loop = EventLoop::new().unwrap();
            event_loop.call_later(DEADLINE, || panic!("this hangs"));
            let server = Server {
                event_loop,
                max_connections: 1,
                paused: RefCell::default(),
                open: Cell::new(0),
                busy: Rc::new(()),
                closing: Cell::new(false),
                stats: RefCell::default(),
            };
            Bench { server: Rc::new(server), seen: BTreeSet::new() }
        }

        fn listener(&self, state: Accepting) -> Listener {
            let server = self.server.clone();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let listener = server.event_loop.add_source(listener).unwrap();
            Listener { server, listener, state }
        }

        fn connection(&self, stream: TcpStream, state: State) -> Connection {
            let server = self.server.clone();
            server.open.set(server.open.get() + 1);
            let stream = server.event_loop.add_source(stream).unwrap();
            Connection { server, stream, state, busy: None }
        }

        fn step(
            &mut self,
            machine: &mut impl Machine,
            with: Resume<()>,
        ) -> Step {
            let sent = if with == Next { "nothing" } else { "()" };
            let from = machine.state();
            let step = machine.resume(with);
            let to = machine.state().replace("Done", "done");
            self.seen.insert((from, sent.to_string(), to));
            step
        }

        /// Resumes whenever the loop finds it ready, until the end.
        fn run(&mut self, machine: &mut impl Machine) {
            while let Yielded(future) = self.step(machine, Send(())) {
                while !future.done() {
                    self.server.event_loop.run_once().unwrap();
                }
            }
        }
    }
}
