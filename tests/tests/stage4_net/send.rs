//! Sending: all of it, in order, and no faster than the other end reads.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use stage4_async_await as aio;
use tests::sockets::{bytes, reset};

use crate::{
    BROKEN, MUCH, assert_kind, let_it_wait, pair, read_to_end, run, shared_pair,
};

#[test]
fn send_all_sends_ten_megabytes_to_a_slow_reader() {
    run(async || {
        let (stream, mut peer) = pair();
        let sent = bytes(MUCH);
        let sends = sent.clone();
        let task =
            aio::create_task(async move { stream.send_all(&sends).await });
        let_it_wait().await;
        assert!(!task.done(), "nobody reads yet");
        // In pieces of many sizes, and now and then it sleeps.
        let reader = thread::spawn(move || {
            let mut received: Vec<u8> = Vec::new();
            let mut piece = vec![0; 300_000];
            for size in (1..).map(|n| 1 + n * 9973 % 300_000) {
                match peer.read(&mut piece[..size]).unwrap() {
                    0 => return received,
                    n => received.extend(&piece[..n]),
                }
                if size % 7 == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            unreachable!("sizes never end")
        });
        task.await.unwrap().unwrap();
        let received = aio::to_thread(|| reader.join().unwrap()).await.unwrap();
        assert_eq!(received.len(), sent.len());
        assert!(received == sent);
    });
}

#[test]
fn who_sends_waits_while_nobody_reads() {
    run(async || {
        let (stream, peer) = pair();
        let task =
            aio::create_task(
                async move { stream.send_all(&bytes(MUCH)).await },
            );
        // However often others run, and the loop looks: the system is full.
        for _ in 0..20 {
            let_it_wait().await;
            assert!(!task.done());
        }
        let reader = read_to_end(peer);
        task.await.unwrap().unwrap();
        let received = reader.await;
        assert!(received == bytes(MUCH));
    });
}

#[test]
fn to_send_nothing_takes_no_time() {
    run(async || {
        let (stream, mut peer) = pair();
        stream.send_all(b"").await.unwrap();
        stream.send_all(b"a").await.unwrap();
        drop(stream);
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a");
    });
}

#[test]
fn small_messages_arrive_in_order() {
    run(async || {
        let (stream, peer) = pair();
        let reader = read_to_end(peer);
        let numbers = (0..10_000).map(|number: u32| format!("{number} "));
        let numbers: Vec<_> = numbers.collect();
        for number in &numbers {
            stream.send_all(number.as_bytes()).await.unwrap();
        }
        drop(stream);
        assert!(reader.await == numbers.concat().as_bytes());
    });
}

#[test]
fn to_send_to_who_has_gone_is_an_error() {
    run(async || {
        let (stream, peer) = pair();
        drop(peer);
        // The first bytes find out.
        let sent = loop {
            let sent = stream.send_all(b"hello").await;
            if sent.is_err() {
                break sent;
            }
        };
        assert_kind(sent, &BROKEN);
        // It stays one.
        assert_kind(stream.send_all(b"hello").await, &BROKEN);
    });
}

#[test]
fn a_reset_is_an_error_of_who_waits_to_send() {
    run(async || {
        let (stream, peer) = pair();
        let task =
            aio::create_task(
                async move { stream.send_all(&bytes(MUCH)).await },
            );
        let_it_wait().await;
        assert!(!task.done());
        reset(peer);
        assert_kind(task.await.unwrap(), &BROKEN);
    });
}

#[test]
fn cancelled_it_has_sent_a_beginning_and_the_stream_goes_on() {
    run(async || {
        let (stream, peer) = shared_pair();
        let (sends, all) = (stream.clone(), bytes(MUCH));
        let copy = all.clone();
        let task = aio::create_task(async move { sends.send_all(&copy).await });
        let_it_wait().await;
        assert!(task.cancel());
        assert!(task.await.is_err());
        let reader = read_to_end(peer);
        stream.send_all(b"the end").await.unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let received = reader.await;
        let beginning = received.strip_suffix(b"the end").unwrap();
        assert!(!beginning.is_empty() && all.starts_with(beginning));
    });
}

#[test]
fn after_shutdown_the_other_direction_is_open() {
    run(async || {
        let (stream, mut peer) = pair();
        stream.send_all(b"question").await.unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "question");
        peer.write_all(b"answer").unwrap();
        assert_eq!(stream.recv(100).await.unwrap(), b"answer");
        assert_kind(stream.send_all(b"more").await, &BROKEN);
    });
}

#[test]
fn a_dropped_stream_is_closed() {
    run(async || {
        let (stream, mut peer) = pair();
        drop(stream);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    });
}
