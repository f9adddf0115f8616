//! The echo server: a task that accepts for each listener, and a task for
//! each connection. Read stage 3's `echo.rs` first: cancellation was thrown
//! into a connection, which caught it; here a connection waits for its input
//! and for the end of the server at the same time.

use std::fmt::Display;
use std::net::Shutdown;
use std::pin::pin;

use support::net::{aborted, would_block};
use support::{EchoOptions, EchoStats, Interrupt};

use crate::net::{TcpListener, TcpStream};
use crate::sync::Event;
use crate::{self as aio, *};

/// The most bytes read at once.
const BUFFER: usize = 64 * 1024;
/// How long to accept nothing when the system has no descriptor left, and no
/// connection closes.
const PAUSE: Duration = Duration::from_millis(100);

// ANCHOR: serve
/// Answers every byte on every connection with its ASCII upper case, until
/// `interrupt` is triggered; then lets pending output go out for at most
/// [`EchoOptions::grace`].
///
/// # Errors
///
/// Those of the event loop and the listeners. What goes wrong with one
/// connection ends that connection alone.
pub fn serve(
    listeners: Vec<std::net::TcpListener>,
    options: &EchoOptions,
    interrupt: &Interrupt,
) -> io::Result<EchoStats> {
    let event_loop = EventLoop::with_trace(options.trace.clone())?;
    let options = options.clone();
    let server = Rc::new(Server { options, ..Server::default() });
    let _closed = defer(|| event_loop.close());
    event_loop.run_until_complete(server.run(listeners, interrupt))?;
    Ok(*server.stats.borrow())
}

/// What all connections share.
#[derive(Default)]
struct Server {
    options: EchoOptions,
    /// Set when the server is to end.
    closing: Event,
    /// Set when one of these numbers has changed.
    changed: Event,
    /// How many connections there are,
    open: Cell<usize>,
    /// and at the end, how many of them have nothing to finish.
    quiet: Cell<usize>,
    stats: RefCell<EchoStats>,
}
// ANCHOR_END: serve

impl Server {
    // ANCHOR: run
    async fn run(
        self: &Rc<Self>,
        listeners: Vec<std::net::TcpListener>,
        interrupt: &Interrupt,
    ) -> io::Result<()> {
        let mut accepting = Vec::new();
        for listener in listeners {
            let listener = TcpListener::from_std(listener)?;
            accepting.push(aio::create_task(self.clone().accept(listener)));
        }
        aio::signal::triggered(interrupt).await;

        // Accept nothing any more, answer nothing any more.
        accepting.iter().for_each(|listener| _ = listener.cancel());
        self.closing.set();
        aio::yield_now().await; // all connections hear of it first
        let finished = self.until(|s| s.quiet.get() == s.open.get());
        let _ = aio::wait_for(finished, self.options.grace).await; // or never
        Ok(())
    }
    // ANCHOR_END: run

    // ANCHOR: accept
    /// Takes in connections, each into a task of its own.
    async fn accept(self: Rc<Self>, listener: TcpListener) {
        let most = self.options.max_connections.unwrap_or(usize::MAX);
        let is_full = |server: &Server| server.open.get() >= most;
        loop {
            // Another listener may fill the server while this one waits.
            let full = async {
                self.until(is_full).await;
                None
            };
            let next = async { Some(listener.accept().await) };
            match aio::race(full, next).await {
                Some(Ok((stream, peer))) => {
                    let accepted = format_args!("accepted from {peer}");
                    self.note(stream.key(), &accepted);
                    let client = Client::new(self.clone(), stream);
                    aio::create_task(client.answer());
                }
                // Somebody has given up already.
                Some(Err(error)) if aborted(&error) => {}
                // The system has no descriptor or no memory left. It may
                // have some later.
                Some(Err(error)) => {
                    let why = format_args!("paused, {error}");
                    self.note(listener.key(), &why);
                    let open = self.open.get();
                    let closed = self.until(|s| s.open.get() < open);
                    aio::race(closed, aio::sleep(PAUSE)).await;
                }
                None => {
                    self.note(listener.key(), &"paused, enough connections");
                    self.until(|s| !is_full(s)).await;
                }
            }
        }
    }
    // ANCHOR_END: accept

    // ANCHOR: until
    /// Waits until the numbers say so.
    async fn until(&self, condition: impl Fn(&Server) -> bool) {
        while !condition(self) {
            self.changed.clear();
            self.changed.wait().await;
        }
    }
    // ANCHOR_END: until

    fn count(&self, number: &Cell<usize>, change: isize) {
        number.set(number.get().wrapping_add_signed(change));
        self.changed.set();
    }

    fn note(&self, source: usize, state: &dyn Display) {
        self.options.trace.state(&format_args!("source {source}"), state);
    }
}

/// One connection.
struct Client {
    server: Rc<Server>,
    stream: TcpStream,
}

impl Client {
    fn new(server: Rc<Server>, stream: TcpStream) -> Client {
        server.count(&server.open, 1);
        let mut stats = server.stats.borrow_mut();
        stats.connections += 1;
        stats.peak = stats.peak.max(server.open.get());
        drop(stats);
        Client { server, stream }
    }

    // ANCHOR: answer
    /// Answers until the end of input or of the server. To close a socket
    /// with unread input would reset the connection, and with it what is
    /// still on its way to the client. So say that no more comes, and read
    /// to the end.
    async fn answer(self) {
        // A connection that breaks has ended, too.
        if self.echo().await.is_ok() && self.server.closing.is_set() {
            let _ = self.stream.shutdown(Shutdown::Write);
            let _ = self.read_to_end().await;
        }
    }

    /// Answers until the end of input or of the server.
    async fn echo(&self) -> io::Result<()> {
        let Client { server, stream } = self;
        let mut closing = pin!(async {
            server.closing.wait().await;
            Ok(Vec::new())
        });
        loop {
            // At the end of the server, input stays unread.
            let received = aio::race(closing.as_mut(), stream.recv(BUFFER));
            let mut bytes = received.await?;
            if bytes.is_empty() {
                return Ok(());
            }
            let count = format_args!("echoing {} bytes", bytes.len());
            server.note(stream.key(), &count);
            bytes.make_ascii_uppercase();
            // Until it is sent nothing more is read: the back-pressure.
            stream.send_all(&bytes).await?;
            server.stats.borrow_mut().bytes += bytes.len() as u64;
        }
    }
    // ANCHOR_END: answer

    // ANCHOR: read_to_end
    /// Reads and forgets. Until something comes, there is nothing to finish.
    async fn read_to_end(&self) -> io::Result<()> {
        let Client { server, stream } = self;
        let mut received = stream.try_recv(BUFFER);
        if received.as_ref().is_err_and(would_block) {
            server.count(&server.quiet, 1);
            let _quiet = defer(|| server.count(&server.quiet, -1));
            received = stream.recv(BUFFER).await;
        }
        while !received?.is_empty() {
            received = stream.recv(BUFFER).await;
        }
        Ok(())
    }
    // ANCHOR_END: read_to_end
}

impl Drop for Client {
    fn drop(&mut self) {
        self.server.note(self.stream.key(), &"closed");
        self.server.count(&self.server.open, -1);
    }
}
