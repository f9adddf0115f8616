//! A result that is not there yet, and who wants to know of it. A callback
//! of the loop sets the result; a `Task` waits for it.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::rc::Rc;

/// A place for a result that comes later. Clones are handles to the same
/// place. In the documents: `Future`.
///
/// ```
/// use stage2_generators::Future;
///
/// let future = Future::new();
/// future.add_done_callback(|f| println!("there it is: {:?}", f.result()));
/// future.set_result(42)?; // prints
/// # Ok::<(), stage2_generators::InvalidState>(())
/// ```
#[derive(Clone)]
pub struct Future<T> {
    inner: Rc<RefCell<Inner<T>>>,
}

// ANCHOR: inner
struct Inner<T> {
    result: Option<T>,
    callbacks: Vec<Callback<T>>,
}

type Callback<T> = Box<dyn FnOnce(&Future<T>)>;
// ANCHOR_END: inner

impl<T: Clone> Future<T> {
    /// A future without a result.
    pub fn new() -> Future<T> {
        let inner = Inner { result: None, callbacks: Vec::new() };
        Future { inner: Rc::new(RefCell::new(inner)) }
    }

    /// Whether the result is there.
    pub fn done(&self) -> bool {
        self.inner.borrow().result.is_some()
    }

    /// The result, if it is there.
    pub fn result(&self) -> Option<T> {
        self.inner.borrow().result.clone()
    }

    // ANCHOR: set_result
    /// Sets the result and calls the callbacks, here and now, in the order in
    /// which they were added. All that waited for the result goes on inside
    /// of this call, and stands on its stack: some thousand tasks that wait
    /// for one another in a chain are too many.
    ///
    /// # Errors
    ///
    /// There is a result already; it stays, and no callback is called.
    pub fn set_result(&self, result: T) -> Result<(), InvalidState> {
        let mut inner = self.inner.borrow_mut();
        if inner.result.is_some() {
            return Err(InvalidState);
        }
        inner.result = Some(result);
        let callbacks = mem::take(&mut inner.callbacks);
        drop(inner); // a callback may use this future
        for callback in callbacks {
            callback(self);
        }
        Ok(())
    }
    // ANCHOR_END: set_result

    /// Sets the result unless there is one: for callbacks of which the first
    /// counts.
    pub fn set_if_pending(&self, result: T) {
        let _ = self.set_result(result);
    }

    // ANCHOR: add_done_callback
    /// Has `callback` called with this future when the result is set; at
    /// once, inside of this call, if it is there already.
    pub fn add_done_callback(&self, callback: impl FnOnce(&Self) + 'static) {
        if self.done() {
            callback(self);
        } else {
            self.inner.borrow_mut().callbacks.push(Box::new(callback));
        }
    }
    // ANCHOR_END: add_done_callback
}

impl<T: Clone> Default for Future<T> {
    fn default() -> Future<T> {
        Future::new()
    }
}

impl<T: Clone> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Future").field("done", &self.done()).finish()
    }
}

/// The result of a future was set a second time. In asyncio:
/// `InvalidStateError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidState;

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the future has its result already")
    }
}

impl std::error::Error for InvalidState {}
