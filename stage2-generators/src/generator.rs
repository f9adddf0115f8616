//! A function that can pause, written by hand: an `enum` of the places where
//! it can stand, and one method that goes on from there. `Task` resumes it.

// ANCHOR: trait
/// A computation that can stop in the middle, hand out a value, and go on
/// later with a value that it is sent.
///
/// What Python keeps of a function with `yield` in it is written by hand
/// here: [`resume`](Self::resume) looks up where it stopped, does what comes
/// next, and notes where it stops now.
///
/// Nothing happens before the first resumption, which sends nothing: there
/// is no `yield` yet whose value it could be.
///
/// | here | Python | unstable in std |
/// |---|---|---|
/// | `Generator` | a generator object | `std::ops::Coroutine<R>` |
/// | [`Yield`](Self::Yield) | what `yield` hands out | `Yield` |
/// | [`Sent`](Self::Sent) | what `yield` evaluates to | the parameter `R` |
/// | [`Return`](Self::Return) | `StopIteration.value` | `Return` |
/// | [`next`](Self::next) | `next(g)`, `g.send(None)` | |
/// | [`send`](Self::send) | `g.send(value)` | `resume(self: Pin<&mut Self>, R)` |
/// | [`GeneratorState`] | a value, or `StopIteration` | `CoroutineState` |
///
/// The compiler's own state machines can hold references into themselves, so
/// std pins them. Ours hold none and can be moved.
pub trait Generator {
    /// What it hands out each time it pauses.
    type Yield;
    /// What it is sent when it goes on.
    type Sent;
    /// What it returns in the end.
    type Return;

    /// Goes on until the next pause, or to the end.
    ///
    /// # Panics
    ///
    /// If it is complete already, or is sent a value before it has begun:
    /// Python raises `StopIteration` and `TypeError`. If it is sent what it
    /// does not wait for.
    fn resume(
        &mut self,
        with: Resume<Self::Sent>,
    ) -> GeneratorState<Self::Yield, Self::Return>;

    /// Goes on and sends nothing: the way to begin.
    ///
    /// # Panics
    ///
    /// As [`resume`](Self::resume).
    fn next(&mut self) -> GeneratorState<Self::Yield, Self::Return> {
        self.resume(Resume::Next)
    }

    /// Goes on with `value`, which the pause evaluates to.
    ///
    /// # Panics
    ///
    /// As [`resume`](Self::resume).
    fn send(
        &mut self,
        value: Self::Sent,
    ) -> GeneratorState<Self::Yield, Self::Return> {
        self.resume(Resume::Send(value))
    }
}
// ANCHOR_END: trait

// ANCHOR: state
/// How a generator is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume<S> {
    /// With nothing.
    Next,
    /// With this value.
    Send(S),
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
// ANCHOR_END: state
