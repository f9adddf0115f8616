//! The semantics of generators, shown with tiny ones.

use std::mem;
use std::rc::Rc;

use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::Resume::{Next, Send};
use stage2_generators::{Generator, GeneratorState, Resume};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::panics::message_of;

#[test]
fn next_and_send_are_resumptions() {
    within_deadline(|| {
        let mut told = Told(Vec::new());
        assert_eq!(told.next(), Yielded(Next));
        assert_eq!(told.send(1), Yielded(Send(1)));
        assert_eq!(told.resume(Next), Yielded(Next));
        assert_eq!(told.resume(Send(2)), Complete(vec![1, 2]));
    });
}

#[test]
fn values_go_in_and_out_in_order() {
    within_deadline(|| {
        let mut join = Join::new(&Log::default());
        assert_eq!(join.next(), Yielded(0));
        assert_eq!(join.send("one "), Yielded(4));
        assert_eq!(join.send("after "), Yielded(10));
        assert_eq!(join.send("the other"), Yielded(19));
        let all = "one after the other".to_string();
        assert_eq!(join.send(""), Complete(all));
    });
}

#[test]
fn nothing_runs_before_the_first_resumption() {
    within_deadline(|| {
        let log = Log::default();
        let mut join = Join::new(&log);
        log.assert(&[]);
        assert_eq!(join.next(), Yielded(0));
        log.assert(&["begins"]);
        drop(Join::new(&log));
        log.assert(&["begins"]);
    });
}

#[test]
fn what_has_not_begun_can_be_sent_nothing() {
    within_deadline(|| {
        let log = Log::default();
        let mut join = Join::new(&log);
        let message = message_of(|| join.send("early"));
        assert_eq!(message, "in Start, resumed with Send(\"early\")");
        log.assert(&[]);
    });
}

#[test]
fn what_waits_for_a_value_cannot_begin_again() {
    within_deadline(|| {
        let mut join = Join::new(&Log::default());
        assert_eq!(join.next(), Yielded(0));
        let message = message_of(|| join.next());
        assert_eq!(message, "in Waiting(\"\"), resumed with Next");
    });
}

#[test]
fn what_is_complete_cannot_go_on() {
    within_deadline(|| {
        let mut join = Join::new(&Log::default());
        assert_eq!(join.next(), Yielded(0));
        assert_eq!(join.send(""), Complete(String::new()));
        for with in [Next, Send("late")] {
            let message = message_of(|| join.resume(with));
            assert_eq!(message, format!("in Done, resumed with {with:?}"));
        }
    });
}

#[test]
fn a_dropped_generator_drops_what_its_state_holds() {
    within_deadline(|| {
        let held = Rc::new(());
        let new = Holds::Start(held.clone());
        let mut suspended = Holds::Start(held.clone());
        assert_eq!(suspended.next(), Yielded(()));
        assert_eq!(Rc::strong_count(&held), 3);
        drop(new);
        assert_eq!(Rc::strong_count(&held), 2);
        drop(suspended);
        assert_eq!(Rc::strong_count(&held), 1);
    });
}

#[test]
fn a_complete_generator_holds_nothing() {
    within_deadline(|| {
        let held = Rc::new(());
        let mut holds = Holds::Start(held.clone());
        assert_eq!(holds.next(), Yielded(()));
        assert_eq!(holds.send(()), Complete(()));
        assert_eq!(Rc::strong_count(&held), 1);
        drop(holds);
        assert_eq!(Rc::strong_count(&held), 1);
    });
}

#[test]
fn a_suspended_generator_can_be_moved() {
    within_deadline(|| {
        let mut join = Join::new(&Log::default());
        assert_eq!(join.next(), Yielded(0));
        assert_eq!(join.send("here and "), Yielded(9));
        let mut moved = Box::new(join);
        assert_eq!(moved.send("there"), Yielded(14));
        assert_eq!(moved.send(""), Complete("here and there".to_string()));
    });
}

#[test]
fn generators_with_the_same_values_stand_in_one_list() {
    within_deadline(|| {
        let log = Log::default();
        let join = || Box::new(Join::new(&log));
        let mut list: Vec<Box<Joins>> = vec![join(), join()];
        // They do not share what they remember.
        assert_eq!(list[0].next(), Yielded(0));
        assert_eq!(list[1].next(), Yielded(0));
        assert_eq!(list[1].send("second"), Yielded(6));
        assert_eq!(list[0].send(""), Complete(String::new()));
        assert_eq!(list[1].send(""), Complete("second".to_string()));
    });
}

/// Hands out how it was resumed, until two values have been sent.
struct Told(Vec<u32>);

impl Generator for Told {
    type Yield = Resume<u32>;
    type Sent = u32;
    type Return = Vec<u32>;

    fn resume(
        &mut self,
        with: Resume<u32>,
    ) -> GeneratorState<Resume<u32>, Vec<u32>> {
        if let Send(value) = with {
            self.0.push(value);
        }
        match self.0.len() {
            2 => Complete(mem::take(&mut self.0)),
            _ => Yielded(with),
        }
    }
}

type Joins = dyn Generator<Yield = usize, Sent = &'static str, Return = String>;

/// Joins the words that it is sent, up to an empty one, and hands out how
/// long the text is so far.
struct Join {
    state: Words,
    log: Log,
}

#[derive(Debug)]
enum Words {
    Start,
    Waiting(String),
    Done,
}

impl Join {
    fn new(log: &Log) -> Join {
        Join { state: Words::Start, log: log.clone() }
    }
}

impl Generator for Join {
    type Yield = usize;
    type Sent = &'static str;
    type Return = String;

    fn resume(
        &mut self,
        with: Resume<&'static str>,
    ) -> GeneratorState<usize, String> {
        use Words::{Done, Start, Waiting};
        let text = match (mem::replace(&mut self.state, Done), with) {
            (Start, Next) => {
                self.log.add("begins");
                String::new()
            }
            (Waiting(text), Send("")) => return Complete(text),
            (Waiting(text), Send(word)) => text + word,
            (state, with) => panic!("in {state:?}, resumed with {with:?}"),
        };
        let length = text.len();
        self.state = Waiting(text);
        Yielded(length)
    }
}

/// Pauses once; each place where it can stand holds something.
enum Holds {
    Start(Rc<()>),
    Paused(Rc<()>),
    Done,
}

impl Generator for Holds {
    type Yield = ();
    type Sent = ();
    type Return = ();

    fn resume(&mut self, with: Resume<()>) -> GeneratorState<(), ()> {
        match (mem::replace(self, Holds::Done), with) {
            (Holds::Start(held), Next) => {
                *self = Holds::Paused(held);
                Yielded(())
            }
            (Holds::Paused(held), Send(())) => {
                drop(held);
                Complete(())
            }
            _ => panic!("resumed in the wrong way"),
        }
    }
}
