//! How a connection begins: listeners, and who connects to them.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use aio::net::TcpListener as Listener;
use aio::net::TcpStream as Stream;
use stage4_async_await as aio;
use tests::sockets::nobody_listens;

use crate::{SHORT, assert_kind, once, run};

#[test]
fn a_listener_accepts_who_connects_and_tells_from_where() {
    run(async || {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_ne!(address.port(), 0);
        let mut client = TcpStream::connect(address).unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), peer);
        assert_eq!(stream.local_addr().unwrap(), address);
        client.write_all(b"hello").unwrap();
        assert_eq!(stream.recv(100).await.unwrap(), b"hello");
    });
}

#[test]
fn accept_waits_for_somebody_while_others_run() {
    run(async || {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let task = aio::create_task(async move { listener.accept().await });
        for _ in 0..3 {
            aio::yield_now().await;
        }
        assert!(!task.done());
        let client = TcpStream::connect(address).unwrap();
        let (_, peer) = task.await.unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn who_is_there_already_is_accepted_in_order() {
    run(async || {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| TcpStream::connect(address).unwrap();
        let clients: Vec<_> = (0..10).map(connect).collect();
        for client in &clients {
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
        assert!(once(&mut Box::pin(listener.accept())).await.is_pending());
        // And it waits as before.
        let late = TcpStream::connect(address).unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, late.local_addr().unwrap());
    });
}

#[test]
fn a_listener_of_the_standard_library_is_taken_in() {
    let std = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = std.local_addr().unwrap();
    // This one waits, and a stranger has connected already.
    let client = TcpStream::connect(address).unwrap();
    run(async move || {
        let listener = Listener::from_std(std).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(once(&mut Box::pin(listener.accept())).await.is_pending());
    });
}

#[test]
fn a_port_in_use_is_an_error() {
    run(async || {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap();
        assert_kind(Listener::bind(taken), &[ErrorKind::AddrInUse]);
        // Of several addresses the first one that can be had is taken.
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&[taken, free][..]).unwrap();
        assert_ne!(listener.local_addr().unwrap(), taken);
    });
}

#[test]
fn a_dropped_listener_frees_its_port() {
    run(async || {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let refused = Stream::connect(address).await;
        assert_kind(refused, &[ErrorKind::ConnectionRefused]);
        Listener::bind(address).unwrap();
    });
}

#[test]
fn connect_gives_a_stream() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = Stream::connect(address).await.unwrap();
        let (mut peer, from) = listener.accept().unwrap();
        assert_eq!(stream.local_addr().unwrap(), from);
        assert_eq!(stream.peer_addr().unwrap(), address);
        stream.send_all(b"hi").await.unwrap();
        drop(stream);
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hi");
    });
}

#[test]
fn connect_begins_when_it_is_awaited() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        drop(Stream::connect(listener.local_addr().unwrap()));
        listener.set_nonblocking(true).unwrap();
        assert_kind(listener.accept(), &[ErrorKind::WouldBlock]);
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    run(async || {
        let refused = Stream::connect(nobody_listens()).await;
        assert_kind(refused, &[ErrorKind::ConnectionRefused]);
    });
}

#[test]
fn of_several_addresses_the_first_that_accepts_is_taken() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let nobody = nobody_listens();
        let addresses = [nobody, address, nobody];
        let stream = Stream::connect(&addresses[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    });
}

#[test]
fn if_no_address_accepts_the_error_is_that_of_the_last_one() {
    run(async || {
        let addresses = [nobody_listens(), nobody_listens()];
        let refused = Stream::connect(&addresses[..]).await;
        assert_kind(refused, &[ErrorKind::ConnectionRefused]);
        let nowhere: &[SocketAddr] = &[];
        assert!(Stream::connect(nowhere).await.is_err());
        // What is no address is an error when it is awaited, and no panic.
        let wrong = Stream::connect("no port").await;
        assert_kind(wrong, &[ErrorKind::InvalidInput]);
    });
}

/// Linux drops who comes when the backlog is full: neither accepted nor
/// refused, it tries again and again.
#[cfg(target_os = "linux")]
#[test]
fn in_front_of_a_full_backlog_connect_waits() {
    use socket2::{Domain, Socket, Type};

    run(async || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap(); // that is room for one
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let first = Stream::connect(address).await.unwrap();
        let waiting = aio::wait_for(Stream::connect(address), SHORT).await;
        assert!(waiting.is_err(), "it is still being made");
        // Nobody was accepted who has given up.
        drop(listener.accept().unwrap());
        assert_eq!(first.recv(1).await.unwrap(), b"");
        listener.set_nonblocking(true).unwrap();
        assert_kind(listener.accept(), &[ErrorKind::WouldBlock]);
    });
}

#[test]
fn a_connection_that_is_given_up_is_closed() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..3 {
            let mut connecting = Box::pin(Stream::connect(address));
            // Perhaps it is made at once.
            let _ = once(&mut connecting).await;
            drop(connecting);
            let (mut peer, _) = listener.accept().unwrap();
            assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn a_hundred_connect_at_the_same_time() {
    run(async || {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = aio::create_task(async move {
            let mut streams = Vec::new();
            for _ in 0..100 {
                let (stream, _) = listener.accept().await.unwrap();
                streams.push(stream);
            }
            for stream in streams {
                let text = stream.recv(100).await.unwrap();
                stream.send_all(&text).await.unwrap();
            }
        });
        let clients = (0..100).map(|number: u32| {
            aio::create_task(async move {
                let stream = Stream::connect(address).await.unwrap();
                let text = number.to_string();
                stream.send_all(text.as_bytes()).await.unwrap();
                let answer = stream.recv(100).await.unwrap();
                assert_eq!(answer, text.as_bytes());
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        accepting.await.unwrap();
    });
}
