//! The interrupt: no more clients, no more input, but what is pending goes
//! out, within a time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use support::cli::Serve;
use support::{EchoOptions, EchoStats, Interrupt};

use super::help::{
    Buffers, Random, Server, connect, echo, expect_last, flood, upper_case,
};

/// As much as every stage reads at once.
const MESSAGE: usize = 16 * 1024;
/// The server gets a message whole, and has no room for the answer,
const SERVER: Buffers = Buffers { send: 1, receive: 256 * 1024 };
/// nor has the client.
const CLIENT: Buffers = Buffers { send: 256 * 1024, receive: 1 };
/// Much is on its way, and within bounds.
const WIDE: Buffers = Buffers { send: 256 * 1024, receive: 256 * 1024 };
/// Longer than the deadline of the tests: nothing waits for its end.
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(50);

/// Connections that are idle are closed, and what was done is counted.
pub fn idle_connections_are_closed(serve: Serve) {
    let server = narrow_server(serve, LONG);
    let mut clients: Vec<_> = (0..5).map(|_| server.client()).collect();
    let stats = server.stop();
    for client in &mut clients {
        expect_last(client, b"");
    }
    assert_eq!(stats, EchoStats { connections: 5, bytes: 25, peak: 5 });
}

/// A server without listeners waits for its interrupt like any other.
pub fn no_listeners_no_clients(serve: Serve) {
    let server = Server::start(serve, 0);
    assert_eq!(server.stop(), EchoStats::default());
}

/// Triggered before the start: nobody is served, not even who is waiting.
pub fn an_interrupted_server_does_not_begin(serve: Serve) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = connect(listener.local_addr().unwrap());
    client.write_all(b"hello").unwrap();
    let interrupt = Interrupt::new();
    interrupt.trigger();
    let options = EchoOptions { grace: LONG, ..Default::default() };
    let stats = serve(vec![listener], &options, &interrupt).unwrap();
    assert_eq!(stats, EchoStats::default());
    assert_no_answer(&mut client);
}

/// What the server had taken goes out, also to a client that begins to read
/// only after the interrupt; and then nothing is waited for.
pub fn pending_output_is_delivered(serve: Serve) {
    let server = narrow_server(serve, LONG);
    let bytes = Random(4).bytes(MESSAGE);
    let mut client = pending(server.addresses[0], &bytes);
    server.interrupt.trigger();
    expect_last(&mut client, &bytes);
    drop(client);
    let stats = server.wait();
    let expected = EchoStats { connections: 1, bytes: MESSAGE as u64, peak: 1 };
    assert_eq!(stats, expected);
}

/// So it is for a client that has sent more than the server has taken: what
/// comes is the beginning of the answer, and then an end in good order. To
/// close with unread input would reset the connection instead.
pub fn unread_input_does_not_spoil_pending_output(serve: Serve) {
    let server = narrow_server(serve, LONG);
    let mut other = server.client();
    let mut client = server.connect();
    let bytes = Random(11).bytes(10_000_000);
    let sent = flood(&mut client, &bytes, &mut other);
    assert!(sent < bytes.len(), "the server does not stop reading");
    let message = Random(12).bytes(MESSAGE);
    let mut first = pending(server.addresses[0], &message);
    server.interrupt.trigger();
    // The end of this one says that the server knows of the interrupt.
    expect_last(&mut first, &message);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    drop((first, client, other));
    assert_eq!(server.wait().connections, 3);
    assert!(answer.len() >= MESSAGE, "only {} bytes", answer.len());
    assert!(upper_case(&bytes[..sent]).starts_with(&answer), "other bytes");
}

/// And for one whose answer is written, but not yet all of its input read.
pub fn unread_input_does_not_spoil_earlier_output(serve: Serve) {
    let listener = WIDE.listener();
    let mut client = WIDE.connect(listener.local_addr().unwrap());
    // The client reads what is there after the interrupt and before the
    // server, whose hook is the second one, is woken by it. So the server has
    // room to write all that is pending, and then hears of the interrupt.
    let interrupt = Interrupt::new();
    let reader = client.try_clone().unwrap();
    let (sender, receiver) = mpsc::channel();
    interrupt.on_trigger(Box::new(move || {
        sender.send(read_what_is_there(&reader)).unwrap();
    }));
    let options = EchoOptions { grace: LONG, ..Default::default() };
    let listeners = vec![listener];
    let server = Server::watching(interrupt, listeners, serve, options);
    let mut other = server.client();
    let bytes = Random(5).bytes(10_000_000);
    let sent = flood(&mut client, &bytes, &mut other);
    assert!(sent < bytes.len(), "the server does not stop reading");
    // This takes its time, so that the server waits again when it is done.
    let expected = upper_case(&bytes[..sent]);
    server.interrupt.trigger();
    let mut answer = receiver.recv().unwrap();
    client.read_to_end(&mut answer).unwrap();
    drop((client, other));
    assert_eq!(server.wait().connections, 2);
    assert!(expected.starts_with(&answer), "other bytes");
}

/// What was answered before the interrupt arrives, also if the client sends
/// more after it: a close with unread input would be a reset, and take back
/// what is on its way.
pub fn late_input_does_not_spoil_earlier_output(serve: Serve) {
    // One port has buffers as usual: the server can write the answer at
    // once, and it waits in the kernel.
    let usual = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = EchoOptions { grace: LONG, ..Default::default() };
    let listeners = vec![usual, SERVER.listener()];
    let server = Server::on(listeners, serve, options);
    let bytes = Random(6).bytes(MESSAGE);
    let mut client = pending(server.addresses[0], &bytes);
    // Others have output pending and so keep the server going.
    let mut first = pending(server.addresses[1], &bytes);
    let mut other = pending(server.addresses[1], &bytes);
    server.interrupt.trigger();
    // The end of this one says that the server knows of the interrupt,
    expect_last(&mut first, &bytes);
    drop(first);
    client.write_all(b"more").unwrap();
    // and the end of this one that it has seen the above.
    expect_last(&mut other, &bytes);
    drop(other);
    expect_last(&mut client, &bytes);
    drop(client);
    assert_eq!(server.wait().bytes, 3 * MESSAGE as u64);
}

/// A client that never reads holds the server only for the grace time.
pub fn a_client_that_never_reads_is_given_up(serve: Serve) {
    let server = narrow_server(serve, SHORT);
    let client = pending(server.addresses[0], &Random(7).bytes(MESSAGE));
    let stats = server.stop();
    assert!(stats.bytes < MESSAGE as u64, "{stats:?}: it was not pending");
    drop(client);
}

/// Nor does one that reads everything and does not close.
pub fn a_client_that_never_closes_is_given_up(serve: Serve) {
    let server = narrow_server(serve, SHORT);
    let bytes = Random(8).bytes(MESSAGE);
    let mut client = pending(server.addresses[0], &bytes);
    server.interrupt.trigger();
    // Its end may be a reset if the grace time was too short for it.
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    assert!(answer == upper_case(&bytes[..answer.len()]), "other bytes");
    server.wait();
    drop(client);
}

/// No grace at all is allowed, and more than can be counted.
pub fn the_grace_may_be_nothing_or_endless(serve: Serve) {
    let bytes = Random(9).bytes(MESSAGE);
    let server = narrow_server(serve, Duration::ZERO);
    let client = pending(server.addresses[0], &bytes);
    server.stop();
    drop(client);
    let server = narrow_server(serve, Duration::MAX);
    let mut client = pending(server.addresses[0], &bytes);
    server.interrupt.trigger();
    expect_last(&mut client, &bytes);
    drop(client);
    assert_eq!(server.wait().bytes, MESSAGE as u64);
}

/// While pending output goes out nobody else is served, new or old.
pub fn nobody_is_served_after_the_interrupt(serve: Serve) {
    let server = narrow_server(serve, LONG);
    let bytes = Random(10).bytes(MESSAGE);
    let mut idle = server.connect();
    echo(&mut idle, b"hello");
    let mut stuck = pending(server.addresses[0], &bytes);
    let mut first = pending(server.addresses[0], &bytes);
    server.interrupt.trigger();
    // The end of this one says that the server knows of the interrupt.
    expect_last(&mut first, &bytes);
    drop(first);
    let new = match TcpStream::connect(server.addresses[0]) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            None
        }
        // It is in a backlog that nobody empties.
        Ok(mut new) => {
            let _ = new.write_all(b"anybody there?");
            Some(new)
        }
    };
    // The connection may be closed already, and this fail.
    let _ = idle.write_all(b"and me?");
    expect_last(&mut stuck, &bytes);
    drop(stuck);
    assert_no_answer(&mut idle);
    drop(idle);
    assert_eq!(server.wait().connections, 3);
    if let Some(mut new) = new {
        assert_no_answer(&mut new);
    }
}

/// Who waits for the limit to let him in is sent away.
pub fn who_waits_for_the_limit_is_not_served(serve: Serve) {
    let max_connections = Some(1);
    let options = EchoOptions { max_connections, ..Default::default() };
    let server = Server::with(serve, 2, options);
    let addresses = server.addresses.clone();
    let mut served = server.client();
    let waiting = addresses.into_iter().map(|address| {
        let mut client = connect(address);
        client.write_all(b"hello").unwrap();
        client
    });
    let waiting: Vec<_> = waiting.collect();
    echo(&mut served, b"hello again");
    assert_eq!(server.stop().connections, 1);
    for mut client in waiting {
        assert_no_answer(&mut client);
    }
}

/// Every connection and every byte is counted, and the peak is the highest
/// number at the same time, not in all.
pub fn the_figures_are_exact(serve: Serve) {
    let server = Server::start(serve, 2);
    let mut bytes = 0;
    for (round, clients) in [(1, 3), (2, 5), (3, 2)] {
        let message = Random(round).bytes(round as usize * 1000);
        let mut clients: Vec<_> =
            (0..clients).map(|n| connect(server.addresses[n % 2])).collect();
        for client in &mut clients {
            echo(client, &message);
            bytes += message.len() as u64;
        }
        for client in &mut clients {
            client.shutdown(Shutdown::Write).unwrap();
            expect_last(client, b"");
        }
    }
    let stats = server.stop();
    assert_eq!(stats, EchoStats { connections: 10, bytes, peak: 5 });
}

/// A server that has no room for answers.
fn narrow_server(serve: Serve, grace: Duration) -> Server {
    let options = EchoOptions { grace, ..Default::default() };
    Server::on(vec![SERVER.listener()], serve, options)
}

/// A client that has sent a message and not read the answer, of which the
/// first bytes are there: the server has taken the message.
fn pending(address: SocketAddr, message: &[u8]) -> TcpStream {
    let mut client = CLIENT.connect(address);
    client.write_all(message).unwrap();
    client.peek(&mut [0]).unwrap();
    client
}

fn read_what_is_there(mut client: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.set_nonblocking(true).unwrap();
    let error = client.read_to_end(&mut bytes).err();
    client.set_nonblocking(false).unwrap();
    let kind = error.map(|error| error.kind());
    assert!(matches!(kind, None | Some(ErrorKind::WouldBlock)), "{kind:?}");
    bytes
}

/// The connection ends, in good order or not, and no byte has come.
#[track_caller]
fn assert_no_answer(client: &mut TcpStream) {
    match client.read(&mut [0]) {
        Ok(n) => assert_eq!(n, 0, "it has an answer"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}
