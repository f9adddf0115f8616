//! Where a task waits: for reports, and for whoever asks "why is it hung?".

use std::panic::Location;

use crate::*;

/// What is waited for, and the line of the program that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// What is waited for: `sleep`, `recv`.
    pub what: &'static str,
    /// The line.
    pub at: &'static Location<'static>,
}

impl Place {
    /// The line that calls the function that calls this one.
    #[track_caller]
    pub(crate) fn here(what: &'static str) -> Place {
        Place { what, at: Location::caller() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.what, self.at.file(), self.at.line())
    }
}
