//! The traits of `futures-io`, polled by hand: so that what is written for
//! them runs on these streams, too.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures_io::{AsyncRead, AsyncWrite};
use stage4_async_await as aio;
use tests::sockets::{bytes, reset};

use crate::{
    MUCH, assert_kind, let_it_wait, pair, read_to_end, receiving, run,
};

#[test]
fn bytes_are_read_and_written_through_the_traits() {
    run(async || {
        let (mut stream, mut peer) = pair();
        peer.write_all(b"question").unwrap();
        let mut buffer = [0; 100];
        let n = read(&mut stream, &mut buffer).await.unwrap();
        assert_eq!(&buffer[..n], b"question");
        write_all(&mut stream, b"answer").await.unwrap();
        poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx)).await.unwrap();
        let mut answer = [0; 6];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer");
    });
}

#[test]
fn poll_read_waits_and_wakes() {
    run(async || {
        let (mut stream, mut peer) = pair();
        let task = aio::create_task(async move {
            let mut buffer = [0; 3];
            let mut text: Vec<u8> = Vec::new();
            loop {
                match read(&mut stream, &mut buffer).await.unwrap() {
                    0 => return text,
                    n => text.extend(&buffer[..n]),
                }
            }
        });
        for part in ["he", "llo w", "orld"] {
            let_it_wait().await;
            assert!(!task.done());
            peer.write_all(part.as_bytes()).unwrap();
        }
        drop(peer);
        assert_eq!(task.await.unwrap(), b"hello world");
    });
}

#[test]
fn much_is_read_and_written_through_the_traits() {
    run(async || {
        let (mut stream, mut peer) = pair();
        let echo = thread::spawn(move || {
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            peer.write_all(&received).unwrap();
        });
        let sent = bytes(MUCH);
        write_all(&mut stream, &sent).await.unwrap();
        poll_fn(|cx| Pin::new(&mut stream).poll_close(cx)).await.unwrap();
        let (mut received, mut at) = (vec![0; MUCH + 1], 0);
        loop {
            match read(&mut stream, &mut received[at..]).await.unwrap() {
                0 => break,
                n => at += n,
            }
        }
        assert!(received[..at] == sent);
        echo.join().unwrap();
    });
}

#[test]
fn poll_close_ends_the_output_and_not_the_input() {
    run(async || {
        let (mut stream, mut peer) = pair();
        poll_fn(|cx| Pin::new(&mut stream).poll_close(cx)).await.unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        peer.write_all(b"still here").unwrap();
        assert_eq!(stream.recv(100).await.unwrap(), b"still here");
    });
}

#[test]
fn an_abandoned_poll_read_does_not_block_a_later_recv() {
    run(async || {
        let (mut stream, mut peer) = pair();
        let mut buffer = [0; 100];
        let mut cx = Context::from_waker(Waker::noop());
        let polled = Pin::new(&mut stream).poll_read(&mut cx, &mut buffer);
        assert!(polled.is_pending());
        let stream = std::rc::Rc::new(stream);
        let task = receiving(&stream).await;
        peer.write_all(b"hello").unwrap();
        assert_eq!(task.await.unwrap().unwrap(), b"hello");
    });
}

#[test]
fn an_abandoned_poll_write_does_not_block_a_later_send_all() {
    run(async || {
        let (mut stream, peer) = pair();
        let mut cx = Context::from_waker(Waker::noop());
        let piece = bytes(100_000);
        let mut written = 0;
        loop {
            match Pin::new(&mut stream).poll_write(&mut cx, &piece) {
                Poll::Ready(n) => written += n.unwrap(),
                Poll::Pending => {
                    // It may have been enough for one step, and no more.
                    let_it_wait().await;
                    if Pin::new(&mut stream)
                        .poll_write(&mut cx, b"")
                        .is_pending()
                    {
                        break;
                    }
                }
            }
        }
        let reader = read_to_end(peer);
        stream.send_all(b"the end").await.unwrap();
        drop(stream);
        assert_eq!(reader.await.len(), written + 7);
    });
}

#[test]
fn whoever_polls_last_is_woken() {
    run(async || {
        let (mut stream, mut peer) = pair();
        let wakers = [(); 2].map(|()| Arc::new(Count::default()));
        for count in &wakers {
            let waker = Waker::from(count.clone());
            let mut cx = Context::from_waker(&waker);
            let polled = Pin::new(&mut stream).poll_read(&mut cx, &mut [0]);
            assert!(polled.is_pending());
        }
        peer.write_all(b"a").unwrap();
        while wakers[1].get() == 0 {
            let_it_wait().await;
        }
        assert_eq!(wakers[0].get(), 0);
        // To be woken is no obligation: the byte is still there.
        assert_eq!(stream.recv(100).await.unwrap(), b"a");
    });
}

#[test]
fn a_reset_is_an_error_of_poll_read() {
    run(async || {
        let (mut stream, peer) = pair();
        reset(peer);
        let result = read(&mut stream, &mut [0; 100]).await;
        assert_kind(result, &crate::BROKEN);
    });
}

async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buffer)).await
}

async fn write_all(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        let write =
            |cx: &mut Context<'_>| Pin::new(&mut *stream).poll_write(cx, bytes);
        let n = poll_fn(write).await?;
        bytes = &bytes[n..];
    }
    Ok(())
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
