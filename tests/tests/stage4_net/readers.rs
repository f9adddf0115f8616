//! Callbacks on the readiness of a descriptor: `add_reader` and its kin, as
//! in asyncio, and the documents' echo server on them.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;

use aio::EventLoop;
use stage4_async_await as aio;
use tests::sockets::reset;
use tests::stage4::with_loop;

use crate::{let_it_wait, std_pair};

/// Runs `program`, which is given its loop.
pub fn run(program: impl AsyncFnOnce(EventLoop) + Send + 'static) {
    with_loop(|event_loop, _| {
        event_loop.run_until_complete(program(event_loop.clone()));
    });
}

/// Two ends of a connection; the first one never blocks.
pub fn plain_pair() -> (Rc<TcpStream>, TcpStream) {
    let (stream, peer) = std_pair();
    stream.set_nonblocking(true).unwrap();
    (Rc::new(stream), peer)
}

/// What has been called, in order. Clones share it.
#[derive(Clone, Default)]
pub struct Calls(Rc<RefCell<Vec<&'static str>>>);

impl Calls {
    pub fn add(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    /// A callback that notes `what`.
    pub fn adds(&self, what: &'static str) -> impl FnMut() + use<> {
        let calls = self.clone();
        move || calls.add(what)
    }

    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// What has been called since the last time.
    pub fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

/// Waits until the callbacks have done something.
pub async fn until(done: impl Fn() -> bool) {
    while !done() {
        let_it_wait().await;
    }
}

#[test]
fn a_reader_is_called_again_and_again_while_there_is_something_to_read() {
    run(async |event_loop| {
        let (stream, mut peer) = plain_pair();
        let text = Rc::new(RefCell::new(Vec::new()));
        let (reads, to) = (stream.clone(), text.clone());
        let read_one = move || {
            let mut byte = [0];
            (&*reads).read_exact(&mut byte).unwrap();
            to.borrow_mut().extend(byte);
        };
        event_loop.add_reader(&stream, read_one).unwrap();
        let_it_wait().await;
        assert_eq!(*text.borrow(), b"");
        // They come at once, and are read in three calls.
        peer.write_all(b"abc").unwrap();
        until(|| text.borrow().len() == 3).await;
        peer.write_all(b"de").unwrap();
        until(|| text.borrow().len() == 5).await;
        assert_eq!(*text.borrow(), b"abcde");
        assert!(event_loop.remove_reader(&stream));
    });
}

#[test]
fn a_reader_that_reads_nothing_is_called_until_it_is_removed() {
    run(async |event_loop| {
        let (stream, mut peer) = plain_pair();
        let calls = Rc::new(Cell::new(0));
        let (counts, remover) = (calls.clone(), event_loop.clone());
        let watched = stream.clone();
        let count = move || {
            counts.set(counts.get() + 1);
            if counts.get() == 10 {
                assert!(remover.remove_reader(&watched));
            }
        };
        event_loop.add_reader(&stream, count).unwrap();
        peer.write_all(b"a").unwrap();
        until(|| calls.get() >= 10).await;
        let_it_wait().await;
        assert_eq!(calls.get(), 10);
    });
}

#[test]
fn a_reader_is_called_at_the_end_of_input_and_at_a_reset() {
    run(async |event_loop| {
        for ends in [drop, reset] {
            let (stream, peer) = plain_pair();
            let log = Calls::default();
            event_loop.add_reader(&stream, log.adds("read")).unwrap();
            let_it_wait().await;
            assert!(log.take().is_empty());
            ends(peer);
            until(|| !log.take().is_empty()).await;
            assert!(event_loop.remove_reader(&stream));
        }
    });
}

#[test]
fn a_writer_is_called_while_there_is_room() {
    run(async |event_loop| {
        let (stream, mut peer) = plain_pair();
        let (written, writes) = (Rc::new(Cell::new(0)), stream.clone());
        let counts = written.clone();
        let write = move || {
            // It never blocks, while there is room.
            let n = (&*writes).write(&[1; 1000]).unwrap();
            counts.set(counts.get() + n);
        };
        event_loop.add_writer(&stream, write).unwrap();
        // Nobody reads: until there is none.
        let mut before = usize::MAX;
        while before != written.get() {
            before = written.get();
            let_it_wait().await;
        }
        // To read as much makes room for more.
        let reader = thread::spawn(move || {
            peer.read_exact(&mut vec![0; before]).unwrap();
            peer // it stays open
        });
        until(|| written.get() > before).await;
        assert!(event_loop.remove_writer(&stream));
        drop(stream);
        reader.join().unwrap();
    });
}

#[test]
fn a_second_one_replaces_the_first() {
    run(async |event_loop| {
        let (stream, mut peer) = plain_pair();
        let (log, held) = (Calls::default(), Rc::new(()));
        let (mut note, holds) = (log.adds("first"), held.clone());
        let first = move || {
            let _ = &holds;
            note();
        };
        event_loop.add_reader(&stream, first).unwrap();
        event_loop.add_reader(&stream, log.adds("second")).unwrap();
        assert_eq!(Rc::strong_count(&held), 1, "the first one is dropped");
        peer.write_all(b"a").unwrap();
        until(|| !log.take().is_empty()).await;
        assert!(event_loop.remove_reader(&stream));
        assert!(!event_loop.remove_reader(&stream), "there was only one");
        // Also when it has been called already.
        event_loop.add_writer(&stream, log.adds("first")).unwrap();
        until(|| log.take().contains(&"first")).await;
        event_loop.add_writer(&stream, log.adds("second")).unwrap();
        log.take();
        until(|| log.take().contains(&"second")).await;
        let_it_wait().await;
        assert!(log.take().iter().all(|what| *what == "second"));
        assert!(event_loop.remove_writer(&stream));
    });
}

/// Both are ready in the same turn. The first one that is called removes or
/// replaces the other one, whose call is in the queue already.
#[test]
fn a_queued_call_does_not_come_after_its_removal() {
    run(async |event_loop| {
        for replaces in [false, true] {
            let log = Calls::default();
            let pairs = [(); 2].map(|()| plain_pair());
            let [(a, mut a_peer), (b, mut b_peer)] = pairs;
            for (own, other) in [(&a, &b), (&b, &a)] {
                let (log, own, other) =
                    (log.clone(), own.clone(), other.clone());
                let (watched, remover) = (own.clone(), event_loop.clone());
                let first = move || {
                    log.add("called");
                    assert!(remover.remove_reader(&own));
                    if replaces {
                        let replaced = log.adds("replaced");
                        remover.add_reader(&other, replaced).unwrap();
                    } else {
                        assert!(remover.remove_reader(&other));
                    }
                };
                event_loop.add_reader(&watched, first).unwrap();
            }
            a_peer.write_all(b"a").unwrap();
            b_peer.write_all(b"b").unwrap();
            until(|| log.len() > 0).await;
            if replaces {
                until(|| log.len() > 1).await;
                let events = log.take();
                assert_eq!(events[..2], ["called", "replaced"]);
                assert!(!events[1..].contains(&"called"));
                let removed = [&a, &b].map(|s| event_loop.remove_reader(s));
                assert_ne!(removed[0], removed[1]);
            } else {
                let_it_wait().await;
                assert_eq!(log.take(), ["called"]);
            }
        }
    });
}

#[test]
fn a_reader_and_a_writer_of_one_descriptor_are_two() {
    run(async |event_loop| {
        let (stream, mut peer) = plain_pair();
        let log = Calls::default();
        event_loop.add_reader(&stream, log.adds("read")).unwrap();
        event_loop.add_writer(&stream, log.adds("write")).unwrap();
        until(|| log.len() > 0).await;
        assert!(log.take().iter().all(|what| *what == "write"));
        peer.write_all(b"a").unwrap();
        // Now both are called, again and again.
        for what in ["read", "write", "read", "write"] {
            log.take();
            until(|| log.take().contains(&what)).await;
        }
        assert!(event_loop.remove_writer(&stream));
        log.take();
        until(|| log.len() > 0).await;
        assert!(log.take().iter().all(|what| *what == "read"));
        assert!(event_loop.remove_reader(&stream));
        let_it_wait().await;
        log.take();
        let_it_wait().await;
        assert!(log.take().is_empty());
    });
}

#[test]
fn to_remove_what_is_not_there_is_false() {
    run(async |event_loop| {
        let (stream, _peer) = plain_pair();
        assert!(!event_loop.remove_reader(&stream));
        assert!(!event_loop.remove_writer(&stream));
        event_loop.add_reader(&stream, || {}).unwrap();
        assert!(!event_loop.remove_writer(&stream));
        assert!(event_loop.remove_reader(&stream));
        assert!(!event_loop.remove_reader(&stream));
        event_loop.add_writer(&stream, || {}).unwrap();
        assert!(!event_loop.remove_reader(&stream));
        assert!(event_loop.remove_writer(&stream));
        assert!(!event_loop.remove_writer(&stream));
    });
}

#[test]
fn a_callback_may_remove_itself_and_add_another() {
    run(async |event_loop| {
        let (stream, mut peer) = plain_pair();
        let log = Calls::default();
        for removes in [true, false] {
            let (adder, watched) = (event_loop.clone(), stream.clone());
            let (log_first, log_second) = (log.clone(), log.clone());
            let first = move || {
                log_first.add("first");
                if removes {
                    assert!(adder.remove_reader(&watched));
                }
                let (remover, own) = (adder.clone(), watched.clone());
                let log_second = log_second.clone();
                let second = move || {
                    log_second.add("second");
                    assert!(remover.remove_reader(&own));
                };
                adder.add_reader(&watched, second).unwrap();
            };
            event_loop.add_reader(&stream, first).unwrap();
            peer.write_all(b"a").unwrap();
            until(|| log.len() == 2).await;
            let_it_wait().await;
            assert_eq!(log.take(), ["first", "second"]);
        }
    });
}

// The documents' echo server: a callback sets a future, the task waits.

#[test]
fn the_documents_echo_server_works() {
    run(async |event_loop| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = event_loop
            .create_task(handle_incoming(event_loop.clone(), listener));
        let client = move || {
            (0..3).for_each(|_| talk(address));
            thread::scope(|scope| {
                (0..10).for_each(|_| drop(scope.spawn(move || talk(address))));
            });
        };
        aio::to_thread(client).await.unwrap();
        assert!(!server.done());
    });
}

/// A client that says three things, and ends.
fn talk(address: SocketAddr) {
    let mut client = TcpStream::connect(address).unwrap();
    for word in ["hello", "again", "and again"] {
        client.write_all(word.as_bytes()).unwrap();
        let mut answer = vec![0; word.len()];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, word.to_uppercase().as_bytes());
    }
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

async fn handle_incoming(event_loop: EventLoop, listener: TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let listener = Rc::new(listener);
    loop {
        let future = event_loop.create_future();
        let (sets, accepts) = (future.clone(), listener.clone());
        let accept = move || {
            let (stream, _) = accepts.accept().unwrap(); // should be ready
            sets.set_result(Rc::new(stream)).unwrap();
        };
        event_loop.add_reader(&listener, accept).unwrap();
        let stream = future.await.unwrap();
        stream.set_nonblocking(true).unwrap();
        event_loop.create_task(handle_data_ready(event_loop.clone(), stream));
    }
}

async fn handle_data_ready(event_loop: EventLoop, stream: Rc<TcpStream>) {
    loop {
        let future = event_loop.create_future();
        let (sets, reads) = (future.clone(), stream.clone());
        let read = move || {
            let mut buffer = [0; 1024];
            let n = (&*reads).read(&mut buffer).unwrap(); // should be ready
            sets.set_result(buffer[..n].to_vec()).unwrap();
        };
        event_loop.add_reader(&stream, read).unwrap();
        let data = future.await.unwrap();
        if data.is_empty() {
            event_loop.remove_reader(&stream);
            return;
        }
        // Hope it won't block.
        (&*stream).write_all(&data.to_ascii_uppercase()).unwrap();
    }
}
