//! What a generator can raise, and what can be thrown into it.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

// ANCHOR: exception
/// Why a generator ends without a value. Clones are the same exception: a
/// failed task raises it in everybody who waits for it.
#[derive(Clone, Debug)]
pub enum Exception {
    /// It was closed.
    GeneratorExit,
    /// It was resumed after its end.
    StopIteration,
    /// What it waited for, or the task that runs it, was cancelled.
    CancelledError,
    /// The time for it was over.
    TimeoutError,
    /// A future was asked for a result that it does not have, or given a
    /// second one.
    InvalidStateError,
    /// What was wanted of it, it cannot do.
    AttributeError(&'static str),
    /// It was used in a way that has no meaning.
    TypeError(&'static str),
    /// What it did was against the rules of generators or tasks.
    RuntimeError(&'static str),
    /// What went wrong in its own work.
    Error(Rc<dyn Error>),
}
// ANCHOR_END: exception

impl Exception {
    /// The program's own error, if it is one of this type.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Exception::Error(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

/// So that `?` raises any error. (For this, `Exception` itself must not be an
/// `Error`.)
impl<E: Error + 'static> From<E> for Exception {
    fn from(error: E) -> Exception {
        Exception::Error(Rc::new(error))
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exception::AttributeError(text)
            | Exception::TypeError(text)
            | Exception::RuntimeError(text) => f.write_str(text),
            Exception::Error(error) => error.fmt(f),
            // The others say it all by their names.
            other => fmt::Debug::fmt(other, f),
        }
    }
}
