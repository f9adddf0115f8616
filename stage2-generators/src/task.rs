//! What resumes a generator: when the future that it has yielded gets its
//! result, the task sends the result into it.

use std::cell::{Ref, RefCell};
use std::fmt;
use std::rc::Rc;

use crate::future::Future;
use crate::generator::{Generator, GeneratorState};

// ANCHOR: task
/// Runs a generator that yields futures, each time up to the next future.
///
/// Between two steps the future holds the task. If nobody else does, a
/// generator whose future is forgotten is dropped. In the documents: `Task`.
pub struct Task<G: Generator> {
    generator: RefCell<G>,
    /// Called with what the generator returns.
    done: RefCell<Option<Done<G::Return>>>,
}

type Done<R> = Box<dyn FnOnce(R)>;
// ANCHOR_END: task

impl<T, G> Task<G>
where
    T: Clone + 'static,
    G: Generator<Yield = Future<T>, Sent = T> + 'static,
{
    /// A task that has not begun.
    pub fn new(generator: G) -> Rc<Task<G>> {
        let generator = RefCell::new(generator);
        Rc::new(Task { generator, done: RefCell::new(None) })
    }

    // ANCHOR: start
    /// Takes the first step, here and now. `done` is called with what the
    /// generator returns; it may set the result of another future.
    ///
    /// # Panics
    ///
    /// If the task has begun already.
    pub fn start(self: &Rc<Self>, done: impl FnOnce(G::Return) + 'static) {
        assert!(self.done.borrow().is_none(), "a task begins once");
        self.done.replace(Some(Box::new(done)));
        let state = self.generator.borrow_mut().next();
        match state {
            GeneratorState::Yielded(future) => self.step(&future),
            GeneratorState::Complete(result) => self.complete(result),
        }
    }
    // ANCHOR_END: start

    // ANCHOR: step
    /// Sends the result of `future` into the generator, and waits for the
    /// future that comes out: it calls the next step.
    fn step(self: &Rc<Self>, future: &Future<T>) {
        let mut future = future.clone();
        // What is done already needs no callback.
        while let Some(value) = future.result() {
            let state = self.generator.borrow_mut().send(value);
            match state {
                GeneratorState::Yielded(next) => future = next,
                GeneratorState::Complete(result) => {
                    return self.complete(result);
                }
            }
        }
        let task = self.clone();
        future.add_done_callback(move |future| task.step(future));
    }
    // ANCHOR_END: step

    fn complete(&self, result: G::Return) {
        let done = self.done.take().expect("a task completes once");
        done(result);
    }

    /// The generator, to ask it where it stands.
    ///
    /// # Panics
    ///
    /// If it runs at this moment.
    pub fn generator(&self) -> Ref<'_, G> {
        self.generator.borrow()
    }
}

impl<G: Generator + fmt::Debug> fmt::Debug for Task<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.generator).finish()
    }
}
