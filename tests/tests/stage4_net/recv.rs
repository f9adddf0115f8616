//! Receiving: how much, how often, and what the end looks like.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::task::Poll;
use std::thread;

use stage4_async_await as aio;
use tests::sockets::{bytes, reset};

use crate::{
    BROKEN, assert_kind, let_it_wait, once, pair, receiving, run, shared_pair,
};

/// The most that one `recv` gives.
const MOST: usize = 64 * 1024;

#[test]
fn recv_waits_for_bytes() {
    run(async || {
        let (stream, mut peer) = pair();
        let task = aio::create_task(async move { stream.recv(100).await });
        let_it_wait().await;
        assert!(!task.done());
        peer.write_all(b"hello").unwrap();
        assert_eq!(task.await.unwrap().unwrap(), b"hello");
    });
}

#[test]
fn recv_gives_no_more_than_it_may_and_keeps_the_rest() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"abcdefgh").unwrap();
        assert_eq!(stream.recv(3).await.unwrap(), b"abc");
        assert_eq!(stream.recv(3).await.unwrap(), b"def");
        assert_eq!(stream.recv(3).await.unwrap(), b"gh");
    });
}

#[test]
fn after_exactly_as_many_as_it_may_recv_waits_for_more() {
    run(async || {
        let (stream, mut peer) = pair();
        for _ in 0..3 {
            peer.write_all(b"hello").unwrap();
            assert_eq!(stream.recv(5).await.unwrap(), b"hello");
            let mut more = Box::pin(stream.recv(5));
            assert!(once(&mut more).await.is_pending());
            peer.write_all(b"again").unwrap();
            assert_eq!(more.await.unwrap(), b"again");
        }
    });
}

#[test]
fn recv_of_at_most_nothing_takes_nothing() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"hello").unwrap();
        assert_eq!(stream.recv(0).await.unwrap(), b"");
        assert_eq!(stream.recv(5).await.unwrap(), b"hello");
    });
}

/// As in asyncio, where `sock_recv(sock, 0)` asks nobody.
#[test]
fn recv_of_at_most_nothing_waits_for_nothing() {
    run(async || {
        let (stream, mut peer) = pair();
        let Poll::Ready(nothing) = once(&mut Box::pin(stream.recv(0))).await
        else {
            panic!("it waits")
        };
        assert_eq!(nothing.unwrap(), b"");
        peer.write_all(b"hello").unwrap();
        assert_eq!(stream.recv(5).await.unwrap(), b"hello");
    });
}

#[test]
fn at_the_end_of_input_recv_gives_nothing_again_and_again() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"last").unwrap();
        drop(peer);
        assert_eq!(stream.recv(100).await.unwrap(), b"last");
        for _ in 0..3 {
            assert_eq!(stream.recv(100).await.unwrap(), b"");
        }
    });
}

/// They are one report of the selector, and there is no second one.
#[test]
fn data_and_the_end_that_come_together_are_both_received() {
    run(async || {
        for max in [100, 4, 3, 1] {
            let (stream, mut peer) = pair();
            peer.write_all(b"last").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            let mut received = Vec::new();
            loop {
                let some = stream.recv(max).await.unwrap();
                if some.is_empty() {
                    break;
                }
                received.extend(some);
            }
            assert_eq!(received, b"last");
            // The other direction is open.
            stream.send_all(b"answer").await.unwrap();
        }
    });
}

#[test]
fn the_end_that_comes_after_the_report_of_data_is_received() {
    run(async || {
        let (stream, mut peer) = pair();
        for text in [&b"first"[..], b"second"] {
            peer.write_all(text).unwrap();
            let_it_wait().await; // reported, and nobody has looked
            if text == b"second" {
                peer.shutdown(Shutdown::Write).unwrap();
            }
            assert_eq!(stream.recv(100).await.unwrap(), text);
        }
        assert_eq!(stream.recv(100).await.unwrap(), b"");
    });
}

#[test]
fn the_end_that_comes_while_somebody_waits_is_received() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"last").unwrap();
        assert_eq!(stream.recv(100).await.unwrap(), b"last");
        let task = aio::create_task(async move { stream.recv(100).await });
        let_it_wait().await;
        drop(peer);
        assert_eq!(task.await.unwrap().unwrap(), b"");
    });
}

#[test]
fn data_that_comes_after_a_short_read_is_received() {
    run(async || {
        let (stream, mut peer) = pair();
        for round in 0..100_u8 {
            peer.write_all(&[round; 10]).unwrap();
            let mut received = Vec::new();
            while received.len() < 10 {
                received.extend(stream.recv(100).await.unwrap());
            }
            assert_eq!(received, [round; 10]);
        }
    });
}

#[test]
fn data_that_comes_between_report_and_read_is_received() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"a").unwrap();
        let_it_wait().await;
        peer.write_all(b"b").unwrap();
        assert_eq!(stream.recv(1).await.unwrap(), b"a");
        assert_eq!(stream.recv(1).await.unwrap(), b"b");
        let mut more = Box::pin(stream.recv(1));
        assert!(once(&mut more).await.is_pending());
        peer.write_all(b"c").unwrap();
        assert_eq!(more.await.unwrap(), b"c");
    });
}

#[test]
fn a_reset_is_an_error_of_who_waits() {
    run(async || {
        let (stream, peer) = pair();
        let task = aio::create_task(async move { stream.recv(100).await });
        let_it_wait().await;
        reset(peer);
        assert_kind(task.await.unwrap(), &BROKEN);
    });
}

#[test]
fn a_reset_is_an_error_of_who_comes_later() {
    run(async || {
        let (stream, peer) = pair();
        reset(peer);
        assert_kind(stream.recv(100).await, &BROKEN);
        // Afterwards it is at its end: nobody hangs.
        let _ = stream.recv(100).await;
    });
}

#[test]
fn a_large_recv_comes_in_pieces_of_at_most_64_kib() {
    run(async || {
        let (stream, mut peer) = pair();
        let sent = bytes(1_000_000);
        let sends = sent.clone();
        let peer = thread::spawn(move || peer.write_all(&sends).unwrap());
        let mut received = Vec::new();
        while received.len() < sent.len() {
            let piece = stream.recv(usize::MAX).await.unwrap();
            assert!((1..=MOST).contains(&piece.len()), "{}", piece.len());
            received.extend(piece);
        }
        peer.join().unwrap();
        assert!(received == sent);
    });
}

#[test]
fn what_recv_gives_takes_no_more_memory_than_it_needs() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"hello").unwrap();
        let received = stream.recv(MOST).await.unwrap();
        assert_eq!((received.len(), received.capacity()), (5, 5));
    });
}

#[test]
fn try_recv_never_waits() {
    run(async || {
        let (stream, mut peer) = pair();
        assert_kind(stream.try_recv(100), &[ErrorKind::WouldBlock]);
        peer.write_all(b"hello").unwrap();
        // On some systems it takes a moment.
        assert_eq!(stream.recv(2).await.unwrap(), b"he");
        assert_eq!(stream.try_recv(2).unwrap(), b"ll");
        assert_eq!(stream.try_recv(100).unwrap(), b"o");
        assert_kind(stream.try_recv(100), &[ErrorKind::WouldBlock]);
        // Who waits afterwards is told as ever.
        peer.write_all(b"again").unwrap();
        assert_eq!(stream.recv(100).await.unwrap(), b"again");
        drop(peer);
        assert_eq!(stream.recv(100).await.unwrap(), b"");
        assert_eq!(stream.try_recv(100).unwrap(), b"");
    });
}

#[test]
fn who_waits_for_what_try_recv_has_taken_waits_on() {
    run(async || {
        let (stream, mut peer) = shared_pair();
        let task = receiving(&stream).await;
        peer.write_all(b"taken").unwrap();
        while stream.try_recv(100).is_err() {}
        let_it_wait().await;
        assert!(!task.done());
        peer.write_all(b"second").unwrap();
        assert_eq!(task.await.unwrap().unwrap(), b"second");
    });
}
