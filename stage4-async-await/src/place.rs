//! Where a task waits: for reports, and for whoever asks "why is it hung?".

use std::panic::Location;

use crate::*;

/// What is waited for, and the line of the program that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// A reference, to be small: whoever waits has one of these.
    what: &'static &'static str,
    at: &'static Location<'static>,
}

impl Place {
    /// The line that calls the function that calls this one.
    #[track_caller]
    pub(crate) fn here(what: &'static &'static str) -> Place {
        Place { what, at: Location::caller() }
    }

    pub(crate) fn new(
        what: &'static &'static str,
        at: &'static Location<'static>,
    ) -> Place {
        Place { what, at }
    }

    /// What is waited for: `sleep`, `recv`.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The line.
    pub fn at(&self) -> &'static Location<'static> {
        self.at
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.what, self.at.file(), self.at.line())
    }
}
