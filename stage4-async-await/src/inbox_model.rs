//! `inbox.rs` once more, on loom's mutex: each test runs in every order in
//! which its threads can meet.

#![cfg(test)]

mod lock {
    pub(super) use loom::sync::Mutex;
    use loom::sync::MutexGuard;

    pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no thread panics")
    }
}

#[path = "inbox.rs"]
#[allow(clippy::duplicate_mod)] // that is what this file is for
mod inbox;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use inbox::Inbox;

/// What the selector is to a loop: `notify` lets one `wait` return, now or
/// later.
#[derive(Clone)]
struct Selector(Arc<(Mutex<usize>, Condvar)>);

impl Selector {
    fn new() -> Selector {
        Selector(Arc::new((Mutex::new(0), Condvar::new())))
    }

    fn notify(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_one();
    }

    fn wait(&self) {
        let mut notified = self.0.0.lock().unwrap();
        while *notified == 0 {
            notified = self.0.1.wait(notified).unwrap();
        }
        *notified = 0;
    }
}

fn inbox(selector: &Selector) -> Arc<Inbox<u32>> {
    let selector = selector.clone();
    Arc::new(Inbox::new(move || selector.notify()))
}

// ANCHOR: model
#[test]
fn a_sleeping_receiver_gets_all_that_two_threads_send() {
    loom::model(|| {
        let selector = Selector::new();
        let inbox = inbox(&selector);
        let senders: Vec<_> = [1, 2]
            .map(|message| {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.push(message).unwrap())
            })
            .into();
        let mut received = Vec::new();
        // A wake-up that gets lost would let this wait for ever, and loom
        // would say so.
        while received.len() < 2 {
            selector.wait();
            received.extend(inbox.take());
        }
        received.sort();
        assert_eq!(received, [1, 2]);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}
// ANCHOR_END: model

#[test]
fn one_sender_is_received_in_order_and_notifies_once_a_batch() {
    loom::model(|| {
        let selector = Selector::new();
        let inbox = inbox(&selector);
        let sender = inbox.clone();
        let sender = thread::spawn(move || {
            (1..=3).for_each(|message| sender.push(message).unwrap());
        });
        let mut batches = 0;
        let mut received = Vec::new();
        while received.len() < 3 {
            selector.wait();
            let batch = inbox.take();
            batches += usize::from(!batch.is_empty());
            received.extend(batch);
        }
        assert_eq!(received, [1, 2, 3]);
        sender.join().unwrap();
        // As many notifications as batches: none is left over, unless it is
        // that of a batch which was taken with the one before.
        assert!(batches <= 3);
        assert!(inbox.is_empty());
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
        let sent = sender.join().unwrap();
        // It was sent in time, or its sender knows; never both.
        assert!(sent == Err(1) || before == [1] || before.is_empty());
        if !before.is_empty() {
            assert_eq!(sent, Ok(()));
        }
        assert_eq!(inbox.push(2), Err(2));
        assert!(inbox.take().is_empty());
    });
}
