//! Why there is `Pin`: what becomes of a future that keeps a reference into
//! itself, when it is moved. The reference is only an address here, which is
//! compared and never followed, so that nothing unsafe happens.
//!
//! `cargo run -q -p stage4-async-await --example pin_breaks`

use std::cell::Cell;
use std::future::poll_fn;
use std::marker::PhantomPinned;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

// ANCHOR: written
/// `word` points into `text`, and both are kept over a pause: so the future
/// of this function has a reference into itself.
async fn first_word() -> usize {
    let text = *b"to be or not";
    let word = &text[..2];
    pause().await;
    word.len()
}
// ANCHOR_END: written

// ANCHOR: by_hand
/// The same by hand. For `word` we can only keep the address.
struct FirstWord {
    text: [u8; 12],
    word: Cell<Option<*const u8>>,
    /// It must not move once it is pinned. (Not `Unpin`.)
    _pinned: PhantomPinned,
}

impl FirstWord {
    fn new(text: &[u8; 12]) -> FirstWord {
        let word = Cell::new(None);
        FirstWord { text: *text, word, _pinned: PhantomPinned }
    }

    /// What a `poll` that is content with `&mut self` could do, and `&self`.
    fn step(&self) -> &'static str {
        let here = self.text.as_ptr();
        match self.word.get() {
            None => {
                self.word.set(Some(here));
                "I note where my text is"
            }
            Some(there) if there == here => "my text is where I noted it",
            Some(_) => "MY TEXT IS NOT THERE: a reference would dangle",
        }
    }
}
// ANCHOR_END: by_hand

// ANCHOR: unpinned
fn without_pin() {
    let on_the_stack = FirstWord::new(b"to be or not");
    println!("first step: {}", on_the_stack.step());
    println!("again:      {}", on_the_stack.step());
    let in_a_box = Box::new(on_the_stack);
    println!("moved:      {}", in_a_box.step());

    let mut a = FirstWord::new(b"to be or not");
    let mut b = FirstWord::new(b"that is the ");
    println!("a:          {}", a.step());
    println!("b:          {}", b.step());
    mem::swap(&mut a, &mut b);
    println!("a, swapped: {}", a.step());
}
// ANCHOR_END: unpinned

// ANCHOR: pinned
fn with_pin() {
    let pinned: Pin<Box<FirstWord>> = Box::pin(FirstWord::new(b"to be or not"));
    println!("first step: {}", pinned.step());
    let moved = pinned; // moves the box: what is in it stays where it is
    println!("moved:      {}", moved.step());
    // `mem::swap(&mut *moved, &mut b)` does not compile: a `Pin` gives a
    // `&mut` to what is in it only if that is `Unpin`.
}
// ANCHOR_END: pinned

// ANCHOR: async_fn
fn of_the_compiler() {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = Box::pin(first_word());
    println!("first poll: {:?}", future.as_mut().poll(&mut context));
    let mut moved = future;
    println!("moved:      {:?}", moved.as_mut().poll(&mut context));
}
// ANCHOR_END: async_fn

fn main() {
    println!("without Pin:");
    without_pin();
    println!("with Pin:");
    with_pin();
    println!("an async fn, which has to be pinned:");
    of_the_compiler();
}

/// Pending once.
async fn pause() {
    let mut paused = false;
    poll_fn(|_| match mem::replace(&mut paused, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
