//! Streams live longer than their loop, or are used where none runs: errors
//! and panics that say so, and nothing else.

use std::future::pending;
use std::io::{Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use aio::EventLoop;
use aio::net::{TcpListener as Listener, TcpStream as Stream};
use futures_io::{AsyncRead, AsyncWrite};
use stage4_async_await as aio;
use tests::deadline::within_deadline;
use tests::panics::message_of;
use tests::sockets::nobody_listens;

use crate::{once, once_for_nobody, pair, run};

/// A listener, and a connection with its other end, of a loop that is closed.
fn left_over() -> (Listener, Stream, std::net::TcpStream) {
    let event_loop = EventLoop::new().unwrap();
    let (listener, (stream, peer)) = event_loop.run_until_complete(async {
        (Listener::bind("127.0.0.1:0").unwrap(), pair())
    });
    event_loop.close();
    (listener, stream, peer)
}

#[track_caller]
fn assert_closed<T>(result: Result<T, std::io::Error>) {
    match result {
        Ok(_) => panic!("it succeeds"),
        Err(error) => {
            assert!(error.to_string().contains("closed"), "{error}");
        }
    }
}

#[test]
fn a_stream_of_a_closed_loop_says_so_on_another_loop() {
    within_deadline(|| {
        let (listener, stream, mut peer) = left_over();
        peer.write_all(b"hello").unwrap();
        aio::run(async {
            assert_closed(stream.recv(100).await);
            assert_closed(stream.send_all(b"hello").await);
            assert_closed(listener.accept().await);
        });
    });
}

#[test]
fn a_stream_of_a_closed_loop_says_so_where_no_loop_runs() {
    within_deadline(|| {
        let (listener, mut stream, _peer) = left_over();
        assert_closed(done(once_for_nobody(stream.recv(100))));
        assert_closed(done(once_for_nobody(stream.send_all(b"hello"))));
        assert_closed(done(once_for_nobody(listener.accept())));
        let mut cx = Context::from_waker(Waker::noop());
        let stream = &mut stream;
        let read = Pin::new(&mut *stream).poll_read(&mut cx, &mut [0]);
        assert_closed(done(read));
        let written = Pin::new(&mut *stream).poll_write(&mut cx, b"a");
        assert_closed(done(written));
    });
}

#[test]
fn what_needs_no_loop_works_after_it() {
    within_deadline(|| {
        let (listener, stream, mut peer) = left_over();
        assert_ne!(listener.local_addr().unwrap().port(), 0);
        let from = peer.local_addr().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), from);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        let _ = stream.try_recv(100); // no panic
    });
}

#[test]
fn to_drop_it_after_its_loop_is_harmless() {
    within_deadline(|| {
        let (listener, stream, mut peer) = left_over();
        let address = listener.local_addr().unwrap();
        drop((listener, stream));
        assert_eq!(peer.read(&mut [0]).unwrap(), 0, "it is closed");
        assert!(std::net::TcpStream::connect(address).is_err());
    });
}

#[test]
fn to_drop_it_after_its_loop_does_no_harm_to_another_loop() {
    within_deadline(|| {
        let old = left_over();
        aio::run(async {
            // They may have the names that the old ones had.
            let pairs = [(); 3].map(|()| pair());
            drop(old);
            for (stream, mut peer) in pairs {
                peer.write_all(b"hello").unwrap();
                assert_eq!(stream.recv(100).await.unwrap(), b"hello");
            }
        });
    });
}

#[test]
fn a_wait_that_is_dropped_after_its_loop_is_harmless() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (stream, mut peer) =
            event_loop.run_until_complete(async { pair() });
        let mut recv = Box::pin(stream.recv(100));
        assert!(event_loop.run_until_complete(once(&mut recv)).is_pending());
        event_loop.close();
        peer.write_all(b"hello").unwrap();
        assert_closed(done(once_for_nobody(recv.as_mut())));
        drop(recv);
        drop(stream);
    });
}

#[test]
fn a_task_that_waits_is_dropped_with_its_loop_and_the_stream_closed() {
    within_deadline(|| {
        let mut peer = aio::run(async {
            let (stream, peer) = pair();
            aio::create_task(async move { stream.recv(100).await });
            aio::yield_now().await;
            peer
        });
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn without_a_loop_there_is_no_stream() {
    let message = message_of(|| Listener::bind("127.0.0.1:0"));
    assert_eq!(message, "no event loop is running on this thread");
    let message = message_of(pair);
    assert_eq!(message, "no event loop is running on this thread");
    let connect = Stream::connect(nobody_listens());
    let message = message_of(|| once_for_nobody(connect));
    assert_eq!(message, "no event loop is running on this thread");
}

#[test]
fn a_loop_that_waits_for_a_socket_is_not_stuck() {
    within_deadline(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // With its last socket gone nothing can happen any more.
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let client = std::thread::spawn(move || {
            receiver.recv().unwrap();
            std::net::TcpStream::connect(address).unwrap()
        });
        let message = message_of(|| {
            aio::run(async {
                let listener = Listener::from_std(listener).unwrap();
                let mut accept = Box::pin(listener.accept());
                assert!(once(&mut accept).await.is_pending());
                sender.send(()).unwrap();
                accept.await.unwrap();
                // Nobody waits at this one.
                let _idle = pair();
                pending::<()>().await;
            })
        });
        client.join().unwrap();
        assert!(message.starts_with("nothing can ever happen"), "{message}");
    });
}

#[test]
fn where_a_task_waits_is_the_line_of_the_program() {
    run(async || {
        let (stream, _peer) = pair();
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let stream = Rc::new(stream);
        let reads = stream.clone();
        let _tasks = [
            aio::create_task(async move { drop(reads.recv(1).await) }),
            aio::create_task(async move {
                drop(stream.send_all(&vec![0; crate::MUCH]).await);
            }),
            aio::create_task(async move { drop(listener.accept().await) }),
        ];
        crate::let_it_wait().await;
        let places = aio::all_tasks();
        let places = places.iter().map(|task| task.waits_at().unwrap());
        let places: Vec<_> = places.map(|place| place.to_string()).collect();
        for (place, what) in places.iter().zip(["recv", "send_all", "accept"]) {
            let start = format!("{what} at {}:", file!());
            assert!(place.starts_with(&start), "{place}");
        }
        assert_eq!(places.len(), 3);
    });
}

fn done<T>(polled: Poll<T>) -> T {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}
