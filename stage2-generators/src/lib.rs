//! Stage 2 of the evolution of coroutines: generators written by hand,
//! stepped by `Future` and `Task`.
//!
//! # Layout
//!
//! Read in this order:
//!
//! 0. `examples/`: `countdown`, `running_average`, `producer_consumer`,
//!    `send_by_hand`, `four_uses`: generators alone; `race`: a future alone;
//!    `sleepers`: all parts at work
//! 1. `generator.rs`: [`Generator`], a function that can pause
//! 2. `future.rs`: [`Future`], a result and who waits for it
//! 3. `task.rs`: [`Task`], what resumes a generator
//! 4. `crawler.rs`: [`crawl`], one fetch as a generator
//! 5. `echo.rs`: [`serve`], each listener and each connection as one
//!
//! # What changed since stage 1
//!
//! Where a suspended computation lives: in an `enum`, one variant for each
//! place where it can wait, with exactly what it needs to go on. The loop is
//! stage 1's, unchanged. Each callback that it calls now does the same thing:
//!
//! 1. the loop calls the callback,
//! 2. the callback sets a value into a `Future` ([`Future::set_result`]),
//! 3. the future calls `Task::step`,
//! 4. the step sends the value into the generator ([`Generator::send`]), and
//!    has itself called by the future that the generator yields next.

#![forbid(unsafe_code)]

mod crawler;
mod echo;
mod future;
mod generator;
mod task;

pub use crawler::crawl;
pub use echo::serve;
pub use future::{Future, InvalidState};
pub use generator::{Generator, GeneratorState, Resume};
pub use task::Task;

// What the tests of the machines share. They need sockets that take a part of
// what is written, and that tell later that they are refused.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{TcpListener, TcpStream};
    use std::panic::{self, AssertUnwindSafe};
    use std::time::Duration;

    /// What takes longer fails.
    pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

    /// From a state, when this is sent, to a state.
    pub(crate) type Transition = (String, String, String);

    /// What the table above an `enum` says, one transition for each target.
    pub(crate) fn table(source: &str, name: &str) -> BTreeSet<Transition> {
        let (above, _) = source.split_once(&format!("\nenum {name} ")).unwrap();
        let comment = above.lines().rev().take_while(|line| !line.is_empty());
        let rows: Vec<Vec<&str>> = comment
            .filter(|line| line.starts_with("/// |") && line.contains('`'))
            .map(|line| line.split('|').collect())
            .collect();
        let states = || rows.iter().flat_map(|row| names(row[1]));
        let mut table = BTreeSet::new();
        for row in &rows {
            let [_, from, sent, to, _] = row[..] else { panic!("{row:?}") };
            let any = from.trim().starts_with("any");
            let sent = names(sent).next().unwrap_or(sent.trim());
            for from in states().filter(|s| names(from).any(|n| n == *s) != any)
            {
                for to in names(to).chain(to.contains("done").then_some("done"))
                {
                    table.insert([from, sent, to].map(String::from).into());
                }
            }
        }
        table
    }

    /// What stands in backticks.
    fn names(cell: &str) -> impl Iterator<Item = &str> {
        cell.split('`').skip(1).step_by(2)
    }

    /// The message with which `work` panics.
    #[track_caller]
    pub(crate) fn message_of<T>(work: impl FnOnce() -> T) -> String {
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        *result.err().expect("a panic").downcast().expect("with values in it")
    }

    /// Two ends of a connection: one for a machine, one that blocks, but not
    /// for ever.
    pub(crate) fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        theirs.set_read_timeout(Some(DEADLINE)).unwrap();
        theirs.set_write_timeout(Some(DEADLINE)).unwrap();
        (ours, theirs)
    }
}
