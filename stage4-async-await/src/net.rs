//! TCP. Read stage 3's `net.rs` first: each operation there registered its
//! socket anew. Here a socket is registered once, and the loop remembers what
//! it was ready for. In asyncio: `sock_recv`, `sock_sendall` and their kin.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};

use futures_io::{AsyncRead, AsyncWrite};
use mio::Interest;

use crate::source::{READ, Registered, WRITE};
use crate::*;

/// The most that is read at once, in bytes. A loop has one buffer of this
/// size, whatever the number of its sockets.
const SCRATCH: usize = 64 * 1024;

// ANCHOR: listener
/// Where connections come in.
///
/// ```
/// use stage4_async_await as aio;
///
/// # fn main() -> std::io::Result<()> {
/// let received = aio::run(async {
///     let listener = aio::net::TcpListener::bind("127.0.0.1:0")?;
///     let address = listener.local_addr()?;
///     let client = aio::net::TcpStream::connect(address).await?;
///     client.send_all(b"hello").await?;
///     let (server, _) = listener.accept().await?;
///     server.recv(1024).await
/// })?;
/// assert_eq!(received, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListener {
    io: Registered<mio::net::TcpListener>,
}

impl TcpListener {
    /// Listens on the first of the addresses that can be had, on the running
    /// loop. There is nothing to wait for; but to look up a name blocks.
    ///
    /// # Errors
    ///
    /// Those of the system: the address is in use, say.
    ///
    /// # Panics
    ///
    /// If no loop is running on this thread.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        TcpListener::from_std(std::net::TcpListener::bind(address)?)
    }

    /// Takes in a listener, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// If no loop is running on this thread.
    pub fn from_std(
        listener: std::net::TcpListener,
    ) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        let socket = mio::net::TcpListener::from_std(listener);
        let io = Registered::new(here(), socket, Interest::READABLE, false)?;
        Ok(TcpListener { io })
    }

    /// The next connection, and where it comes from. In asyncio:
    /// `sock_accept`.
    ///
    /// # Errors
    ///
    /// Those of the system; `ResourceBusy` if another task waits here.
    #[track_caller]
    pub fn accept(
        &self,
    ) -> impl std::future::Future<Output = io::Result<(TcpStream, SocketAddr)>>
    {
        self.io.operation(READ, Place::here(&"accept"), |io| {
            let (socket, peer) = io.socket.accept()?;
            let stream = TcpStream::new(io.event_loop.clone(), socket, true)?;
            Ok(Some((stream, peer)))
        })
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.socket.local_addr()
    }

    /// Its name in the trace of the loop.
    pub fn key(&self) -> usize {
        self.io.key
    }
}
// ANCHOR_END: listener

/// A connection. One task may wait to read, and one to write, at the same
/// time; another one gets an error.
#[derive(Debug)]
pub struct TcpStream {
    io: Registered<mio::net::TcpStream>,
}

impl TcpStream {
    fn new(
        event_loop: EventLoop,
        socket: mio::net::TcpStream,
        connected: bool,
    ) -> io::Result<TcpStream> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let io = Registered::new(event_loop, socket, interest, connected)?;
        Ok(TcpStream { io })
    }

    // ANCHOR: connect
    /// Connects to the first of the addresses that accepts, on the running
    /// loop. To look up a name blocks: use [`to_thread`].
    /// In asyncio: `sock_connect`.
    ///
    /// # Errors
    ///
    /// That of the last address.
    ///
    /// # Panics
    ///
    /// When polled, if no loop is running on this thread.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(
        address: A,
    ) -> impl std::future::Future<Output = io::Result<TcpStream>> + use<A> {
        let place = Place::here(&"connect");
        let addresses = address.to_socket_addrs();
        async move {
            let mut error = io::Error::other("there is no address");
            for address in addresses? {
                match connect_to(address, place).await {
                    Ok(stream) => return Ok(stream),
                    Err(failed) => error = failed,
                }
            }
            Err(error)
        }
    }
    // ANCHOR_END: connect

    /// Takes in a connection, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// If no loop is running on this thread.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        let socket = mio::net::TcpStream::from_std(stream);
        TcpStream::new(here(), socket, true)
    }

    // ANCHOR: recv
    /// Receives what is there, at most `max` bytes and at most 64 KiB;
    /// nothing at the end of input. While it waits it has no buffer. In
    /// asyncio: `sock_recv`.
    ///
    /// # Errors
    ///
    /// Those of the system; `ResourceBusy` if another task waits to read.
    #[track_caller]
    pub fn recv(
        &self,
        max: usize,
    ) -> impl std::future::Future<Output = io::Result<Vec<u8>>> {
        let place = Place::here(&"recv");
        let read = move |io: &_| read(io, max).map(Some);
        let mut recv = self.io.operation(READ, place, read);
        recv.at_once = max == 0;
        recv
    }

    /// Receives what is there now, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is there; those of the system.
    pub fn try_recv(&self, max: usize) -> io::Result<Vec<u8>> {
        read(&self.io, max)
    }

    /// Sends all of `bytes`. In asyncio: `sock_sendall`.
    ///
    /// # Errors
    ///
    /// Those of the system; some of the bytes may have been sent.
    /// `ResourceBusy` if another task waits to write.
    #[track_caller]
    pub fn send_all(
        &self,
        mut bytes: &[u8],
    ) -> impl std::future::Future<Output = io::Result<()>> {
        self.io.operation(WRITE, Place::here(&"send_all"), move |io| {
            if !bytes.is_empty() {
                let n = write(io, bytes)?;
                bytes = &bytes[n..];
            }
            Ok(bytes.is_empty().then_some(()))
        })
    }
    // ANCHOR_END: recv

    /// Ends one direction, or both. What was sent still arrives.
    ///
    /// # Errors
    ///
    /// Those of the system: it is not connected any more, say.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.socket.shutdown(how)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.socket.local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.socket.peer_addr()
    }

    /// Its name in the trace of the loop.
    pub fn key(&self) -> usize {
        self.io.key
    }
}

async fn connect_to(
    address: SocketAddr,
    place: Place,
) -> io::Result<TcpStream> {
    let socket = mio::net::TcpStream::connect(address)?;
    let stream = TcpStream::new(here(), socket, false)?;
    let made = stream
        .io
        .operation(WRITE, place, |io| io.socket.take_error().map(Some));
    made.await?.map_or(Ok(stream), Err)
}

fn read(
    io: &Registered<mio::net::TcpStream>,
    max: usize,
) -> io::Result<Vec<u8>> {
    if max == 0 {
        return Ok(Vec::new()); // also where the system would look first
    }
    let most = max.min(SCRATCH);
    let mut scratch = io.event_loop.inner.state.scratch.borrow_mut();
    scratch.resize(SCRATCH, 0);
    let n = (&io.socket).read(&mut scratch[..most])?;
    io.moved(READ, n, most);
    Ok(scratch[..n].to_vec())
}

fn write(
    io: &Registered<mio::net::TcpStream>,
    bytes: &[u8],
) -> io::Result<usize> {
    let n = (&io.socket).write(bytes)?;
    io.moved(WRITE, n, bytes.len());
    Ok(n)
}

// ANCHOR: async_read
impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_io(READ, cx, None, |io| {
            let n = (&io.socket).read(buffer)?;
            io.moved(READ, n, buffer.len());
            Ok(Some(n))
        })
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_io(WRITE, cx, None, |io| write(io, bytes).map(Some))
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // nothing is kept back
    }

    fn poll_close(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}
// ANCHOR_END: async_read
