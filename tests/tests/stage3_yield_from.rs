//! Delegation, by the rows of PEP 380: what goes through, where what is not
//! caught surfaces, and in which order all is closed.

use std::collections::VecDeque;
use std::error::Error;
use std::panic;
use std::rc::Rc;
use std::thread;

use stage3_future_task::Exception::{
    self, AttributeError, GeneratorExit, RuntimeError, StopIteration,
};
use stage3_future_task::GeneratorState::{Complete, Yielded};
use stage3_future_task::Resume::{self, Close, Next, Send, Throw};
use stage3_future_task::{
    Frame, Generator, Progress, Step, delegate, iterate, yield_from,
};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::script::{Raised, closed, error, kind, said};

// "Any values that the iterator yields are passed directly to the caller."

#[test]
fn what_the_inner_one_yields_goes_straight_out() {
    within_deadline(|| {
        let log = Log::default();
        let yields: [Part; 3] = [
            |_, _| Ok(Yielded("one")),
            |_, _| Ok(Yielded("two")),
            |_, _| Ok(Yielded("three")),
        ];
        let mut outer = noted(&log, "outer", parts(&log, yields));
        assert_eq!(said(outer.next()), "yields one");
        assert_eq!(said(outer.send("?")), "yields two");
        assert_eq!(said(outer.next()), "yields three");
        log.assert(&[]);
    });
}

// "Any values sent to the delegating generator using send() are passed
// directly to the iterator. If the sent value is None, next() is called."

#[test]
fn what_is_sent_goes_straight_in() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = noted(&log, "outer", listens(&log, "inner"));
        assert_eq!(said(outer.next()), "yields more");
        assert_eq!(said(outer.send("one")), "yields more");
        assert_eq!(said(outer.next()), "yields more");
        assert_eq!(said(outer.send("two")), "yields more");
        log.assert(&["inner got one", "inner got nothing", "inner got two"]);
    });
}

#[test]
fn each_resumption_reaches_the_inner_one_as_the_table_says() {
    within_deadline(|| {
        let table = [
            (Next, "Next"),
            (Send("one"), r#"Send("one")"#),
            (Throw(error("ValueError")), "Throw(Error(ValueError))"),
            (Throw(StopIteration), "Throw(StopIteration)"),
            (Throw(GeneratorExit), "Close"),
            (Close, "Close"),
        ];
        for (with, expected) in table {
            let log = Log::default();
            let mut outer = noted(&log, "outer", Told(log.clone()));
            assert_eq!(said(outer.next()), "yields told");
            log.expect(&["Next"]);
            let _ = outer.resume(with);
            assert_eq!(log.take()[0], expected);
        }
    });
}

#[test]
fn delegation_begins_with_next_however_the_outer_one_was_resumed() {
    within_deadline(|| {
        for with in [Next, Send("one"), Throw(error("ValueError"))] {
            let log = Log::default();
            let mut inner = listens(&log, "inner");
            let mut steps = 0;
            let mut outer: Gen = Frame::new(move |mut with| {
                steps += 1;
                match steps {
                    1 => return Ok(Yielded("outer")),
                    2 => _ = with.sent(),
                    _ => {}
                }
                yield_from!(inner, with).map(Complete)
            });
            assert_eq!(said(outer.next()), "yields outer");
            assert_eq!(said(outer.resume(with)), "yields more");
            assert_eq!(said(outer.send("two")), "yields more");
            log.assert(&["inner got two"]);
        }
    });
}

// "The value of the yield from expression is the first argument to the
// StopIteration exception raised by the iterator when it terminates."

#[test]
fn what_the_inner_one_returns_is_the_value_of_the_expression() {
    within_deadline(|| {
        let mut inner: Frame<u32, (), &str> =
            Frame::new(|_| Ok(Complete("text")));
        // The types of the results need not be the same.
        let mut outer: Frame<u32, (), usize> = Frame::new(move |mut with| {
            let text = yield_from!(inner, with)?;
            Ok(Complete(text.len()))
        });
        assert_eq!(said(outer.next()), "returns 4");
    });
}

#[test]
fn an_inner_one_that_never_pauses_takes_no_step_of_its_own() {
    within_deadline(|| {
        let log = Log::default();
        let at_once: [Part; 1] = [|_, _| Ok(Complete("done"))];
        let mut outer = noted(&log, "outer", parts(&log, at_once));
        assert_eq!(said(outer.next()), "returns done");
        log.assert(&["outer got done"]);
    });
}

#[test]
fn one_that_has_begun_already_goes_on_where_it_is() {
    within_deadline(|| {
        let log = Log::default();
        let mut inner = listens(&log, "inner");
        assert_eq!(said(inner.next()), "yields more");
        let mut outer = noted(&log, "outer", inner);
        assert_eq!(said(outer.next()), "yields more");
        log.assert(&["inner got nothing"]);
    });
}

// "Exceptions other than GeneratorExit thrown into the delegating generator
// are passed to the throw() method of the iterator."

#[test]
fn what_is_thrown_goes_to_the_innermost_and_nobody_else_if_it_is_caught() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = three_levels(&log, |log, sent| {
            log.add(format!("inner caught {}", kind(&sent.unwrap_err())));
            Ok(Yielded("two"))
        });
        assert_eq!(said(outer.throw(error("ValueError"))), "yields two");
        log.assert(&["inner caught ValueError"]);
    });
}

#[test]
fn what_is_not_caught_surfaces_at_each_delegation_from_the_inside() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = three_levels(&log, |log, sent| {
            log.add(format!(
                "inner raised {}",
                kind(sent.as_ref().unwrap_err())
            ));
            sent.map(|_| Yielded("two"))
        });
        let step = outer.throw(error("ValueError"));
        assert_eq!(said(step), "raises ValueError");
        log.assert(&[
            "inner raised ValueError",
            "middle raised ValueError",
            "outer raised ValueError",
        ]);
        assert_eq!(said(outer.next()), "raises StopIteration");
    });
}

#[test]
fn it_is_the_same_exception_at_each_level() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer =
            three_levels(&log, |_, sent| sent.map(|_| Yielded("two")));
        let thrown: Rc<dyn Error> = Rc::new(Raised("ValueError"));
        let step = outer.throw(Exception::Error(thrown.clone()));
        let Complete(Err(Exception::Error(surfaced))) = step else {
            panic!("it did not surface")
        };
        assert!(Rc::ptr_eq(&thrown, &surfaced));
    });
}

#[test]
fn what_is_caught_in_the_middle_stays_there_and_the_middle_goes_on() {
    within_deadline(|| {
        let log = Log::default();
        let inner = listens(&log, "inner");
        let middle = delegates(
            &log,
            inner,
            [
                |log, result| {
                    log.add(format!("caught {}", kind(&result.unwrap_err())));
                    Ok(Yielded("middle"))
                },
                |log, sent| {
                    log.add(format!("middle got {:?}", sent?));
                    Ok(Complete("done"))
                },
            ],
        );
        let mut outer = noted(&log, "outer", middle);
        assert_eq!(said(outer.next()), "yields more");
        assert_eq!(said(outer.throw(error("ValueError"))), "yields middle");
        log.expect(&["inner raised ValueError", "caught ValueError"]);
        assert_eq!(said(outer.send("one")), "returns done");
        log.assert(&[r#"middle got Some("one")"#, "outer got done"]);
    });
}

#[test]
fn one_that_returns_when_something_is_thrown_gives_the_value() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = three_levels(&log, |_, sent| {
            assert!(sent.is_err());
            Ok(Complete("instead"))
        });
        let step = outer.throw(error("ValueError"));
        assert_eq!(said(step), "returns instead");
        log.assert(&["middle got instead", "outer got instead"]);
    });
}

#[test]
fn what_the_inner_one_raises_instead_surfaces_at_the_delegation() {
    within_deadline(|| {
        let log = Log::default();
        let raises: Part = |_, _| Err(error("KeyError"));
        let expected = ["middle raised KeyError", "outer raised KeyError"];
        let mut outer = three_levels(&log, raises);
        let step = outer.throw(error("ValueError"));
        assert_eq!(said(step), "raises KeyError");
        log.expect(&expected);
        // The same without anything thrown in.
        let mut outer = three_levels(&log, raises);
        assert_eq!(said(outer.next()), "raises KeyError");
        log.expect(&expected);
    });
}

#[test]
fn stop_iteration_raised_in_the_inner_one_is_not_taken_for_its_return() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = three_levels(&log, |_, _| Err(StopIteration));
        assert_eq!(said(outer.next()), "raises RuntimeError");
        log.expect(&[
            "middle raised RuntimeError",
            "outer raised RuntimeError",
        ]);

        let mut outer =
            three_levels(&log, |_, sent| sent.map(|_| Yielded("two")));
        assert_eq!(said(outer.throw(StopIteration)), "raises RuntimeError");
        log.expect(&[
            "middle raised RuntimeError",
            "outer raised RuntimeError",
        ]);
    });
}

// "If a GeneratorExit exception is thrown into the delegating generator, or
// the close() method of the delegating generator is called, then the close()
// method of the iterator is called if it has one."

#[test]
fn all_are_closed_from_the_inside_out() {
    within_deadline(|| {
        for way_out in CLOSED_AND_THROWN {
            let log = Log::default();
            let mut outer = three_levels(&log, |log, sent| {
                log.add(format!("inner raised {}", kind(&sent.unwrap_err())));
                Err(GeneratorExit)
            });
            let said = way_out(&mut outer);
            assert!(said == "closed" || said == "raises GeneratorExit");
            log.expect(&[
                "inner raised GeneratorExit",
                "middle raised GeneratorExit",
                "outer raised GeneratorExit",
            ]);
            drop(outer);
            log.assert(&[]);
        }
    });
}

#[test]
fn a_chain_that_is_dropped_is_closed_from_the_inside_out() {
    within_deadline(|| {
        let log = Log::default();
        let outer = three_levels(&log, |log, sent| {
            log.add(format!("inner raised {}", kind(&sent.unwrap_err())));
            Err(GeneratorExit)
        });
        drop(outer);
        log.assert(&[
            "inner raised GeneratorExit",
            "middle raised GeneratorExit",
            "outer raised GeneratorExit",
        ]);
    });
}

#[test]
fn generator_exit_goes_on_although_the_inner_one_returns_at_its_close() {
    within_deadline(|| {
        for way_out in CLOSED_AND_THROWN {
            let log = Log::default();
            let mut outer = three_levels(&log, |_, sent| {
                assert!(matches!(sent, Err(GeneratorExit)));
                Ok(Complete("nobody gets this"))
            });
            let said = way_out(&mut outer);
            assert!(said == "closed" || said == "raises GeneratorExit");
            log.assert(&[
                "middle raised GeneratorExit",
                "outer raised GeneratorExit",
            ]);
        }
    });
}

#[test]
fn an_inner_one_that_ignores_its_close_is_a_runtime_error_there() {
    within_deadline(|| {
        for way_out in CLOSED_AND_THROWN {
            let log = Log::default();
            let mut outer = three_levels(&log, |log, sent| {
                log.add(format!("inner ignored {}", kind(&sent.unwrap_err())));
                Ok(Yielded("two"))
            });
            assert_eq!(way_out(&mut outer), "raises RuntimeError");
            log.assert(&[
                "inner ignored GeneratorExit",
                "middle raised RuntimeError",
                "outer raised RuntimeError",
            ]);
        }
    });
}

#[test]
fn one_that_has_ignored_its_close_can_be_asked_again() {
    within_deadline(|| {
        let log = Log::default();
        let ignores: [Part; 2] =
            [|_, _| Ok(Yielded("one")), |_, _| Ok(Yielded("two"))];
        let mut inner = parts(&log, ignores);
        let mut failed = false;
        let mut outer: Gen = Frame::new(move |mut with| {
            if !failed {
                let raised = yield_from!(inner, with).unwrap_err();
                let RuntimeError(text) = raised else { panic!("{raised:?}") };
                assert_eq!(text, "generator ignored GeneratorExit");
                failed = true;
            }
            yield_from!(inner, with).map(Complete)
        });
        assert_eq!(said(outer.next()), "yields one");
        // It has caught the error, and the inner one has no more to do.
        assert_eq!(said(outer.throw(GeneratorExit)), "yields end");
        assert_eq!(closed(&mut outer), "closed");
    });
}

#[test]
fn what_the_inner_one_raises_at_its_close_surfaces_there() {
    within_deadline(|| {
        for way_out in CLOSED_AND_THROWN {
            let log = Log::default();
            let mut outer = three_levels(&log, |_, sent| {
                assert!(matches!(sent, Err(GeneratorExit)));
                Err(error("KeyError"))
            });
            assert_eq!(way_out(&mut outer), "raises KeyError");
            log.assert(&["middle raised KeyError", "outer raised KeyError"]);
        }
    });
}

#[test]
fn the_outer_one_may_return_after_the_inner_one_was_closed() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = delegates(
            &log,
            listens(&log, "inner"),
            [|log, result| {
                log.add(format!("outer caught {}", kind(&result.unwrap_err())));
                Ok(Complete("done"))
            }],
        );
        assert_eq!(said(outer.next()), "yields more");
        assert_eq!(closed(&mut outer), "closed");
        log.assert(&[
            "inner raised GeneratorExit",
            "outer caught GeneratorExit",
        ]);
    });
}

#[test]
fn an_outer_one_may_ignore_a_close_that_the_inner_one_has_obeyed() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = delegates(
            &log,
            listens(&log, "inner"),
            [|_, _| Ok(Yielded("outer")), |_, _| Ok(Complete("done"))],
        );
        assert_eq!(said(outer.next()), "yields more");
        assert_eq!(closed(&mut outer), "raises RuntimeError");
        log.assert(&["inner raised GeneratorExit"]);
        assert_eq!(said(outer.next()), "returns done");
    });
}

#[test]
fn what_it_has_not_come_to_is_not_begun_by_a_close() {
    within_deadline(|| {
        let log = Log::default();
        let never: [Part; 1] = [|_, _| panic!("it has begun")];
        let (mut inner, mut paused) = (parts(&log, never), false);
        let mut outer: Gen = Frame::new(move |mut with| {
            with.sent()?;
            if !paused {
                paused = true;
                return Ok(Yielded("outer"));
            }
            yield_from!(inner, with).map(Complete)
        });
        assert_eq!(said(outer.next()), "yields outer");
        assert_eq!(closed(&mut outer), "closed");
        // Neither if nobody has begun at all.
        let mut outer = noted(&log, "outer", parts(&log, never));
        assert_eq!(closed(&mut outer), "closed");
        log.assert(&[]);
    });
}

// Iterators: they have a `next` only.

#[test]
fn an_iterator_hands_out_its_items_and_then_the_outer_one_goes_on() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = noted_end(&log, iterate(["one", "two"].into_iter()));
        assert_eq!(said(outer.next()), "yields one");
        assert_eq!(said(outer.next()), "yields two");
        log.assert(&[]);
        assert_eq!(said(outer.next()), "returns end");
        log.assert(&["outer got ()"]);
    });
}

#[test]
fn an_iterator_that_is_sent_something_is_an_attribute_error_there() {
    within_deadline(|| {
        let log = Log::default();
        let mut items = iterate(["one", "two"].into_iter());
        let (mut caught, seen) = (false, log.clone());
        let mut outer: Gen = Frame::new(move |mut with| {
            if caught {
                with.sent()?;
                return Ok(Complete("done"));
            }
            let raised = yield_from!(items, with).unwrap_err();
            let AttributeError(text) = raised else { panic!("{raised:?}") };
            seen.add(text);
            caught = true;
            Ok(Yielded("outer"))
        });
        assert_eq!(said(outer.next()), "yields one");
        assert_eq!(said(outer.send("?")), "yields outer");
        log.assert(&["no send"]);
        assert_eq!(said(outer.next()), "returns done");
    });
}

#[test]
fn what_is_thrown_at_an_iterator_is_raised_at_the_delegation() {
    within_deadline(|| {
        let log = Log::default();
        for exception in [error("ValueError"), GeneratorExit] {
            let kind = kind(&exception);
            let mut outer =
                noted_end(&log, iterate(["one", "two"].into_iter()));
            assert_eq!(said(outer.next()), "yields one");
            assert_eq!(said(outer.throw(exception)), format!("raises {kind}"));
            log.expect(&[&format!("outer raised {kind}")]);
        }
    });
}

#[test]
fn an_iterator_needs_no_close() {
    within_deadline(|| {
        let log = Log::default();
        let seen = log.clone();
        let items = ["one", "two"].into_iter();
        let items = items.inspect(move |item| seen.add(*item));
        let mut outer = noted_end(&log, iterate(items));
        assert_eq!(said(outer.next()), "yields one");
        assert_eq!(closed(&mut outer), "closed");
        log.assert(&["one", "outer raised GeneratorExit"]);
    });
}

#[test]
fn an_iterator_goes_on_after_what_was_thrown_past_it() {
    within_deadline(|| {
        for with in
            [Throw(error("ValueError")), Throw(GeneratorExit), Send("?")]
        {
            let log = Log::default();
            let mut items = iterate(["one", "two"].into_iter());
            let (mut caught, seen) = (false, log.clone());
            let mut outer: Gen = Frame::new(move |mut with| {
                if !caught {
                    let raised = yield_from!(items, with).unwrap_err();
                    seen.add(kind(&raised));
                    caught = true;
                }
                yield_from!(items, with)?;
                Ok(Complete("done"))
            });
            assert_eq!(said(outer.next()), "yields one");
            assert_eq!(said(outer.resume(with)), "yields two");
            assert_eq!(said(outer.next()), "returns done");
        }
    });
}

#[test]
fn an_iterator_at_its_end_yields_nothing_as_often_as_it_is_asked() {
    within_deadline(|| {
        let mut items = iterate(std::iter::empty());
        let mut outer: Gen = Frame::new(move |mut with| {
            yield_from!(items, with)?;
            yield_from!(items, with)?;
            Ok(Complete("done"))
        });
        assert_eq!(said(outer.next()), "returns done");
    });
}

#[test]
fn stop_iteration_thrown_at_an_iterator_is_raised_at_the_delegation() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = noted_end(&log, iterate(["one"].into_iter()));
        assert_eq!(said(outer.next()), "yields one");
        assert_eq!(said(outer.throw(StopIteration)), "raises RuntimeError");
        log.assert(&["outer raised StopIteration"]);
    });
}

// Several at once, and one after the other.

#[test]
fn values_go_through_three_levels_in_both_directions() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = three_levels(&log, |_, sent| {
            assert_eq!(sent?, Some("in"));
            Ok(Yielded("out"))
        });
        assert_eq!(said(outer.send("in")), "yields out");
        log.assert(&[]);
        assert_eq!(said(outer.send("done")), "returns done");
        log.assert(&["middle got done", "outer got done"]);
    });
}

#[test]
fn one_after_the_other_in_a_loop() {
    within_deadline(|| {
        let log = Log::default();
        let mut names: VecDeque<_> = ["a", "b", "c"].into();
        let (mut inner, seen) = (None, log.clone());
        let mut outer: Gen = Frame::new(move |mut with| {
            loop {
                if let Some(inner) = &mut inner {
                    yield_from!(*inner, with)?;
                }
                match names.pop_front() {
                    None => return Ok(Complete("done")),
                    Some(name) => inner = Some(listens(&seen, name)),
                }
            }
        });
        assert_eq!(said(outer.next()), "yields more");
        for name in ["a", "b", "c"] {
            assert_eq!(said(outer.send("one")), "yields more");
            // The next one begins in the same resumption, and is not sent
            // what has ended the one before.
            let expected =
                if name == "c" { "returns done" } else { "yields more" };
            assert_eq!(said(outer.send("stop")), expected);
            log.expect(&[
                &format!("{name} got one"),
                &format!("{name} got stop"),
            ]);
        }
    });
}

#[test]
fn a_second_delegation_begins_with_next_whatever_has_ended_the_first() {
    within_deadline(|| {
        let endings = [
            Next,
            Send("one"),
            Throw(error("ValueError")),
            Throw(GeneratorExit),
        ];
        for with in endings {
            let log = Log::default();
            let ends: [Part; 2] =
                [|_, _| Ok(Yielded("first")), |_, _| Ok(Complete("done"))];
            let mut first = parts(&log, ends);
            let mut second = Told(log.clone());
            let mut done = false;
            let mut outer: Gen = Frame::new(move |mut with| {
                if !done {
                    let _ = yield_from!(first, with);
                    done = true;
                }
                yield_from!(second, with).map(Complete)
            });
            assert_eq!(said(outer.next()), "yields first");
            assert_eq!(said(outer.resume(with)), "yields told");
            log.assert(&["Next"]);
        }
    });
}

#[test]
fn delegate_leaves_next_behind_also_while_the_inner_one_pauses() {
    within_deadline(|| {
        let log = Log::default();
        for mut with in [Next, Send("one"), Throw(error("ValueError")), Close] {
            let _ = delegate(&mut Told(log.clone()), &mut with);
            assert!(matches!(with, Next));
        }
    });
}

/// In Python the value would be `None`. Here there may be no such value.
#[test]
fn delegation_to_one_at_its_end_raises_stop_iteration_there() {
    within_deadline(|| {
        let log = Log::default();
        let mut returned = listens(&log, "inner");
        assert_eq!(said(returned.next()), "yields more");
        assert_eq!(said(returned.send("stop")), "returns stop");
        let mut closed_early = listens(&log, "inner");
        assert_eq!(closed(&mut closed_early), "closed");
        log.take();
        for inner in [returned, closed_early] {
            let mut outer = noted(&log, "outer", inner);
            // Nobody has caught it (PEP 479).
            assert_eq!(said(outer.next()), "raises RuntimeError");
            log.expect(&["outer raised StopIteration"]);
        }
    });
}

#[test]
fn a_panic_in_the_innermost_ends_all_levels() {
    within_deadline(|| {
        let log = Log::default();
        let mut outer = three_levels(&log, |_, _| panic!("innermost"));
        let message = tests::panics::message_of(|| outer.next());
        assert_eq!(message, "innermost");
        assert_eq!(said(outer.next()), "raises StopIteration");
        assert_eq!(closed(&mut outer), "closed");
        log.assert(&[]);
    });
}

// Deep chains, on the stack that a thread has.

#[test]
fn a_thousand_levels_are_resumed_and_return() {
    on_a_common_stack(|| {
        let log = Log::default();
        let mut outer = chain(listens(&log, "inner"));
        assert_eq!(said(outer.next()), "yields more");
        assert_eq!(said(outer.send("one")), "yields more");
        assert_eq!(said(outer.next()), "yields more");
        assert_eq!(said(outer.send("stop")), "returns stop");
        log.assert(&["inner got one", "inner got nothing", "inner got stop"]);
    });
}

#[test]
fn what_is_thrown_comes_back_through_a_thousand_levels() {
    on_a_common_stack(|| {
        let log = Log::default();
        let mut outer = chain(listens(&log, "inner"));
        assert_eq!(said(outer.next()), "yields more");
        let step = outer.throw(error("ValueError"));
        assert_eq!(said(step), "raises ValueError");
        log.assert(&["inner raised ValueError"]);
    });
}

#[test]
fn a_thousand_levels_are_closed_and_dropped() {
    on_a_common_stack(|| {
        let log = Log::default();
        let mut closes = chain(listens(&log, "inner"));
        assert_eq!(said(closes.next()), "yields more");
        assert_eq!(closed(&mut closes), "closed");
        log.expect(&["inner raised GeneratorExit"]);

        let mut suspended = chain(listens(&log, "inner"));
        assert_eq!(said(suspended.next()), "yields more");
        drop(suspended);
        log.expect(&["inner raised GeneratorExit"]);

        // Each of these is dropped by the one around it.
        drop(chain(listens(&log, "inner")));
        let mut unbegun = chain(listens(&log, "inner"));
        assert_eq!(closed(&mut unbegun), "closed");
        log.assert(&[]);
    });
}

#[test]
fn a_thousand_levels_are_dropped_while_a_panic_passes() {
    on_a_common_stack(|| {
        let log = Log::default();
        let panics: [Part; 2] =
            [|_, _| Ok(Yielded("one")), |_, _| panic!("innermost")];
        let mut outer = chain(parts(&log, panics));
        assert_eq!(said(outer.next()), "yields one");
        let message = tests::panics::message_of(|| outer.next());
        assert_eq!(message, "innermost");
    });
}

type Gen = Frame<&'static str, &'static str, &'static str>;

/// What a generator does up to its next pause, or to its end. It is given
/// what the pause, or the delegation, before has evaluated to.
type Part = fn(&Log, Result<Option<&'static str>, Exception>) -> Advance;
type Advance = Progress<&'static str, &'static str>;

/// A generator of these parts. Afterwards it returns what it is sent; until
/// then it yields "end".
fn parts<const N: usize>(log: &Log, parts: [Part; N]) -> Gen {
    let log = log.clone();
    let mut parts = parts.into_iter();
    Frame::new(move |mut with| {
        let sent = with.sent();
        match parts.next() {
            Some(part) => part(&log, sent),
            None => Ok(sent?.map_or(Yielded("end"), Complete)),
        }
    })
}

/// Delegates to `inner`, and goes on with these parts; what came of the
/// delegation is for the first of them.
fn delegates<const N: usize>(
    log: &Log,
    mut inner: Gen,
    rest: [Part; N],
) -> Gen {
    let log = log.clone();
    let (mut parts, mut delegates) = (rest.into_iter(), true);
    Frame::new(move |mut with| {
        let before = match delegates {
            true => yield_from!(inner, with).map(Some),
            false => with.sent(),
        };
        delegates = false;
        match parts.next() {
            Some(part) => part(&log, before),
            None => before.map(|_| Yielded("end")),
        }
    })
}

/// Delegates to `inner`, notes what comes of that, and passes it on.
fn noted<G>(log: &Log, name: &'static str, mut inner: G) -> Gen
where
    G: Generator<
            Yield = &'static str,
            Sent = &'static str,
            Return = &'static str,
        > + 'static,
{
    let log = log.clone();
    Frame::new(move |mut with| {
        let result = yield_from!(inner, with);
        log.add(match &result {
            Ok(value) => format!("{name} got {value}"),
            Err(exception) => format!("{name} raised {}", kind(exception)),
        });
        result.map(Complete)
    })
}

/// The same for one that returns nothing.
fn noted_end<G>(log: &Log, mut inner: G) -> Gen
where
    G: Generator<Yield = &'static str, Sent = &'static str, Return = ()>
        + 'static,
{
    let log = log.clone();
    Frame::new(move |mut with| {
        let result = yield_from!(inner, with);
        log.add(match &result {
            Ok(()) => "outer got ()".to_string(),
            Err(exception) => format!("outer raised {}", kind(exception)),
        });
        result.map(|()| Complete("end"))
    })
}

/// A chain that has yielded "one"; its innermost goes on with this.
fn three_levels(log: &Log, part: Part) -> Gen {
    let inner = parts(log, [|_, _| Ok(Yielded("one")), part]);
    let mut outer = noted(log, "outer", noted(log, "middle", inner));
    assert_eq!(said(outer.next()), "yields one");
    log.assert(&[]);
    outer
}

/// A thousand levels around this.
fn chain(innermost: Gen) -> Gen {
    (0..1_000).fold(innermost, |mut inner, _| {
        Frame::new(move |mut with| Ok(Complete(yield_from!(inner, with)?)))
    })
}

/// Notes what it is sent and what is raised, until it is sent "stop", which
/// it returns.
fn listens(log: &Log, name: &'static str) -> Gen {
    let log = log.clone();
    let mut begun = false;
    Frame::new(move |mut with| {
        if !begun {
            begun = true;
            return with.sent().map(|_| Yielded("more"));
        }
        match with.sent() {
            Ok(sent) => {
                log.add(format!("{name} got {}", sent.unwrap_or("nothing")));
                let stops = sent == Some("stop");
                Ok(if stops { Complete("stop") } else { Yielded("more") })
            }
            Err(exception) => {
                log.add(format!("{name} raised {}", kind(&exception)));
                Err(exception)
            }
        }
    })
}

/// Notes each resumption, as it is.
struct Told(Log);

impl Generator for Told {
    type Yield = &'static str;
    type Sent = &'static str;
    type Return = &'static str;

    fn resume(
        &mut self,
        with: Resume<&'static str>,
    ) -> Step<&'static str, &'static str> {
        self.0.add(format!("{with:?}"));
        match with {
            Close => Complete(Err(GeneratorExit)),
            _ => Yielded("told"),
        }
    }
}

/// The two ways to tell a generator that it is to end.
const CLOSED_AND_THROWN: [fn(&mut Gen) -> String; 2] =
    [closed, |outer| said(outer.throw(GeneratorExit))];

/// Does `work` on a thread with the stack that threads have unless they are
/// given another one: 2 MiB.
fn on_a_common_stack(work: impl FnOnce() + std::marker::Send + 'static) {
    within_deadline(|| {
        let thread = thread::Builder::new().stack_size(2 * 1024 * 1024);
        let thread = thread.spawn(work).expect("a thread");
        if let Err(panic) = thread.join() {
            panic::resume_unwind(panic);
        }
    });
}
