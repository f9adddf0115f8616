//! The wish that a program ends: made by Ctrl-C or by a test, on any thread.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The exit status of a program that Ctrl-C ended: 128 and SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// A switch that goes from "go on" to "end now", once. Clones share it.
#[derive(Clone, Default)]
pub struct Interrupt {
    shared: Arc<Mutex<Shared>>,
}

type Hook = Box<dyn Fn() + Send>;

#[derive(Default)]
struct Shared {
    triggered: bool,
    hooks: Vec<Hook>,
}

impl Interrupt {
    /// A switch that nobody has triggered yet.
    pub fn new() -> Interrupt {
        Interrupt::default()
    }

    /// The switch that the next Ctrl-C triggers: whoever asks before that
    /// gets the same one. While nobody has one, Ctrl-C ends the process.
    ///
    /// # Errors
    ///
    /// Somebody else handles Ctrl-C in this process.
    pub fn ctrl_c() -> io::Result<Interrupt> {
        static NEXT: Mutex<(bool, Weak<Mutex<Shared>>)> =
            Mutex::new((false, Weak::new()));
        let lock = || NEXT.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = lock();
        if !next.0 {
            ctrlc::set_handler(move || {
                let shared = std::mem::take(&mut lock().1).upgrade();
                match shared {
                    Some(shared) => Interrupt { shared }.trigger(),
                    None => std::process::exit(EXIT_INTERRUPTED.into()),
                }
            })
            .map_err(|error| io::Error::other(format!("Ctrl-C: {error}")))?;
            next.0 = true;
        }
        let shared = next.1.upgrade().unwrap_or_default();
        next.1 = Arc::downgrade(&shared);
        Ok(Interrupt { shared })
    }

    /// Asks whoever watches this switch to end. A second call does nothing.
    pub fn trigger(&self) {
        let mut shared = self.lock();
        shared.triggered = true;
        let hooks = std::mem::take(&mut shared.hooks);
        // A hook may use this switch: call it without the lock.
        drop(shared);
        for hook in hooks {
            hook();
        }
    }

    /// Whether [`trigger`](Self::trigger) has been called.
    pub fn is_triggered(&self) -> bool {
        self.lock().triggered
    }

    /// Has `hook` called once, on the triggering thread; at once if the
    /// switch was triggered already. An event loop passes what wakes it.
    pub fn on_trigger(&self, hook: Box<dyn Fn() + Send>) {
        let mut shared = self.lock();
        if !shared.triggered {
            shared.hooks.push(hook);
            return;
        }
        drop(shared);
        hook();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt").field(&self.is_triggered()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn hooks_run_once_whether_early_or_late() {
        let interrupt = Interrupt::new();
        let (sender, receiver) = mpsc::channel();
        let early = sender.clone();
        interrupt.on_trigger(Box::new(move || early.send("early").unwrap()));
        assert!(!interrupt.is_triggered());
        interrupt.clone().trigger();
        interrupt.trigger();
        assert!(interrupt.is_triggered());
        interrupt.on_trigger(Box::new(move || sender.send("late").unwrap()));
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["early", "late"]);
    }

    #[test]
    fn a_hook_may_use_the_switch() {
        let interrupt = Interrupt::new();
        let inner = interrupt.clone();
        let (sender, receiver) = mpsc::channel();
        interrupt.on_trigger(Box::new(move || {
            sender.send(inner.is_triggered()).unwrap();
        }));
        interrupt.trigger();
        assert_eq!(receiver.try_recv(), Ok(true));
    }
}
