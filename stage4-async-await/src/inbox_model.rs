//! `inbox.rs` once more, on loom's mutex: each test runs in every order in
//! which its threads can meet.

#![cfg(test)]

mod lock {
    pub(super) use loom::sync::Mutex;
    use loom::sync::MutexGuard;
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};

    pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no thread panics")
    }
}

#[path = "inbox.rs"]
#[allow(clippy::duplicate_mod)] // that is what this file is for
mod inbox;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use inbox::{Inbox, Sent};

/// What the selector is to a loop: `notify` lets one `wait` return, now or
/// later.
#[derive(Clone)]
struct Selector(Arc<(Mutex<Notified>, Condvar)>);

#[derive(Default)]
struct Notified {
    now: bool,
    in_all: usize,
}

impl Selector {
    fn new() -> Selector {
        Selector(Arc::new((Mutex::new(Notified::default()), Condvar::new())))
    }

    fn notify(&self) {
        let mut notified = self.0.0.lock().unwrap();
        notified.now = true;
        notified.in_all += 1;
        self.0.1.notify_one();
    }

    fn wait(&self) {
        let mut notified = self.0.0.lock().unwrap();
        while !notified.now {
            notified = self.0.1.wait(notified).unwrap();
        }
        notified.now = false;
    }

    fn notified(&self) -> usize {
        self.0.0.lock().unwrap().in_all
    }
}

fn inbox<M: 'static>(selector: &Selector) -> Arc<Inbox<M>> {
    let selector = selector.clone();
    Arc::new(Inbox::new(move || selector.notify()))
}

// ANCHOR: model
#[test]
fn a_sleeping_receiver_is_woken() {
    loom::model(|| {
        let selector = Selector::new();
        let inbox = inbox(&selector);
        let sender = inbox.clone();
        let sender = thread::spawn(move || sender.push("hello").unwrap());
        // A wake-up that gets lost would let this wait for ever.
        selector.wait();
        assert_eq!(inbox.take(), ["hello"]);
        sender.join().unwrap();
    });
}
// ANCHOR_END: model

#[test]
fn two_senders_lose_nothing_and_notify_once_a_batch() {
    loom::model(|| {
        let selector = Selector::new();
        let inbox = inbox(&selector);
        let senders = [1, 2].map(|message| {
            let inbox = inbox.clone();
            thread::spawn(move || inbox.push(message).unwrap())
        });
        let (mut received, mut batches) = (Vec::new(), 0);
        while received.len() < 2 {
            selector.wait();
            let batch = inbox.take();
            batches += usize::from(!batch.is_empty());
            received.extend(batch);
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        received.sort();
        assert_eq!(received, [1, 2]);
        assert_eq!(selector.notified(), batches);
        assert!(inbox.is_empty());
    });
}

/// Two threads write, each its own value, and both send the same message. It
/// may come once; whoever receives it sees both values then, or it comes
/// again.
#[test]
fn a_message_that_is_sent_once_tells_of_all() {
    loom::model(|| {
        let inbox = inbox(&Selector::new());
        let sent = Arc::new(Sent::default());
        let written = Arc::new([false, false].map(AtomicBool::new));
        let senders = [0, 1].map(|n| {
            let (inbox, sent) = (inbox.clone(), sent.clone());
            let written = written.clone();
            thread::spawn(move || {
                written[n].store(true, Ordering::Relaxed);
                if sent.begin() {
                    inbox.push(()).unwrap();
                }
            })
        });
        let mut seen = [false; 2];
        let mut receive = || {
            for () in inbox.take() {
                sent.received();
                seen = [0, 1].map(|n| written[n].load(Ordering::Relaxed));
            }
        };
        receive();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        receive();
        assert_eq!(seen, [true, true]);
    });
}

#[test]
fn what_comes_after_the_end_comes_back() {
    loom::model(|| {
        let selector = Selector::new();
        let inbox = inbox(&selector);
        inbox.notify();
        selector.wait(); // there is no message, but it returns
        let sender = inbox.clone();
        let sender = thread::spawn(move || sender.push(1));
        let before = inbox.take();
        inbox.close();
        // What was taken has been sent; what came back has not.
        let sent = sender.join().unwrap();
        assert!(before.is_empty() || sent == Ok(()));
        assert_eq!(inbox.push(2), Err(2));
        assert!(inbox.take().is_empty());
    });
}
