//! Whoever can always go on does not keep the others from theirs. Without
//! that, these tests would never end.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use aio::EventLoop;
use aio::net::TcpListener as Listener;
use stage4_async_await as aio;
use support::trace::Trace;
use tests::deadline::within_deadline;

use crate::{SHORT, let_it_wait, pair, run};

/// Others get what they wait for: a timer, a connection, a new client, a
/// turn. `busy` counts what somebody else does meanwhile.
async fn others_get_on(busy: &Cell<usize>) {
    let begun = busy.get();
    while busy.get() == begun {
        aio::yield_now().await; // until there is somebody to compete with
    }
    for _ in 0..5 {
        aio::sleep(SHORT).await;
        aio::yield_now().await;
        let (stream, mut peer) = pair();
        let receives = aio::create_task(async move { stream.recv(100).await });
        aio::yield_now().await;
        peer.write_all(b"hello").unwrap();
        assert_eq!(receives.await.unwrap().unwrap(), b"hello");
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepts = aio::create_task(async move { listener.accept().await });
        aio::yield_now().await;
        let client = TcpStream::connect(address).unwrap();
        let (_, peer) = accepts.await.unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }
}

#[test]
fn who_reads_from_one_that_writes_without_end_starves_nobody() {
    run(async || {
        let (stream, mut peer) = pair();
        let writer = thread::spawn(move || {
            let piece = vec![1; 256 * 1024];
            while peer.write_all(&piece).is_ok() {}
        });
        let busy = Rc::new(Cell::new(0));
        let counts = busy.clone();
        let reads = aio::create_task(async move {
            // Seldom as much as there is.
            while !stream.recv(1000).await.unwrap().is_empty() {
                counts.set(counts.get() + 1);
            }
        });
        others_get_on(&busy).await;
        assert!(!reads.done());
        assert!(reads.cancel());
        assert!(reads.await.is_err());
        writer.join().unwrap();
    });
}

#[test]
fn who_reads_at_the_end_of_input_starves_nobody() {
    run(async || {
        let (stream, peer) = pair();
        drop(peer);
        let busy = Rc::new(Cell::new(0));
        let counts = busy.clone();
        let reads = aio::create_task(async move {
            // The end is always there.
            while stream.recv(1000).await.unwrap().is_empty() {
                counts.set(counts.get() + 1);
            }
        });
        others_get_on(&busy).await;
        assert!(!reads.done());
    });
}

#[test]
fn who_writes_to_one_that_reads_without_end_starves_nobody() {
    run(async || {
        let (stream, mut peer) = pair();
        let reader = thread::spawn(move || {
            let mut buffer = vec![0; 1024 * 1024];
            while peer.read(&mut buffer).is_ok_and(|n| n > 0) {}
        });
        let busy = Rc::new(Cell::new(0));
        let counts = busy.clone();
        let writes = aio::create_task(async move {
            while stream.send_all(b"a").await.is_ok() {
                counts.set(counts.get() + 1);
            }
        });
        others_get_on(&busy).await;
        assert!(!writes.done());
        assert!(writes.cancel());
        assert!(writes.await.is_err());
        reader.join().unwrap();
    });
}

#[test]
fn who_always_has_nothing_to_write_starves_nobody() {
    run(async || {
        let (stream, _peer) = pair();
        let busy = Rc::new(Cell::new(0));
        let counts = busy.clone();
        let writes = aio::create_task(async move {
            while stream.send_all(b"").await.is_ok() {
                counts.set(counts.get() + 1);
            }
        });
        others_get_on(&busy).await;
        assert!(!writes.done());
    });
}

#[test]
fn a_deadline_is_kept_by_who_can_always_read() {
    run(async || {
        let (stream, peer) = pair();
        drop(peer);
        let reads =
            async { while stream.recv(1000).await.unwrap().is_empty() {} };
        assert!(aio::wait_for(reads, SHORT).await.is_err());
    });
}

#[test]
fn a_result_that_is_there_takes_no_turn() {
    run(async || {
        let (stream, mut peer) = pair();
        let others = Rc::new(Cell::new(0));
        let turns = others.clone();
        aio::create_task(async move {
            loop {
                turns.set(turns.get() + 1);
                aio::yield_now().await;
            }
        });
        peer.write_all(&[1; 50]).unwrap();
        let_it_wait().await;
        let before = others.get();
        for _ in 0..50 {
            assert_eq!(stream.recv(1).await.unwrap(), [1]);
            stream.send_all(&[2]).await.unwrap();
        }
        assert_eq!(others.get(), before, "it was suspended");
    });
}

/// Both have taken exactly what there was. Only the next try told that there
/// is no more, and then it is known.
#[test]
fn who_waits_takes_no_turns() {
    within_deadline(|| {
        let turns = Turns::default();
        let trace = Trace::text(turns.clone());
        let event_loop = EventLoop::with_trace(trace).unwrap();
        event_loop.run_until_complete(async {
            let (stream, mut peer) = pair();
            peer.write_all(b"hello").unwrap();
            let listener = Listener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let _client = TcpStream::connect(address).unwrap();
            let taken = Rc::new(Cell::new(0));
            let (received, accepted) = (taken.clone(), taken.clone());
            aio::create_task(async move {
                while !stream.recv(5).await.unwrap().is_empty() {
                    received.set(received.get() + 1);
                }
            });
            aio::create_task(async move {
                while listener.accept().await.is_ok() {
                    accepted.set(accepted.get() + 1);
                }
            });
            while taken.get() < 2 {
                let_it_wait().await;
            }
            let before = turns.count();
            aio::sleep(10 * SHORT).await;
            let turns = turns.count() - before;
            assert!(turns < 10, "{turns} turns");
        });
        event_loop.close();
    });
}

/// Counts the turns in a trace.
#[derive(Clone, Default)]
struct Turns(Arc<AtomicUsize>);

impl Turns {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Write for Turns {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(bytes).contains(" turn ") {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
