//! Coroutines of stage 3 that do one thing after another, and note it.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::{self, Debug, Display};

use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{
    Coroutine, Exception, Frame, Generator, Step, Wait, yield_from,
};

use crate::log::Log;

/// What a coroutine is to do. It notes that it begins, what it gets, what it
/// catches, and what ends it.
#[must_use = "it does nothing before it returns"]
pub struct Script {
    name: &'static str,
    log: Log,
    acts: VecDeque<Coroutine<()>>,
}

impl Script {
    /// A coroutine with this name.
    pub fn new(name: &'static str, log: &Log) -> Script {
        let script = Script { name, log: log.clone(), acts: VecDeque::new() };
        script.says("begins")
    }

    /// Notes its name and `what`.
    pub fn says(self, what: &'static str) -> Script {
        let (name, log) = (self.name, self.log.clone());
        self.calls(move || log.add(format!("{name} {what}")))
    }

    /// Calls `work`.
    pub fn calls(self, work: impl FnOnce() + 'static) -> Script {
        self.tries_to(|| {
            work();
            Ok(())
        })
    }

    /// Raises this.
    pub fn raises(self, exception: Exception) -> Script {
        self.tries_to(|| Err(exception))
    }

    fn tries_to(
        self,
        work: impl FnOnce() -> Result<(), Exception> + 'static,
    ) -> Script {
        let mut work = Some(work);
        self.then(Frame::new(move |_| {
            work.take().map_or(Ok(()), |work| work()).map(Complete)
        }))
    }

    /// A bare `yield`: gives up its turn, and notes that it goes on.
    pub fn pauses(self) -> Script {
        let mut pause = Some(Yielded(None));
        let act = Frame::new(move |mut with| {
            with.sent()?;
            Ok(pause.take().unwrap_or(Complete(())))
        });
        self.then(act).says("goes on")
    }

    /// Waits for `other` and notes what it gets.
    pub fn waits<T: Debug>(self, other: impl Awaited<T> + 'static) -> Script {
        let (name, log) = (self.name, self.log.clone());
        self.awaits(other, move |result| {
            log.add(format!("{name} got {:?}", result?));
            Ok(())
        })
    }

    /// The same, and goes on whatever comes.
    pub fn catches<T: Debug>(self, other: impl Awaited<T> + 'static) -> Script {
        let (name, log) = (self.name, self.log.clone());
        self.awaits(other, move |result| {
            log.add(match result {
                Ok(value) => format!("{name} got {value:?}"),
                Err(exception) => format!("{name} caught {}", kind(&exception)),
            });
            Ok(())
        })
    }

    fn awaits<T>(
        self,
        mut other: impl Awaited<T> + 'static,
        note: impl Fn(Result<T, Exception>) -> Result<(), Exception> + 'static,
    ) -> Script {
        self.then(Frame::new(move |mut with| {
            note(yield_from!(other, with)).map(Complete)
        }))
    }

    fn then(mut self, act: Coroutine<()>) -> Script {
        self.acts.push_back(act);
        self
    }

    /// The coroutine, which returns `value` in the end.
    pub fn returns<T: Clone + 'static>(self, value: T) -> Coroutine<T> {
        let Script { name, log, mut acts } = self;
        Frame::new(move |mut with| {
            while let Some(act) = acts.front_mut() {
                let result = yield_from!(*act, with);
                if let Err(exception) = &result {
                    log.add(format!("{name} raises {}", kind(exception)));
                }
                result?;
                acts.pop_front();
            }
            Ok(Complete(value.clone()))
        })
    }
}

impl Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("name", &self.name).finish()
    }
}

/// What a coroutine can wait for.
pub trait Awaited<T>: Generator<Yield = Wait, Sent = (), Return = T> {}

impl<T, G: Generator<Yield = Wait, Sent = (), Return = T>> Awaited<T> for G {}

/// The name of an exception, as Python has it; for one of the program's own,
/// what it says.
pub fn kind(exception: &Exception) -> String {
    let text = match exception {
        Exception::Error(error) => return error.to_string(),
        other => format!("{other:?}"),
    };
    text.split('(').next().unwrap_or_default().to_string()
}

/// An error of the program's own.
#[derive(Clone, Copy, Debug)]
pub struct Boom;

impl fmt::Display for Boom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Boom")
    }
}

impl Error for Boom {}

/// What came of a resumption.
pub fn said<Y: Display, R: Display>(step: Step<Y, R>) -> String {
    match step {
        Yielded(value) => format!("yields {value}"),
        Complete(Ok(value)) => format!("returns {value}"),
        Complete(Err(exception)) => format!("raises {}", kind(&exception)),
    }
}

/// Closes it, and what came of that.
pub fn closed(generator: &mut impl Generator) -> String {
    match generator.close() {
        Ok(()) => "closed".to_string(),
        Err(exception) => format!("raises {}", kind(&exception)),
    }
}

/// An exception of the program's own, with this name.
pub fn error(name: &'static str) -> Exception {
    Raised(name).into()
}

/// An error with this name.
pub struct Raised(pub &'static str);

impl Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Raised {}
