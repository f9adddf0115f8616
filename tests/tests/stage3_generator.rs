//! What Python does with a generator, by the rows of the table on
//! `Generator` (PEP 342), and what it does around its end.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

use stage3_future_task::Exception::{
    self, GeneratorExit, RuntimeError, StopIteration, TypeError,
};
use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::Resume::{self, Close, Next, Send, Throw};
use stage3_future_task::{Frame, Generator, Progress, Step};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::panics::message_of;
use tests::script::{Raised, closed, error, kind, said};

// Row "next".

#[test]
fn next_begins_and_runs_to_the_first_pause() {
    within_deadline(|| {
        let log = Log::default();
        let mut frame = parts(
            &log,
            [|log, with| {
                log.add(format!("begins with {with:?}"));
                Ok(Yielded(1))
            }],
        );
        log.assert(&[]);
        assert_eq!(said(frame.next()), "yields 1");
        log.assert(&["begins with Ok(None)"]);
    });
}

#[test]
fn next_goes_on_and_the_pause_evaluates_to_nothing() {
    within_deadline(|| {
        let mut frame = suspended(&Log::default(), |_, sent| {
            assert!(matches!(sent, Ok(None)));
            Ok(Yielded(2))
        });
        assert_eq!(said(frame.next()), "yields 2");
    });
}

#[test]
fn next_at_the_end_raises_stop_iteration_each_time() {
    within_deadline(|| {
        for (way, mut frame) in at_their_end() {
            assert_eq!(said(frame.next()), "raises StopIteration", "{way}");
            assert_eq!(said(frame.next()), "raises StopIteration", "{way}");
        }
    });
}

// Row "send".

#[test]
fn send_before_it_has_begun_is_a_type_error_and_it_can_still_begin() {
    within_deadline(|| {
        let log = Log::default();
        let mut frame = parts(
            &log,
            [|log, _| {
                log.add("begins");
                Ok(Yielded(1))
            }],
        );
        for _ in 0..2 {
            let Complete(Err(TypeError(text))) = frame.send(7) else {
                panic!("no TypeError")
            };
            let expected = "can't send a value to a just-started generator";
            assert_eq!(text, expected);
        }
        log.assert(&[]);
        assert_eq!(said(frame.next()), "yields 1");
        log.assert(&["begins"]);
    });
}

#[test]
fn send_goes_on_and_the_pause_evaluates_to_the_value() {
    within_deadline(|| {
        let mut frame =
            suspended(&Log::default(), |_, sent| Ok(Yielded(sent?.unwrap())));
        assert_eq!(said(frame.send(7)), "yields 7");
    });
}

#[test]
fn send_at_the_end_raises_stop_iteration_each_time() {
    within_deadline(|| {
        for (way, mut frame) in at_their_end() {
            assert_eq!(said(frame.send(7)), "raises StopIteration", "{way}");
            assert_eq!(said(frame.send(7)), "raises StopIteration", "{way}");
        }
    });
}

// Row "throw".

#[test]
fn throw_before_it_has_begun_ends_it_without_a_line_run() {
    within_deadline(|| {
        for exception in [error("ValueError"), GeneratorExit] {
            let kind = kind(&exception);
            let mut frame = unbegun();
            assert_eq!(said(frame.throw(exception)), format!("raises {kind}"));
            assert_eq!(said(frame.next()), "raises StopIteration");
        }
    });
}

#[test]
fn throw_raises_at_the_pause_and_what_is_not_caught_surfaces() {
    within_deadline(|| {
        let log = Log::default();
        let mut frame = suspended(&log, |log, sent| {
            sent.inspect_err(|exc| log.add(kind(exc)))?;
            unreachable!("it was raised");
        });
        assert_eq!(said(frame.throw(error("ValueError"))), "raises ValueError");
        log.assert(&["ValueError"]);
        assert_eq!(said(frame.next()), "raises StopIteration");
    });
}

#[test]
fn what_surfaces_is_the_exception_itself() {
    within_deadline(|| {
        let error: Rc<dyn Error> = Rc::new(Raised("ValueError"));
        let mut frame = suspended(&Log::default(), |_, sent| {
            sent?;
            Ok(Yielded(2))
        });
        let step = frame.throw(Exception::Error(error.clone()));
        let Complete(Err(Exception::Error(surfaced))) = step else {
            panic!("it did not surface")
        };
        assert!(Rc::ptr_eq(&surfaced, &error));
        let surfaced = Exception::Error(surfaced);
        assert!(surfaced.downcast_ref::<Raised>().is_some());
        assert!(surfaced.downcast_ref::<fmt::Error>().is_none());
    });
}

#[test]
fn throw_hands_out_what_the_generator_yields_after_it_has_caught() {
    within_deadline(|| {
        let caught: Part = |_, sent| match sent {
            Err(_) => Ok(Yielded(2)),
            Ok(_) => unreachable!("it was raised"),
        };
        let after: Part = |_, sent| Ok(Yielded(sent?.unwrap()));
        for exception in [error("ValueError"), GeneratorExit, StopIteration] {
            let begin: Part = |_, _| Ok(Yielded(1));
            let mut frame = parts(&Log::default(), [begin, caught, after]);
            assert_eq!(said(frame.next()), "yields 1");
            assert_eq!(said(frame.throw(exception)), "yields 2");
            // It is as any that is suspended.
            assert_eq!(said(frame.send(3)), "yields 3");
        }
    });
}

#[test]
fn throw_gives_what_the_generator_returns_after_it_has_caught() {
    within_deadline(|| {
        let mut frame = suspended(&Log::default(), |_, sent| {
            assert!(sent.is_err());
            Ok(Complete("caught"))
        });
        assert_eq!(said(frame.throw(error("ValueError"))), "returns caught");
        assert_eq!(said(frame.next()), "raises StopIteration");
    });
}

#[test]
fn throw_raises_what_the_generator_raises_instead() {
    within_deadline(|| {
        let mut frame = suspended(&Log::default(), |_, sent| {
            sent.or(Err(error("KeyError"))).map(|_| Yielded(2))
        });
        assert_eq!(said(frame.throw(error("ValueError"))), "raises KeyError");
    });
}

#[test]
fn throw_at_the_end_raises_it_each_time() {
    within_deadline(|| {
        for (way, mut frame) in at_their_end() {
            for exception in [error("ValueError"), StopIteration, GeneratorExit]
            {
                let expected = format!("raises {}", kind(&exception));
                assert_eq!(said(frame.throw(exception)), expected, "{way}");
            }
            assert_eq!(said(frame.next()), "raises StopIteration", "{way}");
        }
    });
}

// Row "close".

#[test]
fn close_before_it_has_begun_ends_it_without_a_line_run() {
    within_deadline(|| {
        let mut frame = unbegun();
        assert_eq!(closed(&mut frame), "closed");
        assert_eq!(said(frame.next()), "raises StopIteration");
        // At its end: not a TypeError.
        assert_eq!(said(frame.send(7)), "raises StopIteration");
    });
}

#[test]
fn close_raises_generator_exit_at_the_pause() {
    within_deadline(|| {
        let log = Log::default();
        let mut frame = suspended(&log, |log, sent| {
            sent.inspect_err(|exc| log.add(kind(exc)))?;
            unreachable!("it was raised");
        });
        assert_eq!(closed(&mut frame), "closed");
        log.assert(&["GeneratorExit"]);
        assert_eq!(said(frame.next()), "raises StopIteration");
    });
}

#[test]
fn close_at_the_end_does_nothing() {
    within_deadline(|| {
        for (way, mut frame) in at_their_end() {
            assert_eq!(closed(&mut frame), "closed", "{way}");
            assert_eq!(closed(&mut frame), "closed", "{way}");
            assert_eq!(said(frame.next()), "raises StopIteration", "{way}");
        }
    });
}

#[test]
fn a_generator_may_return_when_it_is_closed() {
    within_deadline(|| {
        let mut frame = suspended(&Log::default(), |_, sent| {
            assert!(sent.is_err());
            Ok(Complete("nobody sees this"))
        });
        assert_eq!(closed(&mut frame), "closed");
        assert_eq!(said(frame.next()), "raises StopIteration");
    });
}

#[test]
fn close_raises_what_the_generator_raises_instead() {
    within_deadline(|| {
        let mut frame = suspended(&Log::default(), |_, sent| {
            sent.or(Err(error("KeyError"))).map(|_| Yielded(2))
        });
        assert_eq!(closed(&mut frame), "raises KeyError");
        assert_eq!(closed(&mut frame), "closed");
    });
}

#[test]
fn a_generator_that_ignores_a_close_is_a_runtime_error_and_goes_on() {
    within_deadline(|| {
        let begin: Part = |_, _| Ok(Yielded(1));
        let ignores: Part = |_, sent| match sent {
            Err(GeneratorExit) => Ok(Yielded(2)),
            other => panic!("{other:?}"),
        };
        let goes_on: Part = |_, sent| Ok(Yielded(sent?.unwrap()));
        let obeys: Part = |_, sent| sent.map(|_| Yielded(4));
        let mut frame =
            parts(&Log::default(), [begin, ignores, goes_on, ignores, obeys]);
        assert_eq!(said(frame.next()), "yields 1");
        let Err(RuntimeError(text)) = frame.close() else {
            panic!("no RuntimeError")
        };
        assert_eq!(text, "generator ignored GeneratorExit");
        assert_eq!(said(frame.send(3)), "yields 3");
        assert_eq!(closed(&mut frame), "raises RuntimeError");
        assert_eq!(closed(&mut frame), "closed");
    });
}

#[test]
fn generator_exit_that_is_thrown_is_an_exception_like_others() {
    within_deadline(|| {
        let mut frame =
            suspended(&Log::default(), |_, sent| sent.map(|_| Yielded(2)));
        assert_eq!(said(frame.throw(GeneratorExit)), "raises GeneratorExit");
        assert_eq!(said(frame.next()), "raises StopIteration");
    });
}

#[test]
fn close_asks_a_generator_written_by_hand_the_same() {
    within_deadline(|| {
        let answers = [
            (Yielded(1), "raises RuntimeError"),
            (Complete(Ok("done")), "closed"),
            (Complete(Err(GeneratorExit)), "closed"),
            (Complete(Err(StopIteration)), "closed"),
            (Complete(Err(error("ValueError"))), "raises ValueError"),
        ];
        for (answer, expected) in answers {
            assert_eq!(closed(&mut Answers(Some(answer))), expected);
        }
    });
}

// What a pause evaluates to.

#[test]
fn a_pause_evaluates_to_how_it_is_resumed_and_leaves_next_behind() {
    within_deadline(|| {
        let table = [
            (Next, "Ok(None)"),
            (Send(7), "Ok(Some(7))"),
            (Throw(error("ValueError")), "Err(Error(ValueError))"),
            (Throw(GeneratorExit), "Err(GeneratorExit)"),
            (Close, "Err(GeneratorExit)"),
        ];
        for (mut with, expected) in table {
            assert_eq!(format!("{:?}", with.sent()), expected);
            assert!(matches!(with, Next), "after {expected}");
            assert_eq!(format!("{:?}", with.sent()), "Ok(None)");
        }
    });
}

// PEP 479.

#[test]
fn stop_iteration_raised_inside_becomes_a_runtime_error() {
    within_deadline(|| {
        let log = Log::default();
        let raises: Part = |_, _| Err(StopIteration);
        let mut in_its_first_step = parts(&log, [raises]);
        let step = in_its_first_step.next();
        assert!(matches!(
            step,
            Complete(Err(RuntimeError("generator raised StopIteration")))
        ));
        assert_eq!(said(in_its_first_step.next()), "raises StopIteration");

        let step = suspended(&log, raises).send(7);
        assert_eq!(said(step), "raises RuntimeError");
        let step = suspended(&log, raises).throw(error("ValueError"));
        assert_eq!(said(step), "raises RuntimeError");
        assert_eq!(closed(&mut suspended(&log, raises)), "raises RuntimeError");
    });
}

#[test]
fn stop_iteration_thrown_in_becomes_a_runtime_error_if_not_caught() {
    within_deadline(|| {
        let log = Log::default();
        let mut frame = suspended(&log, |_, sent| sent.map(|_| Yielded(2)));
        assert_eq!(said(frame.throw(StopIteration)), "raises RuntimeError");
        let mut frame = unbegun();
        assert_eq!(said(frame.throw(StopIteration)), "raises RuntimeError");
        let mut frame = suspended(&log, |_, _| Ok(Complete("caught")));
        assert_eq!(said(frame.throw(StopIteration)), "returns caught");
    });
}

#[test]
fn the_end_of_another_generator_is_not_taken_for_ones_own() {
    within_deadline(|| {
        let mut ended = suspended(&Log::default(), |_, _| Ok(Complete("")));
        assert_eq!(closed(&mut ended), "closed");
        // In Python: `yield next(ended)`.
        let mut frame: Gen = Frame::new(move |mut with| {
            with.sent()?;
            match ended.next() {
                Yielded(value) => Ok(Yielded(value)),
                Complete(result) => result.map(Complete),
            }
        });
        assert_eq!(said(frame.next()), "raises RuntimeError");
    });
}

// Cleanup.

#[test]
fn cleanup_runs_once_in_each_way_out() {
    within_deadline(|| {
        type WayOut = (&'static str, fn(&mut Gen) -> String);
        let ways: [WayOut; 5] = [
            ("returns done", |frame| said(frame.send(0))),
            ("raises KeyError", |frame| said(frame.next())),
            ("raises ValueError", |frame| {
                said(frame.throw(error("ValueError")))
            }),
            ("raises GeneratorExit", |frame| said(frame.throw(GeneratorExit))),
            ("closed", |frame| closed(frame)),
        ];
        for (expected, way) in ways {
            let log = Log::default();
            let mut frame = cleans_up(&log);
            assert_eq!(said(frame.next()), "yields 1");
            log.assert(&[]);
            assert_eq!(way(&mut frame), expected);
            // What it holds is dropped then, not when the frame is.
            log.assert(&["finally", "dropped"]);
            assert_eq!(said(frame.next()), "raises StopIteration");
            assert_eq!(closed(&mut frame), "closed");
            drop(frame);
            log.assert(&["finally", "dropped"]);
        }
    });
}

#[test]
fn a_suspended_one_that_is_dropped_is_closed() {
    within_deadline(|| {
        let log = Log::default();
        let mut frame = cleans_up(&log);
        assert_eq!(said(frame.next()), "yields 1");
        drop(frame);
        log.assert(&["finally", "dropped"]);
    });
}

#[test]
fn one_that_has_not_begun_only_drops_what_it_holds() {
    within_deadline(|| {
        type WayOut = (&'static str, fn(&mut Gen) -> String);
        let ways: [WayOut; 3] = [
            ("raises ValueError", |frame| {
                said(frame.throw(error("ValueError")))
            }),
            ("closed", |frame| closed(frame)),
            ("still there", |_| "still there".to_string()),
        ];
        for (expected, way) in ways {
            let log = Log::default();
            let mut frame = cleans_up(&log);
            assert_eq!(way(&mut frame), expected);
            drop(frame);
            log.assert(&["dropped"]);
        }
    });
}

#[test]
fn what_one_raises_when_it_is_dropped_is_lost() {
    within_deadline(|| {
        let log = Log::default();
        let frame = suspended(&log, |log, sent| {
            log.add(kind(&sent.unwrap_err()));
            Err(error("KeyError"))
        });
        drop(frame);
        log.expect(&["GeneratorExit"]);
        // This one would rather go on. It is asked once.
        let frame = suspended(&log, |log, sent| {
            log.add(kind(&sent.unwrap_err()));
            Ok(Yielded(2))
        });
        drop(frame);
        log.assert(&["GeneratorExit"]);
    });
}

#[test]
fn what_a_generator_holds_is_dropped_before_its_caller_goes_on() {
    within_deadline(|| {
        let log = Log::default();
        let (mut inner, seen) = (Some(cleans_up(&log)), log.clone());
        let mut outer: Gen = Frame::new(move |mut with| {
            with.sent()?;
            match inner.as_mut().unwrap().next() {
                // Python's local variables are given up by the `return`.
                Yielded(_) => Ok(Complete("done")),
                other => panic!("{}", said(other)),
            }
        });
        seen.add(said(outer.next()));
        log.assert(&["finally", "dropped", "returns done"]);
    });
}

// Panics: Rust only.

#[test]
fn one_whose_body_has_panicked_is_at_its_end() {
    within_deadline(|| {
        let log = Log::default();
        let held = Noted(log.clone());
        let mut frame: Gen = Frame::new(move |_| {
            held.0.add("runs");
            panic!("in its first step")
        });
        assert_eq!(message_of(|| frame.next()), "in its first step");
        log.expect(&["runs", "dropped"]);
        assert_eq!(said(frame.next()), "raises StopIteration");
        assert_eq!(closed(&mut frame), "closed");
        drop(frame);
        log.assert(&[]);

        let mut frame = suspended(&log, |_, _| panic!("after a pause"));
        assert_eq!(message_of(|| frame.send(7)), "after a pause");
        assert_eq!(said(frame.send(7)), "raises StopIteration");
    });
}

#[test]
fn a_panic_at_a_close_is_heard_once_also_from_a_drop() {
    within_deadline(|| {
        let log = Log::default();
        let panics: Part = |_, _| panic!("must not close");
        let mut frame = suspended(&log, panics);
        assert_eq!(message_of(|| frame.close()), "must not close");
        drop(frame);
        let frame = suspended(&log, panics);
        assert_eq!(message_of(|| drop(frame)), "must not close");
    });
}

#[test]
fn a_suspended_one_is_closed_while_a_panic_passes() {
    within_deadline(|| {
        let log = Log::default();
        let passed = panic::catch_unwind(AssertUnwindSafe(|| {
            let mut frame = cleans_up(&log);
            assert_eq!(said(frame.next()), "yields 1");
            panic!("of somebody else")
        }));
        assert!(passed.is_err());
        log.assert(&["finally", "dropped"]);
    });
}

// Types.

/// In Python: "ValueError: generator already executing". Here only something
/// that checks borrows at run time could even try.
#[test]
fn one_that_runs_cannot_be_had_to_be_resumed() {
    within_deadline(|| {
        let shared: Rc<RefCell<Option<Gen>>> = Rc::default();
        let itself = Rc::downgrade(&shared);
        let frame = Frame::new(move |mut with: Resume<u32>| {
            with.sent()?;
            let itself = itself.upgrade().unwrap();
            match itself.try_borrow_mut() {
                Ok(_) => panic!("it is had twice"),
                Err(_) => Ok(Complete("already executing")),
            }
        });
        shared.replace(Some(frame));
        let mut borrowed = shared.borrow_mut();
        let step = borrowed.as_mut().unwrap().next();
        assert_eq!(said(step), "returns already executing");
    });
}

#[test]
fn frames_of_different_functions_have_one_type_and_can_be_moved() {
    within_deadline(|| {
        let log = Log::default();
        let mut list = vec![unbegun(), cleans_up(&log)];
        list.push(suspended(&log, |_, sent| Ok(Yielded(sent?.unwrap()))));
        list.reverse();
        assert_eq!(said(list[0].send(7)), "yields 7");
        assert_eq!(said(list[1].next()), "yields 1");
        drop(list);
        log.assert(&["finally", "dropped"]);
    });
}

#[test]
fn all_can_be_done_with_a_generator_of_unknown_type() {
    within_deadline(|| {
        type Any =
            dyn Generator<Yield = u32, Sent = u32, Return = &'static str>;
        let log = Log::default();
        let mut list: Vec<Box<Any>> = vec![
            Box::new(cleans_up(&log)),
            Box::new(Answers(Some(Yielded(1)))),
        ];
        for any in &mut list {
            assert_eq!(said(any.next()), "yields 1");
        }
        let step = list[0].throw(error("ValueError"));
        assert_eq!(said(step), "raises ValueError");
        assert!(list[0].close().is_ok());
        log.assert(&["finally", "dropped"]);
    });
}

type Gen = Frame<u32, u32, &'static str>;

/// What a generator does up to its next pause, or to its end. It is given
/// what the pause before has evaluated to.
type Part = fn(&Log, Result<Option<u32>, Exception>) -> Advance;
type Advance = Progress<u32, &'static str>;

/// A generator of these parts. After the last one it can only be closed.
fn parts<const N: usize>(log: &Log, parts: [Part; N]) -> Gen {
    let log = log.clone();
    let mut parts = parts.into_iter();
    Frame::new(move |mut with| match (parts.next(), with.sent()) {
        (Some(part), sent) => part(&log, sent),
        (None, Err(exception)) => Err(exception),
        (None, Ok(_)) => panic!("there is no more of it"),
    })
}

/// One that has yielded 1 and goes on with this.
fn suspended(log: &Log, part: Part) -> Gen {
    let mut frame = parts(log, [|_, _| Ok(Yielded(1)), part]);
    assert_eq!(said(frame.next()), "yields 1");
    frame
}

/// One that must not begin.
fn unbegun() -> Gen {
    Frame::new(|_| panic!("it has begun"))
}

/// Generators that have come to their end in all the ways there are.
fn at_their_end() -> Vec<(&'static str, Gen)> {
    let log = Log::default();
    let passes: Part = |_, sent| sent.map(|_| Complete("done"));

    let mut returned = suspended(&log, passes);
    assert_eq!(said(returned.next()), "returns done");
    let mut raised = suspended(&log, |_, _| Err(error("KeyError")));
    assert_eq!(said(raised.next()), "raises KeyError");
    let mut thrown = suspended(&log, passes);
    assert_eq!(said(thrown.throw(error("ValueError"))), "raises ValueError");
    let mut was_closed = suspended(&log, passes);
    assert_eq!(closed(&mut was_closed), "closed");
    let mut thrown_early = unbegun();
    let step = thrown_early.throw(error("ValueError"));
    assert_eq!(said(step), "raises ValueError");
    let mut closed_early = unbegun();
    assert_eq!(closed(&mut closed_early), "closed");

    vec![
        ("returned", returned),
        ("raised", raised),
        ("thrown", thrown),
        ("closed", was_closed),
        ("thrown before it began", thrown_early),
        ("closed before it began", closed_early),
    ]
}

/// Pauses once, with something to do at the end in whatever way it comes: as
/// Python's `finally`, and as Rust's `drop`. It returns if it is sent
/// something, raises `KeyError` if not, and passes on what is thrown.
fn cleans_up(log: &Log) -> Gen {
    let held = Noted(log.clone());
    let mut begun = false;
    Frame::new(move |mut with| {
        if !begun {
            begun = true;
            return with.sent().map(|_| Yielded(1));
        }
        let step = match with.sent() {
            Ok(Some(_)) => Ok(Complete("done")),
            Ok(None) => Err(error("KeyError")),
            Err(exception) => Err(exception),
        };
        held.0.add("finally");
        step
    })
}

/// Notes when it is dropped.
struct Noted(Log);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

/// Whatever is done with it, it answers this, once.
struct Answers(Option<Step<u32, &'static str>>);

impl Generator for Answers {
    type Yield = u32;
    type Sent = u32;
    type Return = &'static str;

    fn resume(&mut self, _: Resume<u32>) -> Step<u32, &'static str> {
        self.0.take().expect("it is resumed once")
    }
}
