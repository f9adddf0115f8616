//! Delegation: a generator runs another one as if its pauses were its own.

use crate::GeneratorState::{Complete, Yielded};
use crate::{Exception, Generator, Resume, Step};

// ANCHOR: macro
/// Python's `yield from`, in the body of a [`Frame`](crate::Frame): resumes
/// `$generator` with `$with`. While the generator pauses, the body pauses.
/// At its end this is the `Result` of what it has returned or raised.
///
/// It is what `std::task::ready!` is for futures: one line for "if this has
/// to wait, so have I". If you have a `&mut` to the generator, write
/// `*generator`.
#[macro_export]
macro_rules! yield_from {
    ($generator:expr, $with:ident) => {
        match $crate::delegate(&mut $generator, &mut $with) {
            $crate::GeneratorState::Yielded(value) => {
                return Ok($crate::GeneratorState::Yielded(value));
            }
            $crate::GeneratorState::Complete(result) => result,
        }
    };
}
// ANCHOR_END: macro

// ANCHOR: delegate
/// Passes a resumption on to `inner`, as the expansion in [PEP 380] does:
/// values that are sent and exceptions that are thrown go straight through.
/// If the outer generator is closed, `inner` is closed first. Leaves `Next`
/// in `with`, for what is begun afterwards.
///
/// A resumption passes through all levels, and costs some 10 ns for each
/// (`cargo run --release -p stage3-future-task --example depth`).
///
/// An `inner` that is at its end raises `StopIteration`. (In Python its value
/// is `None`; but here it has a type.)
///
/// [PEP 380]: https://peps.python.org/pep-0380/#formal-semantics
pub fn delegate<G: Generator + ?Sized>(
    inner: &mut G,
    with: &mut Resume<G::Sent>,
) -> Step<G::Yield, G::Return> {
    match std::mem::take(with) {
        Resume::Close | Resume::Throw(Exception::GeneratorExit) => {
            let exit = Exception::GeneratorExit;
            Complete(Err(inner.close().err().unwrap_or(exit)))
        }
        with => inner.resume(with),
    }
}
// ANCHOR_END: delegate

// ANCHOR: iterate
/// A generator of what an iterator gives: delegation to something that
/// cannot be sent anything and has nothing to clean up.
pub fn iterate<I: Iterator, S>(
    iterator: I,
) -> impl Generator<Yield = I::Item, Sent = S, Return = ()> {
    Iterate(iterator, std::marker::PhantomData)
}

struct Iterate<I, S>(I, std::marker::PhantomData<S>);

impl<I: Iterator, S> Generator for Iterate<I, S> {
    type Yield = I::Item;
    type Sent = S;
    type Return = ();

    fn resume(&mut self, mut with: Resume<S>) -> Step<I::Item, ()> {
        match with.sent() {
            Ok(None) => self.0.next().map_or(Complete(Ok(())), Yielded),
            Ok(Some(_)) => Complete(Err(Exception::AttributeError("no send"))),
            Err(exception) => Complete(Err(exception)),
        }
    }
}
// ANCHOR_END: iterate
