//! One may wait to read, and one to write. Whoever comes second is told so:
//! neither loses its wake-up. Whoever stops waiting loses no data.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;

use aio::net::TcpListener as Listener;
use stage4_async_await as aio;
use tests::sockets::bytes;
use tests::stage4::LONG;

use crate::{
    MUCH, SHORT, assert_kind, let_it_wait, once, once_for_nobody, pair,
    read_to_end, receiving, run, shared_pair,
};

const BUSY: &[ErrorKind] = &[ErrorKind::ResourceBusy];

#[test]
fn a_second_reader_gets_an_error_and_the_first_its_data() {
    run(async || {
        let (stream, mut peer) = shared_pair();
        let task = receiving(&stream).await;
        assert_kind(stream.recv(100).await, BUSY);
        peer.write_all(b"hello").unwrap();
        // Its data are there, and it has not looked yet.
        assert_kind(stream.recv(100).await, BUSY);
        assert_eq!(task.await.unwrap().unwrap(), b"hello");
        // Then it is the second one's turn.
        peer.write_all(b"again").unwrap();
        assert_eq!(stream.recv(100).await.unwrap(), b"again");
    });
}

#[test]
fn the_second_reader_is_told_so_if_it_asks_in_another_task() {
    run(async || {
        let (stream, mut peer) = shared_pair();
        let tasks = [(); 3].map(|()| {
            let stream = stream.clone();
            aio::create_task(async move { stream.recv(100).await })
        });
        let_it_wait().await;
        peer.write_all(b"hello").unwrap();
        let [first, second, third] = tasks;
        assert_eq!(first.await.unwrap().unwrap(), b"hello");
        assert_kind(second.await.unwrap(), BUSY);
        assert_kind(third.await.unwrap(), BUSY);
    });
}

#[test]
fn a_second_writer_gets_an_error_and_the_first_sends_all() {
    run(async || {
        let (stream, peer) = shared_pair();
        let first = stream.clone();
        let task =
            aio::create_task(async move { first.send_all(&bytes(MUCH)).await });
        let_it_wait().await;
        assert_kind(stream.send_all(b"in between").await, BUSY);
        let reader = read_to_end(peer);
        task.await.unwrap().unwrap();
        stream.send_all(b"afterwards").await.unwrap();
        drop(stream);
        let received = reader.await;
        assert!(received.strip_suffix(b"afterwards") == Some(&bytes(MUCH)));
    });
}

#[test]
fn a_second_who_accepts_gets_an_error_and_the_first_its_client() {
    run(async || {
        let listener = Rc::new(Listener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let first = listener.clone();
        let task = aio::create_task(async move { first.accept().await });
        let_it_wait().await;
        assert_kind(listener.accept().await, BUSY);
        let client = TcpStream::connect(address).unwrap();
        let (_, peer) = task.await.unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let late = TcpStream::connect(address).unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, late.local_addr().unwrap());
    });
}

#[test]
fn a_reader_and_a_writer_do_not_disturb_each_other() {
    run(async || {
        let (stream, peer) = shared_pair();
        let (reads, writes) = (stream.clone(), stream.clone());
        let reader = aio::create_task(async move {
            let mut received = Vec::new();
            loop {
                let some = reads.recv(100_000).await.unwrap();
                if some.is_empty() {
                    return received;
                }
                received.extend(some);
            }
        });
        let writer = aio::create_task(async move {
            writes.send_all(&bytes(MUCH)).await.unwrap();
            writes.shutdown(std::net::Shutdown::Write).unwrap();
        });
        // Both wait: nothing has come, and nothing is taken.
        let_it_wait().await;
        assert!(!reader.done() && !writer.done());
        let echo = thread::spawn(move || {
            let (mut from, mut to) = (&peer, &peer);
            std::io::copy(&mut from, &mut to).unwrap()
        });
        writer.await.unwrap();
        assert!(reader.await.unwrap() == bytes(MUCH));
        echo.join().unwrap();
    });
}

#[test]
fn a_dropped_recv_leaves_its_place_and_its_data() {
    run(async || {
        let (stream, mut peer) = pair();
        for _ in 0..3 {
            let read = async { Some(stream.recv(100).await) };
            let gives_up = async {
                let_it_wait().await;
                None
            };
            assert!(aio::race(read, gives_up).await.is_none());
            let late = aio::wait_for(stream.recv(100), SHORT).await;
            assert!(late.is_err());
            // Polled by nobody that could be woken.
            assert!(once_for_nobody(stream.recv(100)).is_pending());
            peer.write_all(b"hello").unwrap();
            assert_eq!(stream.recv(100).await.unwrap(), b"hello");
        }
    });
}

#[test]
fn a_recv_that_is_dropped_when_data_are_there_leaves_them() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut first = Box::pin(stream.recv(100));
        assert!(once(&mut first).await.is_pending());
        peer.write_all(b"hello").unwrap();
        let_it_wait().await; // it is woken, and never polled again
        drop(first);
        assert_eq!(stream.recv(100).await.unwrap(), b"hello");
    });
}

#[test]
fn a_cancelled_task_leaves_its_place_and_its_data() {
    run(async || {
        let (stream, mut peer) = shared_pair();
        for data_first in [false, true] {
            let task = receiving(&stream).await;
            if data_first {
                peer.write_all(b"hello").unwrap();
            }
            assert!(task.cancel());
            assert!(task.await.is_err());
            if !data_first {
                peer.write_all(b"hello").unwrap();
            }
            assert_eq!(stream.recv(100).await.unwrap(), b"hello");
        }
    });
}

#[test]
fn a_dropped_accept_leaves_its_place_and_its_client() {
    run(async || {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for client_first in [false, true] {
            let mut first = Box::pin(listener.accept());
            assert!(once(&mut first).await.is_pending());
            let early = client_first.then(|| TcpStream::connect(address));
            let_it_wait().await;
            drop(first);
            let client = early.unwrap_or_else(|| TcpStream::connect(address));
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.unwrap().local_addr().unwrap());
        }
    });
}

#[test]
fn who_is_dropped_without_having_waited_frees_nobody_elses_place() {
    run(async || {
        let (stream, mut peer) = shared_pair();
        let task = receiving(&stream).await;
        drop(stream.recv(100)); // it was never polled
        assert_kind(stream.recv(100).await, BUSY);
        let refused = aio::wait_for(stream.recv(100), LONG).await;
        assert_kind(refused.unwrap(), BUSY);
        peer.write_all(b"hello").unwrap();
        assert_eq!(task.await.unwrap().unwrap(), b"hello");
    });
}

#[test]
fn who_waits_may_move_to_another_task() {
    run(async || {
        let (stream, mut peer) = pair();
        let stream: &aio::net::TcpStream = Box::leak(Box::new(stream));
        let mut recv = Box::pin(stream.recv(100));
        // It waits for this future first, and then for a task.
        assert!(once(&mut recv).await.is_pending());
        let task = aio::create_task(recv);
        let_it_wait().await;
        peer.write_all(b"hello").unwrap();
        assert_eq!(task.await.unwrap().unwrap(), b"hello");
    });
}
