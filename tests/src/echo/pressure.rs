//! Clients that do not read, clients in crowds, and the limit to both.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread;

use support::EchoOptions;
use support::cli::Serve;

use super::help::{
    Buffers, Random, Server, connect, echo, expect, flood, reset,
};

/// Little is on the way between server and client.
const NARROW: Buffers = Buffers { send: 64 * 1024, receive: 64 * 1024 };
/// More than fits into the four buffers on the way of an echo, and into a
/// server with its memory in bounds.
const BOUND: usize = 2 * 1024 * 1024;

/// Whoever does not read is not read from: a server that went on would need
/// memory without bounds. Nothing is lost by it.
pub fn who_does_not_read_is_not_read_from(serve: Serve) {
    let server = narrow_server(serve);
    let mut other = server.client();
    let mut client = NARROW.connect(server.addresses[0]);
    let bytes = Random(2).bytes(10_000_000);
    let mut sent = 0;
    for _ in 0..3 {
        let more = flood(&mut client, &bytes[sent..], &mut other);
        assert!(more > 0, "the server does not read any more");
        assert!(more < BOUND, "{more} bytes went out and none came back");
        expect(&mut client, &bytes[sent..sent + more]);
        sent += more;
    }
}

/// Some are stuck, the others are served as ever, and so are those that were
/// stuck when they read again.
pub fn slow_readers_hold_nobody_up(serve: Serve) {
    let server = narrow_server(serve);
    let mut fast: Vec<_> = (0..3).map(|_| server.client()).collect();
    let mut slow: Vec<_> = (0..5)
        .map(|seed| {
            let client = NARROW.connect(server.addresses[0]);
            (client, Random(seed).bytes(BOUND))
        })
        .collect();
    for (client, bytes) in &mut slow {
        let sent = flood(client, bytes, &mut fast[0]);
        bytes.truncate(sent);
    }
    let message = Random(9).bytes(10_000);
    for _ in 0..50 {
        for client in &mut fast {
            echo(client, &message);
        }
        echo(&mut server.connect(), b"a new one");
    }
    for (mut client, bytes) in slow {
        expect(&mut client, &bytes);
        echo(&mut client, b"again");
    }
}

/// A client that breaks off while the server still has output for it.
pub fn a_reset_ends_pending_output(serve: Serve) {
    let server = narrow_server(serve);
    let mut other = server.client();
    let bytes = Random(3).bytes(BOUND);
    for _ in 0..10 {
        let mut client = NARROW.connect(server.addresses[0]);
        flood(&mut client, &bytes, &mut other);
        reset(client);
        echo(&mut other, b"still here");
    }
    let stats = server.stop();
    assert_eq!(stats.connections, 11);
}

/// A thousand connections at the same time, on two ports, each with an answer
/// of its own; fewer where the system does not allow as many descriptors.
pub fn a_crowd_is_served(serve: Serve) {
    let server = Server::start(serve, 2);
    let size = crowd();
    let mut clients: Vec<TcpStream> =
        (0..size).map(|n| connect(server.addresses[n % 2])).collect();
    for round in 0..2 {
        let name = |n| format!("client {n} in round {round}").into_bytes();
        for (n, client) in clients.iter_mut().enumerate() {
            client.write_all(&name(n)).unwrap();
        }
        for (n, client) in clients.iter_mut().enumerate() {
            expect(client, &name(n));
        }
    }
    let stats = server.stop();
    assert_eq!(stats.connections, size as u64);
    assert_eq!(stats.peak, size);
}

/// Beyond the limit a client waits until another one goes.
pub fn the_limit_holds_until_one_closes(serve: Serve) {
    one_leaves(serve, drop);
}

/// One that breaks off makes room as well.
pub fn the_limit_holds_until_one_resets(serve: Serve) {
    one_leaves(serve, reset);
}

/// The limit is one for all ports, and may be 1.
pub fn the_limit_is_for_all_listeners_together(serve: Serve) {
    let server = limited_server(serve, 3, 1);
    let addresses = server.addresses.clone();
    let mut served = connect(addresses[0]);
    echo(&mut served, b"first");
    let mut waiting = [connect(addresses[1]), connect(addresses[2])];
    for client in &mut waiting {
        client.write_all(b"next").unwrap();
        assert_unanswered(client, &mut served);
    }
    drop(served);
    // Which of the two is next is the server's choice; it leaves then.
    thread::scope(|scope| {
        for mut client in waiting {
            scope.spawn(move || expect(&mut client, b"next"));
        }
    });
    assert_eq!(server.stop().peak, 1);
}

/// However many come: all get their turn, and never more than allowed at once.
pub fn everybody_gets_a_turn_within_the_limit(serve: Serve) {
    let server = limited_server(serve, 2, 3);
    thread::scope(|scope| {
        for n in 0..40 {
            let address = server.addresses[n % 2];
            scope.spawn(move || {
                for turn in 0..5 {
                    let name = format!("client {n}, turn {turn}");
                    echo(&mut connect(address), name.as_bytes());
                }
            });
        }
    });
    let stats = server.stop();
    assert_eq!(stats.connections, 200);
    assert!(stats.peak <= 3, "{stats:?}");
}

/// One more than allowed comes; then one leaves.
fn one_leaves(serve: Serve, leave: fn(TcpStream)) {
    let server = limited_server(serve, 1, 3);
    let mut served: Vec<_> = (0..3).map(|_| server.client()).collect();
    for _ in 0..3 {
        let mut late = server.connect();
        late.write_all(b"late").unwrap();
        for client in &mut served {
            assert_unanswered(&late, client);
        }
        leave(served.remove(0));
        expect(&mut late, b"late");
        served.push(late);
    }
    let stats = server.stop();
    assert_eq!((stats.connections, stats.peak), (6, 3));
}

/// `client` has no answer, although `other` has had many in the meantime.
#[track_caller]
fn assert_unanswered(client: &TcpStream, other: &mut TcpStream) {
    for _ in 0..20 {
        echo(other, b"turn");
    }
    client.set_nonblocking(true).unwrap();
    let error = client.peek(&mut [0]).expect_err("it has an answer");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    client.set_nonblocking(false).unwrap();
}

fn narrow_server(serve: Serve) -> Server {
    let listeners = vec![NARROW.listener()];
    Server::on(listeners, serve, EchoOptions::default())
}

fn limited_server(serve: Serve, ports: usize, limit: usize) -> Server {
    let max_connections = Some(limit);
    let options = EchoOptions { max_connections, ..Default::default() };
    Server::with(serve, ports, options)
}

/// A thousand, if the process may have two descriptors for each and some for
/// other tests. Linux says in a file how many it may have.
fn crowd() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().next());
    let limit: usize = limit.and_then(|n| n.parse().ok()).unwrap_or(1024);
    (limit.saturating_sub(500) / 2).clamp(100, 1000)
}
