//! Stage 3's generators do what CPython's do: `python/generators.py` says
//! what happens in each of its scenarios, and here they are played again.
//!
//! Compared with CPython 3.11; where there is another, this is skipped. A
//! machine that has `REQUIRE_REAL_SERVERS=1` must have one at all.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::mem;
use std::path::Path;
use std::process::Command;

use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::{
    Exception, Frame, Generator, Resume, Step, iterate, yield_from,
};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::python::{is_python_here, lines};
use tests::script::kind;

#[test]
fn what_happens_in_each_scenario_is_what_happens_in_python() {
    if !is_python_here() {
        return;
    }
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("python/generators.py");
    let python = lines(Command::new("python3").arg("-B").arg(script));
    within_deadline(move || {
        let (mut played, mut different) = (0, 0);
        for scenario in scenarios(&python) {
            played += 1;
            let rust = play(&scenario[0]);
            if rust != scenario[1..] {
                different += 1;
                let (header, python) = (&scenario[0], &scenario[1..]);
                println!("{header}\nCPython: {python:#?}\nhere: {rust:#?}");
            }
        }
        assert!(played > 50, "only {played} scenarios");
        assert_eq!(different, 0, "scenarios of {played} are different");
    });
}

/// Each with its header.
fn scenarios(lines: &[String]) -> impl Iterator<Item = &[String]> {
    let is_header = |line: &String| line.starts_with("# ");
    assert!(is_header(&lines[0]));
    lines.chunk_by(move |_, next| !is_header(next))
}

/// What happens in the scenario with this header.
fn play(header: &str) -> Vec<String> {
    let mut parts = header.split(" / ").skip(1);
    let mut part = || parts.next().expect("# NAME / CAST / SCRIPT");
    let (who, script) = (part(), part());
    let log = Log::default();
    let mut generator = cast(&log, who);
    for step in script.split(", ") {
        log.add(format!("{step}:"));
        log.add(resume(&mut *generator, step));
    }
    log.add("drop:");
    drop(generator);
    log.take()
}

/// The generator of a scenario: `KIND HOW...`, from the outermost on.
fn cast(log: &Log, who: &str) -> Box<dyn Worker> {
    let (kind, hows) = who.split_once(' ').expect("KIND HOW...");
    let mut all: Vec<_> =
        ["a", "b", "c"].into_iter().zip(hows.split(' ')).collect();
    let outermost = all.remove(0);
    if kind == "items" {
        let items = ["item 1", "item 2"].map(str::to_string);
        let items = [ReturnsNone(iterate(items.into_iter()))];
        return Box::new(worker(log, outermost, items.into()));
    }
    let mut inners: VecDeque<Gen> = VecDeque::new();
    for other in all.into_iter().rev() {
        if kind == "turns" {
            inners.push_front(worker::<Gen>(log, other, [].into()));
        } else {
            inners = [worker(log, other, inners)].into();
        }
    }
    Box::new(worker(log, outermost, inners))
}

type Gen = Frame<String, String, String>;

trait Worker: Generator<Yield = String, Sent = String, Return = String> {}

impl<G> Worker for G where
    G: Generator<Yield = String, Sent = String, Return = String>
{
}

/// Runs `inners` one after the other. Without any, it waits for "stop". The
/// name comes with what it does about an exception.
fn worker<G: Worker + 'static>(
    log: &Log,
    (name, how): (&'static str, &str),
    mut inners: VecDeque<G>,
) -> Gen {
    let (log, noted, mut how) = (log.clone(), log.clone(), how.to_string());
    let (mut begun, mut waits) = (false, false);
    let mut runs = move |mut with: Resume<String>| {
        if !mem::replace(&mut begun, true) {
            log.add(format!("{name} begins"));
        }
        loop {
            let result = match inners.front_mut() {
                Some(inner) => yield_from!(*inner, with),
                None if mem::take(&mut waits) => with.sent().map(or_none),
                None => {
                    waits = true;
                    return Ok(Yielded(format!("{name} waits")));
                }
            };
            match result {
                Ok(got) => {
                    log.add(format!("{name} got {got}"));
                    let is_last = inners.len() == 1;
                    inners.pop_front();
                    if is_last || got == "stop" {
                        return Ok(Complete(format!("{name} after {got}")));
                    }
                }
                Err(exception) => {
                    log.add(format!("{name} caught {}", kind(&exception)));
                    if how == "retries" {
                        how = "passes".to_string();
                        continue;
                    }
                    inners.pop_front();
                    match how.as_str() {
                        "passes" => return Err(exception),
                        "raises" => return Err(Raised("KeyError").into()),
                        "stops" => return Err(Exception::StopIteration),
                        "returns" => {
                            return Ok(Complete(format!("{name} at once")));
                        }
                        how => assert_eq!(how, "ignores"),
                    }
                }
            }
        }
    };
    Frame::new(move |with| {
        let progress = runs(with);
        if !matches!(progress, Ok(Yielded(_))) {
            noted.add(format!("{name} cleans up"));
        }
        progress
    })
}

/// Takes a step and returns what came of it.
fn resume(generator: &mut dyn Worker, step: &str) -> String {
    let (verb, what) = step.split_once(' ').unwrap_or((step, ""));
    let step = match verb {
        "next" => generator.next(),
        "send" => generator.send(what.to_string()),
        "throw" => generator.throw(match what {
            "GeneratorExit" => Exception::GeneratorExit,
            "StopIteration" => Exception::StopIteration,
            "ValueError" => Raised("ValueError").into(),
            other => panic!("{other}"),
        }),
        "close" => match generator.close() {
            Ok(()) => return "closed".to_string(),
            Err(exception) => return format!("raises {}", kind(&exception)),
        },
        other => panic!("{other}"),
    };
    match step {
        Yielded(value) => format!("yields {value}"),
        // In Python the end is an exception, with a value or without.
        Complete(Ok(value)) => format!("raises StopIteration, {value}"),
        Complete(Err(Exception::StopIteration)) => {
            "raises StopIteration, None".to_string()
        }
        Complete(Err(exception)) => format!("raises {}", kind(&exception)),
    }
}

/// What Python gets where there is nothing.
fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| "None".to_string())
}

/// Returns what Python functions return that return nothing.
struct ReturnsNone<G>(G);

impl<G: Generator<Return = ()>> Generator for ReturnsNone<G> {
    type Yield = G::Yield;
    type Sent = G::Sent;
    type Return = String;

    fn resume(&mut self, with: Resume<G::Sent>) -> Step<G::Yield, String> {
        match self.0.resume(with) {
            Yielded(value) => Yielded(value),
            Complete(result) => Complete(result.map(|()| or_none(None))),
        }
    }
}

/// An error of the program's own, with this name.
#[derive(Debug)]
struct Raised(&'static str);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Raised {}
