//! Stage 4's sockets: what its programs await. They are sockets of the
//! loopback; the other ends are blocking ones, on the same thread as long as
//! the system has room for what they send, else on a thread of their own.

mod busy;
mod connect;
mod ends;
mod fair;
mod polled;
#[cfg(unix)]
mod readers;
#[cfg(unix)]
mod readers_edges;
mod recv;
mod send;

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use stage4_async_await as aio;
use tests::deadline::within_deadline;

/// A time that is over soon. Nothing depends on what happens meanwhile.
const SHORT: Duration = Duration::from_millis(1);
/// More than the buffers of a connection hold.
const MUCH: usize = 10_000_000;

/// Runs `program` on a loop of its own.
fn run<T: Send + 'static>(
    program: impl AsyncFnOnce() -> T + Send + 'static,
) -> T {
    within_deadline(|| aio::run(program()))
}

/// Two ends of a connection.
fn pair() -> (aio::net::TcpStream, TcpStream) {
    let (stream, peer) = std_pair();
    (aio::net::TcpStream::from_std(stream).unwrap(), peer)
}

/// The same; several may hold the first one.
fn shared_pair() -> (Rc<aio::net::TcpStream>, TcpStream) {
    let (stream, peer) = pair();
    (Rc::new(stream), peer)
}

fn std_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_nodelay(true).unwrap();
    let (stream, _) = listener.accept().unwrap();
    (stream, peer)
}

/// Gives the loop time to do what it can, and to ask the selector: it waits
/// for this timer.
async fn let_it_wait() {
    aio::sleep(SHORT).await;
}

/// A task that receives, and waits by now.
async fn receiving(
    stream: &Rc<aio::net::TcpStream>,
) -> aio::Task<io::Result<Vec<u8>>> {
    let stream = stream.clone();
    let task = aio::create_task(async move { stream.recv(100).await });
    let_it_wait().await;
    task
}

/// Reads to the end, in a thread that begins at once. The future gives what
/// it has read.
fn read_to_end(mut peer: TcpStream) -> impl Future<Output = Vec<u8>> {
    let reader = thread::spawn(move || {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        received
    });
    async { aio::to_thread(|| reader.join().unwrap()).await.unwrap() }
}

/// Polls `future` once, for whoever is running.
async fn once<F: std::future::Future + Unpin>(
    future: &mut F,
) -> Poll<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Polls `future` once, for nobody.
fn once_for_nobody<F: std::future::Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[track_caller]
fn assert_kind<T>(result: io::Result<T>, kinds: &[ErrorKind]) {
    match result {
        Ok(_) => panic!("it succeeds"),
        Err(error) => assert!(kinds.contains(&error.kind()), "{error:?}"),
    }
}

/// What a connection says that the other end has reset.
const BROKEN: [ErrorKind; 3] = [
    ErrorKind::ConnectionReset,
    ErrorKind::BrokenPipe,
    // Windows has a word of its own.
    ErrorKind::ConnectionAborted,
];
