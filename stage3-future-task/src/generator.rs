//! Functions that can pause, now with all that Python can do to them: send,
//! throw, close. Read stage 2's `generator.rs` first; this adds exceptions.

use std::fmt;
use std::mem;

use crate::Exception;
use GeneratorState::{Complete, Yielded};

// ANCHOR: trait
/// A computation that can stop in the middle, hand out a value, and go on
/// later. It ends by returning a value or by raising an [`Exception`].
///
/// What happens when it is resumed ([PEP 342]):
///
/// | | before it has begun | suspended | at its end |
/// |---|---|---|---|
/// | [`next`](Self::next) | runs to the first pause | goes on | raises `StopIteration` |
/// | [`send`](Self::send) | raises `TypeError`, and can still begin | goes on with the value | raises `StopIteration` |
/// | [`throw`](Self::throw) | ends, raises the exception | raises it at the pause | raises it |
/// | [`close`](Self::close) | ends | raises `GeneratorExit` at the pause | does nothing |
///
/// "Generator already executing", Python's `ValueError`, cannot happen: who
/// resumes it holds it by `&mut`.
///
/// [PEP 342]: https://peps.python.org/pep-0342/
pub trait Generator {
    /// What it hands out each time it pauses.
    type Yield;
    /// What it is sent when it goes on.
    type Sent;
    /// What it returns in the end.
    type Return;

    /// Goes on until the next pause, or to the end.
    fn resume(
        &mut self,
        with: Resume<Self::Sent>,
    ) -> Step<Self::Yield, Self::Return>;

    /// Goes on and sends nothing: the way to begin.
    fn next(&mut self) -> Step<Self::Yield, Self::Return> {
        self.resume(Resume::Next)
    }

    /// Goes on with `value`, which the pause evaluates to.
    fn send(&mut self, value: Self::Sent) -> Step<Self::Yield, Self::Return> {
        self.resume(Resume::Send(value))
    }

    /// Raises `exc` at the pause. The generator may catch it and go on.
    fn throw(&mut self, exc: Exception) -> Step<Self::Yield, Self::Return> {
        self.resume(Resume::Throw(exc))
    }

    // ANCHOR: close
    /// Ends it: raises `GeneratorExit` at the pause, which must not be the
    /// reason for another pause.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if it pauses nevertheless; what it raises instead.
    fn close(&mut self) -> Result<(), Exception> {
        use Exception::{GeneratorExit, RuntimeError, StopIteration};
        match self.resume(Resume::Close) {
            Yielded(_) => Err(RuntimeError("generator ignored GeneratorExit")),
            Complete(Ok(_) | Err(GeneratorExit | StopIteration)) => Ok(()),
            Complete(Err(exception)) => Err(exception),
        }
    }
    // ANCHOR_END: close
}
// ANCHOR_END: trait

// ANCHOR: state
/// How a generator is resumed.
#[derive(Clone, Debug, Default)]
pub enum Resume<S> {
    /// With nothing.
    #[default]
    Next,
    /// With this value.
    Send(S),
    /// With this exception, which is raised where it has paused.
    Throw(Exception),
    /// To end: `GeneratorExit` is raised where it has paused.
    Close,
}

/// What came of a resumption.
#[must_use = "a generator that has yielded waits to be resumed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorState<Y, R> {
    /// It has paused and hands this out.
    Yielded(Y),
    /// It has come to its end and returns this.
    Complete(R),
}

/// What came of a resumption: a pause, a value, or an exception.
pub type Step<Y, R> = GeneratorState<Y, Result<R, Exception>>;

/// The same, for `?` in the body of a [`Frame`].
pub type Progress<Y, R> = Result<GeneratorState<Y, R>, Exception>;
// ANCHOR_END: state

impl<S> Resume<S> {
    // ANCHOR: sent
    /// What a pause evaluates to: the value sent, `None` if there is none.
    /// Leaves `Next` behind, for what is begun after the pause.
    ///
    /// # Errors
    ///
    /// What is to be raised at the pause.
    pub fn sent(&mut self) -> Result<Option<S>, Exception> {
        match mem::take(self) {
            Resume::Next => Ok(None),
            Resume::Send(value) => Ok(Some(value)),
            Resume::Throw(exception) => Err(exception),
            Resume::Close => Err(Exception::GeneratorExit),
        }
    }
    // ANCHOR_END: sent
}

// ANCHOR: frame
/// A generator made of a function: the function is the state machine, and
/// this is what Python does around it, at the beginning and at the end.
///
/// The function is called with `Next` first. Each time it says how far it
/// has come; what it must remember it captures.
///
/// ```
/// use stage3_future_task::GeneratorState::{Complete, Yielded};
/// use stage3_future_task::{Frame, Generator, Resume};
///
/// let mut n = 3;
/// let mut countdown = Frame::new(move |mut with: Resume<()>| {
///     with.sent()?; // raises here what was thrown
///     n -= 1;
///     Ok(if n > 0 { Yielded(n) } else { Complete("lift-off") })
/// });
/// assert!(matches!(countdown.next(), Yielded(2)));
/// assert!(matches!(countdown.next(), Yielded(1)));
/// assert!(matches!(countdown.next(), Complete(Ok("lift-off"))));
/// ```
///
/// A suspended one that is dropped is closed, as in Python.
pub struct Frame<Y, S, R> {
    /// `None` while it runs, and at its end.
    body: Option<Body<Y, S, R>>,
    begun: bool,
}

type Body<Y, S, R> = Box<dyn FnMut(Resume<S>) -> Progress<Y, R>>;

impl<Y, S, R> Frame<Y, S, R> {
    /// A generator that has not begun.
    pub fn new(f: impl FnMut(Resume<S>) -> Progress<Y, R> + 'static) -> Self {
        Frame { body: Some(Box::new(f)), begun: false }
    }
}

impl<Y, S, R> Generator for Frame<Y, S, R> {
    type Yield = Y;
    type Sent = S;
    type Return = R;

    fn resume(&mut self, mut with: Resume<S>) -> Step<Y, R> {
        if !self.begun && matches!(with, Resume::Send(_)) {
            let text = "can't send a value to a just-started generator";
            return Complete(Err(Exception::TypeError(text)));
        }
        let Some(mut body) = self.body.take() else {
            let raised = with.sent().err().unwrap_or(Exception::StopIteration);
            return Complete(Err(raised));
        };
        let step = match mem::replace(&mut self.begun, true) {
            true => body(with),
            // Before its first line nothing can be caught.
            false => with.sent().and_then(|_| body(Resume::Next)),
        };
        match step {
            Ok(Yielded(value)) => {
                self.body = Some(body);
                Yielded(value)
            }
            Ok(Complete(value)) => Complete(Ok(value)),
            // It would look as if the generator had returned (PEP 479).
            Err(Exception::StopIteration) => {
                let text = "generator raised StopIteration";
                Complete(Err(Exception::RuntimeError(text)))
            }
            Err(exception) => Complete(Err(exception)),
        }
    }
}

impl<Y, S, R> Drop for Frame<Y, S, R> {
    fn drop(&mut self) {
        // Nobody is left to be told of an error.
        let _ = self.close();
    }
}
// ANCHOR_END: frame

impl<Y, S, R> fmt::Debug for Frame<Y, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}
