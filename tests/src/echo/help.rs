//! What the echo server's tests share: a server to watch, and its clients.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use support::cli::Serve;
use support::{EchoOptions, EchoStats, Interrupt};

use crate::suite::SMALL_STACK;

/// A server on a thread of its own. Dropping it triggers its interrupt.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) interrupt: Interrupt,
    thread: Option<JoinHandle<io::Result<EchoStats>>>,
}

impl Server {
    /// A server that listens on so many ports.
    pub(crate) fn start(serve: Serve, ports: usize) -> Server {
        Server::with(serve, ports, EchoOptions::default())
    }

    pub(crate) fn with(
        serve: Serve,
        ports: usize,
        options: EchoOptions,
    ) -> Server {
        let bind = |_| TcpListener::bind("127.0.0.1:0").unwrap();
        Server::on((0..ports).map(bind).collect(), serve, options)
    }

    pub(crate) fn on(
        listeners: Vec<TcpListener>,
        serve: Serve,
        options: EchoOptions,
    ) -> Server {
        Server::watching(Interrupt::new(), listeners, serve, options)
    }

    pub(crate) fn watching(
        interrupt: Interrupt,
        listeners: Vec<TcpListener>,
        serve: Serve,
        options: EchoOptions,
    ) -> Server {
        let addresses =
            listeners.iter().map(|l| l.local_addr().unwrap()).collect();
        let switch = interrupt.clone();
        let serve = move || serve(listeners, &options, &switch);
        // A server needs no more stack than this.
        let thread = thread::Builder::new().stack_size(SMALL_STACK);
        let thread = Some(thread.spawn(serve).unwrap());
        Server { addresses, interrupt, thread }
    }

    /// A client that has a connection, accepted or not.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.addresses[0])
    }

    /// A client that is being served.
    pub(crate) fn client(&self) -> TcpStream {
        let mut client = self.connect();
        echo(&mut client, b"hello");
        client
    }

    /// Triggers the interrupt and waits for the end.
    pub(crate) fn stop(self) -> EchoStats {
        self.interrupt.trigger();
        self.wait()
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> EchoStats {
        let thread = self.thread.take().expect("nobody has waited");
        thread.join().expect("no panic").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.interrupt.trigger();
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap_or_else(|error| {
        panic!("{error}; file descriptors are enough with `ulimit -n 4096`")
    });
    client.set_nodelay(true).unwrap();
    client
}

/// Sends `bytes` and expects them back.
#[track_caller]
pub(crate) fn echo(client: &mut TcpStream, bytes: &[u8]) {
    client.write_all(bytes).unwrap();
    expect(client, bytes);
}

/// Expects the answer to `bytes` next.
#[track_caller]
pub(crate) fn expect(client: &mut TcpStream, bytes: &[u8]) {
    let mut answer = vec![0; bytes.len()];
    client.read_exact(&mut answer).unwrap();
    // No `assert_eq`: it would print it all.
    assert!(answer == upper_case(bytes), "other bytes came back");
}

/// Expects the answer to `bytes`, and then the end.
#[track_caller]
pub(crate) fn expect_last(client: &mut TcpStream, bytes: &[u8]) {
    expect(client, bytes);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

/// Said by hand, so that it does not share a mistake with a server.
pub(crate) fn upper_case(bytes: &[u8]) -> Vec<u8> {
    let upper = |byte: &u8| match byte {
        b'a'..=b'z' => byte - b'a' + b'A',
        _ => *byte,
    };
    bytes.iter().map(upper).collect()
}

/// Closes with a reset instead of an end.
pub(crate) fn reset(client: TcpStream) {
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
}

/// The sizes of a socket's buffers in the kernel, in bytes, which then do not
/// grow. Linux takes them twice, and has a least size of some KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffers {
    pub(crate) send: usize,
    pub(crate) receive: usize,
}

impl Buffers {
    /// A listener whose connections have these buffers.
    pub(crate) fn listener(self) -> TcpListener {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = self.socket();
        socket.bind(&any.into()).unwrap();
        socket.listen(128).unwrap();
        socket.into()
    }

    /// A client that has these buffers.
    pub(crate) fn connect(self, address: SocketAddr) -> TcpStream {
        let socket = self.socket();
        socket.connect(&address.into()).unwrap();
        socket.into()
    }

    fn socket(self) -> Socket {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_send_buffer_size(self.send).unwrap();
        socket.set_recv_buffer_size(self.receive).unwrap();
        socket
    }
}

/// Sends from `bytes` without reading, until nothing moves any more. Returns
/// how many went out.
///
/// That nothing moves is seen by `other`, a client of the same server: the
/// server turns its loop many times and takes nothing more.
#[track_caller]
pub(crate) fn flood(
    client: &mut TcpStream,
    bytes: &[u8],
    other: &mut TcpStream,
) -> usize {
    client.set_nonblocking(true).unwrap();
    let mut sent = 0;
    let mut turns = 0;
    while turns < 100 && sent < bytes.len() {
        match client.write(&bytes[sent..]) {
            Ok(n) => (sent, turns) = (sent + n, 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                echo(other, b"turn");
                turns += 1;
            }
            Err(error) => panic!("{error} after {sent} bytes"),
        }
    }
    client.set_nonblocking(false).unwrap();
    sent
}

/// A source of numbers that look random and are the same in each run:
/// splitmix64.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 1 to `most`.
    pub(crate) fn up_to(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize + 1
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
