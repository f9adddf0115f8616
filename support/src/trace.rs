//! What an event loop does, in words that all stages share, and two writers
//! for it: text for people, one JSON object a line for programs.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The version of the JSON lines, in their field `v`.
pub const VERSION: u32 = 1;

/// One thing that a loop, or a machine on it, has done.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A turn of the loop begins. The writers count them.
    Turn,
    /// The loop asks the selector, and waits at most this long; `None` is
    /// for as long as it takes.
    Wait(Option<Duration>),
    /// The selector reports this source.
    Ready(usize),
    /// A callback from the ready queue is called: the name of its type, as
    /// [`std::any::type_name`] has it.
    Call(&'static str),
    /// A callback is registered for a source's readiness.
    Register(usize, Interest, &'static str),
    /// The callback for a source is forgotten before it was called.
    Unregister(usize),
    /// A timer with this number is to fire after this time.
    TimerSet(u64, Duration, &'static str),
    /// A timer is due: its callback joins the ready queue.
    TimerFired(u64),
    /// A timer is cancelled before it fired.
    TimerCancelled(u64),
    /// A named machine goes on to a state.
    State {
        /// Which machine: a fetch, a connection.
        machine: &'a dyn fmt::Display,
        /// What it does or waits for from now on.
        state: &'a dyn fmt::Display,
    },
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(Duration::ZERO, 0, *self))
    }
}

/// What a source is to be ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// A read, or an accept, will not block.
    Readable,
    /// A write will not block, or a connection has been made or refused.
    Writable,
}

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Interest::Readable => "readable",
            Interest::Writable => "writable",
        })
    }
}

/// Where events are recorded. Clones write to the same place; when tracing
/// is off, recording costs one branch.
#[derive(Clone, Default)]
pub struct Trace {
    writer: Option<Arc<Mutex<Writer>>>,
}

struct Writer {
    out: Box<dyn Write + Send>,
    format: Format,
    started: Instant,
    turn: u64,
    /// Set at the first failed write: the disk is full, say. One complaint
    /// is enough, and the program that is being traced goes on.
    failed: bool,
}

/// Writes an event: so long after the start, in this turn.
/// `None` leaves it out.
type Format = fn(Duration, u64, Event<'_>) -> Option<String>;

impl Trace {
    /// Records nothing.
    pub fn off() -> Trace {
        Trace::default()
    }

    /// Writes one readable line an event.
    pub fn text(out: impl Write + Send + 'static) -> Trace {
        Trace::new(Box::new(out), |at, turn, event| Some(text(at, turn, event)))
    }

    /// Writes one readable line for each change of a machine's state, and
    /// nothing of the loop: what a program's `-v` shows.
    pub fn states(out: impl Write + Send + 'static) -> Trace {
        Trace::new(Box::new(out), |_, _, event| match event {
            Event::State { machine, state } => {
                Some(format!("{machine}: {state}"))
            }
            _ => None,
        })
    }

    /// Writes one JSON object a line, with [`VERSION`] in its field `v`.
    pub fn json(out: impl Write + Send + 'static) -> Trace {
        Trace::new(Box::new(out), |at, turn, event| Some(json(at, turn, event)))
    }

    fn new(out: Box<dyn Write + Send>, format: Format) -> Trace {
        let started = Instant::now();
        let writer = Writer { out, format, started, turn: 0, failed: false };
        Trace { writer: Some(Arc::new(Mutex::new(writer))) }
    }

    /// Whether anything is recorded at all.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Records `event`, if tracing is on.
    #[inline]
    pub fn record(&self, event: Event<'_>) {
        if let Some(writer) = &self.writer {
            writer.lock().unwrap_or_else(PoisonError::into_inner).write(event);
        }
    }

    /// Records that `machine` goes on to `state`, if tracing is on.
    #[inline]
    pub fn state(&self, machine: &dyn fmt::Display, state: &dyn fmt::Display) {
        self.record(Event::State { machine, state });
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.writer.is_some() {
            "Trace(on)"
        } else {
            "Trace(off)"
        })
    }
}

impl Writer {
    fn write(&mut self, event: Event<'_>) {
        if self.failed {
            return;
        }
        self.turn += u64::from(matches!(event, Event::Turn));
        let line = (self.format)(self.started.elapsed(), self.turn, event);
        if let Some(line) = line
            && let Err(error) = writeln!(self.out, "{line}")
        {
            self.failed = true;
            complain(&error);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.failed
            && let Err(error) = self.out.flush()
        {
            complain(&error);
        }
    }
}

fn complain(error: &io::Error) {
    // With stderr gone, too, there is nobody left to tell.
    let _ = writeln!(io::stderr(), "trace: cannot write: {error}");
}

fn text(at: Duration, turn: u64, event: Event<'_>) -> String {
    let at = format!("{:9.6}", at.as_secs_f64());
    match event {
        Event::Turn => format!("{at} turn {turn}"),
        Event::Wait(None) => format!("{at}   wait        without end"),
        Event::Wait(Some(time)) => {
            format!("{at}   wait        at most {:.6} s", time.as_secs_f64())
        }
        Event::Ready(key) => format!("{at}   ready       source {key}"),
        Event::Call(name) => {
            format!("{at}   call        {}", short(name))
        }
        Event::Register(key, interest, name) => format!(
            "{at}     register   source {key}, {interest}: {}",
            short(name)
        ),
        Event::Unregister(key) => format!("{at}     unregister source {key}"),
        Event::TimerSet(id, time, name) => format!(
            "{at}     timer {id} set, in {:.6} s: {}",
            time.as_secs_f64(),
            short(name)
        ),
        Event::TimerFired(id) => format!("{at}   timer {id} fired"),
        Event::TimerCancelled(id) => format!("{at}     timer {id} cancelled"),
        Event::State { machine, state } => {
            format!("{at}     {machine}: {state}")
        }
    }
}

fn json(at: Duration, turn: u64, event: Event<'_>) -> String {
    let mut line = match event {
        Event::Turn => json!({"event": "turn", "turn": turn}),
        Event::Wait(time) => json!({
            "event": "wait", "timeout_s": time.map(|t| t.as_secs_f64()),
        }),
        Event::Ready(key) => json!({"event": "ready", "source": key}),
        Event::Call(name) => json!({"event": "call", "name": short(name)}),
        Event::Register(key, interest, name) => json!({
            "event": "register", "source": key,
            "interest": interest.to_string(), "name": short(name),
        }),
        Event::Unregister(key) => {
            json!({"event": "unregister", "source": key})
        }
        Event::TimerSet(id, time, name) => json!({
            "event": "timer_set", "timer": id,
            "after_s": time.as_secs_f64(), "name": short(name),
        }),
        Event::TimerFired(id) => json!({"event": "timer_fired", "timer": id}),
        Event::TimerCancelled(id) => {
            json!({"event": "timer_cancelled", "timer": id})
        }
        Event::State { machine, state } => {
            let (machine, state) = (machine.to_string(), state.to_string());
            json!({"event": "state", "machine": machine, "state": state})
        }
    };
    line["v"] = Value::from(VERSION);
    line["t"] = Value::from(at.as_secs_f64());
    line.to_string()
}

/// A callback's name without its crate, from the name of its type: the
/// function that is called, or the one in which the closure stands.
fn short(type_name: &'static str) -> String {
    // `Fetch::wait<Fetch::send>::{{closure}}` is a closure that calls `send`;
    // what has a capital letter is a type, and is not called.
    let inner = type_name
        .strip_suffix(">::{{closure}}")
        .and_then(|generic| generic.rsplit(['<', ' ']).next())
        .filter(|name| {
            let last = name.rsplit("::").next();
            last.is_some_and(|word| word.starts_with(char::is_lowercase))
        });
    let name = without_generics(&without_impl(inner.unwrap_or(type_name)));
    let path = name.trim_end_matches("::{{closure}}");
    let short = match path.rmatch_indices("::").nth(1) {
        Some((at, _)) => &path[at + 2..],
        None => path,
    };
    match path == name {
        true => short.to_string(),
        false => format!("closure in {short}"),
    }
}

/// A path in which `<impl a::Type>`, for an `impl` in another module than
/// the type's, is `Type`.
fn without_impl(path: &str) -> String {
    let Some((before, (name, after))) = path
        .split_once("<impl ")
        .and_then(|(before, rest)| Some((before, rest.split_once('>')?)))
    else {
        return path.to_string();
    };
    let name = name.rsplit("::").next().unwrap_or(name);
    format!("{before}{name}{after}")
}

/// A path without what stands between `<` and `>`.
fn without_generics(path: &str) -> String {
    let mut depth = 0;
    let mut plain = String::new();
    // The arrow of a function's type closes nothing.
    for c in path.replace("->", "").chars() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer whose bytes the test can read.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Memory {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    const EVENTS: [Event<'static>; 11] = [
        Event::Turn,
        Event::Wait(None),
        Event::Wait(Some(Duration::from_millis(1500))),
        Event::Ready(3),
        Event::Call("stage1::crawler::Fetch::connected::{{closure}}"),
        Event::Register(
            3,
            Interest::Readable,
            "a::Fetch::wait<(b::C, d::E<f::G>), a::Fetch::send>::{{closure}}",
        ),
        Event::Unregister(3),
        Event::TimerSet(7, Duration::from_secs(2), "a::b::c::{{closure}}"),
        Event::TimerFired(7),
        Event::TimerCancelled(7),
        Event::State { machine: &"fetch /", state: &"reading" },
    ];

    #[test]
    fn text_is_one_readable_line_an_event() {
        let memory = Memory::default();
        let trace = Trace::text(memory.clone());
        EVENTS.into_iter().for_each(|event| trace.record(event));
        let text = memory.text();
        let lines: Vec<_> = text.lines().map(|line| line[9..].trim()).collect();
        assert_eq!(
            lines,
            [
                "turn 1",
                "wait        without end",
                "wait        at most 1.500000 s",
                "ready       source 3",
                "call        closure in Fetch::connected",
                "register   source 3, readable: Fetch::send",
                "unregister source 3",
                "timer 7 set, in 2.000000 s: closure in b::c",
                "timer 7 fired",
                "timer 7 cancelled",
                "fetch /: reading",
            ]
        );
    }

    #[test]
    fn what_a_generic_function_waits_for_is_not_its_callback() {
        let name = "a::Fetch::wait<b::VecDeque<c::Address>>::{{closure}}";
        assert_eq!(short(name), "closure in Fetch::wait");
        assert_eq!(short("a::b::Server::resume"), "Server::resume");
        let name = "a::Task<fn() -> b::C>::call_soon::{{closure}}";
        assert_eq!(short(name), "closure in Task::call_soon");
        let name = "a::b::<impl a::c::Loop>::run<d::E>::{{closure}}";
        assert_eq!(short(name), "closure in Loop::run");
    }

    #[test]
    fn json_is_one_object_an_event_with_version_and_time() {
        let memory = Memory::default();
        let trace = Trace::json(memory.clone());
        EVENTS.into_iter().for_each(|event| trace.record(event));
        let text = memory.text();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), EVENTS.len());
        assert!(lines.iter().all(|line| line["v"] == VERSION));
        assert!(lines.iter().all(|line| line["t"].is_f64()));
        assert_eq!(lines[1]["timeout_s"], Value::Null);
        assert_eq!(lines[5]["interest"], "readable");
        assert_eq!(lines[10]["state"], "reading");
    }

    #[test]
    fn states_are_machines_alone() {
        let memory = Memory::default();
        let trace = Trace::states(memory.clone());
        EVENTS.into_iter().for_each(|event| trace.record(event));
        trace.state(&"connection 1", &"closed");
        assert_eq!(memory.text(), "fetch /: reading\nconnection 1: closed\n");
    }

    #[test]
    fn a_full_disk_is_complained_about_once() {
        struct Full(u32);
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                assert_eq!(self.0, 1, "written to again after the error");
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                panic!("flushed after the error")
            }
        }
        let trace = Trace::text(Full(0));
        EVENTS.into_iter().for_each(|event| trace.record(event));
    }
}
