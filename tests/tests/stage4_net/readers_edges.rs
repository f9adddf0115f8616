//! `add_reader` and its kin at their edges: a closed loop, a descriptor that
//! cannot be watched, callbacks that panic, and what they hold.

use std::cell::Cell;
use std::fs::File;
use std::future::pending;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;

use aio::EventLoop;
use stage4_async_await as aio;
use tests::deadline::within_deadline;
use tests::panics::message_of;

use crate::readers::{Calls, plain_pair, run, until};
use crate::{assert_kind, let_it_wait};

#[test]
fn on_a_closed_loop_it_is_an_error() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (stream, _peer) = plain_pair();
        event_loop.close();
        for result in [
            event_loop.add_reader(&stream, || {}),
            event_loop.add_writer(&stream, || {}),
        ] {
            let error = result.unwrap_err();
            assert!(error.to_string().contains("closed"), "{error}");
        }
        assert!(!event_loop.remove_reader(&stream));
        assert!(!event_loop.remove_writer(&stream));
    });
}

#[test]
fn it_is_an_error_also_for_a_descriptor_that_had_one() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (stream, _peer) = plain_pair();
        event_loop.add_reader(&stream, || {}).unwrap();
        event_loop.close();
        assert!(!event_loop.remove_reader(&stream));
        for result in [
            event_loop.add_reader(&stream, || {}),
            event_loop.add_writer(&stream, || {}),
        ] {
            let error = result.unwrap_err();
            assert!(error.to_string().contains("closed"), "{error}");
        }
    });
}

#[test]
fn close_drops_the_callbacks_and_calls_none() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (stream, mut peer) = plain_pair();
        let held = Rc::new(());
        for _ in 0..2 {
            // It holds the loop that holds it.
            let (holds, its) = (held.clone(), event_loop.clone());
            let callback = move || panic!("called: {:?}", (&holds, &its));
            event_loop.add_reader(&stream, callback).unwrap();
        }
        let (holds, its) = (held.clone(), event_loop.clone());
        let callback = move || panic!("called: {:?}", (&holds, &its));
        event_loop.add_writer(&stream, callback).unwrap();
        peer.write_all(b"a").unwrap();
        event_loop.close();
        assert_eq!(Rc::strong_count(&held), 1);
    });
}

#[test]
fn what_is_dropped_with_a_callback_may_use_the_loop() {
    struct Uses(EventLoop, Rc<TcpStream>, Calls);
    impl Drop for Uses {
        fn drop(&mut self) {
            let Uses(event_loop, stream, log) = self;
            event_loop.remove_reader(&*stream);
            log.add(match event_loop.add_writer(&*stream, || {}) {
                Ok(()) => "added",
                Err(_) => "closed",
            });
        }
    }

    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (stream, _peer) = plain_pair();
        let (other, _other_peer) = plain_pair();
        let log = Calls::default();
        let callback = || {
            let uses = Uses(event_loop.clone(), other.clone(), log.clone());
            move || {
                let _ = &uses;
            }
        };
        event_loop.add_reader(&stream, callback()).unwrap();
        event_loop.add_reader(&stream, callback()).unwrap();
        assert_eq!(log.take(), ["added"]);
        assert!(event_loop.remove_reader(&stream));
        assert_eq!(log.take(), ["added"]);
        event_loop.add_reader(&stream, callback()).unwrap();
        event_loop.close();
        assert_eq!(log.take(), ["closed"]);
    });
}

#[test]
fn a_pipe_can_be_watched() {
    run(async |event_loop| {
        let (reader, mut writer) = io::pipe().unwrap();
        let reader = Rc::new(reader);
        let received = event_loop.create_future();
        let (sets, reads) = (received.clone(), reader.clone());
        let remover = event_loop.clone();
        let read = move || {
            let mut buffer = [0; 10];
            let n = (&*reads).read(&mut buffer).unwrap();
            assert!(remover.remove_reader(&reads));
            sets.set_result(buffer[..n].to_vec()).unwrap();
        };
        event_loop.add_reader(&reader, read).unwrap();
        writer.write_all(b"hello").unwrap();
        assert_eq!(received.await.unwrap(), b"hello");
        // Its end is something to read, too.
        let log = Calls::default();
        event_loop.add_reader(&reader, log.adds("the end")).unwrap();
        let_it_wait().await;
        assert!(log.take().is_empty());
        drop(writer);
        until(|| !log.take().is_empty()).await;
        assert!(event_loop.remove_reader(&reader));
    });
}

/// `epoll` knows no plain files.
#[cfg(target_os = "linux")]
#[test]
fn a_file_is_refused_and_nothing_is_left() {
    run(async |event_loop| {
        let file = File::open("/proc/self/exe").unwrap();
        let held = Rc::new(());
        for _ in 0..2 {
            let holds = held.clone();
            let callback = move || panic!("called: {holds:?}");
            let result = event_loop.add_reader(&file, callback);
            assert_kind(result, &[ErrorKind::PermissionDenied]);
            assert_eq!(Rc::strong_count(&held), 1);
            assert!(!event_loop.remove_reader(&file));
        }
        let (stream, _peer) = plain_pair();
        let log = Calls::default();
        event_loop.add_writer(&stream, log.adds("write")).unwrap();
        until(|| !log.take().is_empty()).await;
    });
}

#[test]
fn a_panic_in_a_callback_passes_through_and_the_loop_can_run_on() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (stream, mut peer) = plain_pair();
        peer.write_all(b"a").unwrap();
        let (calls, stopper) = (Rc::new(Cell::new(0)), event_loop.clone());
        let counts = calls.clone();
        let callback = move || {
            counts.set(counts.get() + 1);
            match counts.get() {
                3 => stopper.stop(),
                call => panic!("in call {call}"),
            }
        };
        event_loop.add_reader(&stream, callback).unwrap();
        for call in 1..3 {
            let message = message_of(|| event_loop.run_forever());
            assert_eq!(message, format!("in call {call}"));
        }
        event_loop.run_forever();
        assert_eq!(calls.get(), 3);
        assert!(event_loop.remove_reader(&stream));
        event_loop.close();
    });
}

#[test]
fn while_something_is_watched_the_loop_is_not_stuck() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (stream, mut peer) = plain_pair();
        let remover = event_loop.clone();
        let watched = stream.clone();
        let remove = move || assert!(remover.remove_reader(&watched));
        event_loop.add_reader(&stream, remove).unwrap();
        let writer = std::thread::spawn(move || {
            peer.write_all(b"a").unwrap();
            peer
        });
        let message =
            message_of(|| event_loop.run_until_complete(pending::<()>()));
        assert!(message.starts_with("nothing can ever happen"), "{message}");
        drop(writer.join().unwrap());
        event_loop.close();
    });
}

#[test]
fn a_new_descriptor_of_an_old_number_is_watched_anew() {
    run(async |event_loop| {
        let log = Calls::default();
        for _ in 0..100 {
            let (stream, mut peer) = plain_pair();
            event_loop.add_reader(&stream, log.adds("read")).unwrap();
            peer.write_all(b"a").unwrap();
            until(|| log.len() > 0).await;
            assert!(event_loop.remove_reader(&stream));
            drop(stream);
            log.take();
        }
        let_it_wait().await;
        assert_eq!(log.len(), 0);
    });
}
