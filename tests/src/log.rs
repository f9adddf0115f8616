//! What happened, in order: callbacks and generators note what they do.

use std::cell::RefCell;
use std::rc::Rc;

/// Events in the order in which they happened. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    /// Notes `what`.
    pub fn add(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    /// A callback that notes `what`.
    pub fn adds(&self, what: &'static str) -> impl FnOnce() + use<> {
        let log = self.clone();
        move || log.add(what)
    }

    /// What has been noted; afterwards the log is empty.
    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// Expects these events, and no others, so far.
    ///
    /// # Panics
    ///
    /// If others have been noted.
    #[track_caller]
    pub fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }

    /// The same; afterwards the log is empty.
    ///
    /// # Panics
    ///
    /// If others have been noted.
    #[track_caller]
    pub fn expect(&self, expected: &[&str]) {
        self.assert(expected);
        self.0.take();
    }
}
