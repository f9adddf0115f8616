//! Stage 3's tasks and futures do what asyncio's do, turn by turn: each play
//! in `python/tasks.py` is repeated here and must note the same. What the
//! two do differently on purpose is in no play: what becomes of a task that
//! is dropped, or left over by `wait_for` and `gather`.
//!
//! Compared with CPython 3.11; where there is another, this is skipped. A
//! machine that has `REQUIRE_REAL_SERVERS=1` must have one at all.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use stage1_callbacks::EventLoop;
use stage3_future_task::GeneratorState::Complete;
use stage3_future_task::{
    Coroutine, Exception, Frame, Future, Task, gather, wait_for, yield_from,
};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::python::{is_python_here, lines};
use tests::script::{Boom, Script, kind};

/// As in `tasks.py`.
const TURNS: usize = 12;
/// No time at which anything happens.
const LONG: Duration = Duration::from_secs(1000);

/// Defines plays, in the order of those in `tasks.py`.
macro_rules! plays {
    ($(fn $name:ident($stage:ident) $body:block)*) => {
        $(fn $name($stage: &Stage) $body)*

        const PLAYS: &[(&str, fn(&Stage))] =
            &[$((stringify!($name), $name)),*];
    };
}

plays! {
    fn tasks_take_turns(stage) {
        for name in ["a", "b", "c"] {
            stage.runs(stage.actor(name).pauses().pauses().returns(()));
        }
        stage.note("set");
    }

    fn a_task_made_by_a_task_begins_in_the_next_turn(stage) {
        let child = stage.actor("child").pauses().returns(());
        let (event_loop, made) = (stage.event_loop.clone(), stage.kept.clone());
        let parent = stage.actor("parent").calls(move || {
            let child = Task::new(&event_loop, child);
            made.borrow_mut().push(Box::new(child));
        });
        stage.runs(parent.says("has made it").pauses().returns(()));
        stage.runs(stage.actor("other").pauses().returns(()));
    }

    fn callbacks_are_scheduled_in_order(stage) {
        let (future, late) = (stage.future(), stage.told("late"));
        future.add_done_callback(stage.told("a"));
        let removed = future.add_done_callback(|_| panic!("never"));
        future.add_done_callback(stage.told("b"));
        let log = stage.log.clone();
        stage.event_loop.call_soon(move || {
            assert!(future.remove_done_callback(removed));
            future.set_result(1).unwrap();
            log.add("set");
            future.add_done_callback(late);
            log.add("added");
        });
        stage.event_loop.call_soon(stage.log.adds("another callback"));
    }

    fn who_waits_goes_on_in_order(stage) {
        let future = stage.future();
        stage.runs(stage.actor("a").waits(future.clone()).returns(()));
        future.add_done_callback(stage.told("callback"));
        stage.runs(stage.actor("b").waits(future.clone()).returns(()));
        stage.between(|| {});
        stage.between(move || future.set_result(1).unwrap());
    }

    fn what_is_done_is_not_waited_for(stage) {
        let (future, failed) = (stage.future(), stage.future());
        future.set_result(1).unwrap();
        failed.set_exception(Boom.into()).unwrap();
        let a = stage.actor("a").waits(future.clone()).catches(failed);
        stage.runs(a.pauses().waits(future).returns(()));
    }

    fn two_tasks_wake_each_other(stage) {
        let futures = || [(); 3].map(|()| stage.future());
        let (ping, pong) = (futures(), futures());
        let last = [ping[1].clone(), ping[2].clone(), stage.future()];
        for (name, own, other) in
            [("ping", ping.clone(), pong.clone()), ("pong", pong, last)]
        {
            let mut script = stage.actor(name);
            for ((i, own), other) in (0..).zip(own).zip(other) {
                script = script
                    .waits(own)
                    .calls(move || other.set_result(i).unwrap());
            }
            stage.runs(script.returns(()));
        }
        let [first, ..] = ping;
        stage.between(move || first.set_result(9).unwrap());
    }

    fn an_exception_goes_up_through_tasks(stage) {
        let future = stage.future();
        let inner =
            stage.task(stage.actor("inner").waits(future.clone()).returns(()));
        let middle =
            stage.task(stage.actor("middle").waits(inner.clone()).returns(()));
        let outer = stage
            .task(stage.actor("outer").catches(middle.clone()).returns(()));
        stage.runs(stage.actor("other").catches(inner.clone()).returns(()));
        inner.add_done_callback(stage.told("who asks inner"));
        middle.add_done_callback(stage.told("who asks middle"));
        outer.add_done_callback(stage.told("who asks outer"));
        stage.between(|| {});
        stage.between(move || future.set_exception(Boom.into()).unwrap());
    }

    fn cancelled_before_its_first_step(stage) {
        let a = stage.task(stage.actor("a").pauses().returns(()));
        a.add_done_callback(stage.told("callback"));
        stage.note(truth("cancel", [a.cancel(), a.cancel()]));
        stage.note(truth("done", [a.done()]));
        let log = stage.log.clone();
        stage.between(move || {
            log.add(truth("a is cancelled", [a.cancelled(), a.cancel()]));
        });
    }

    fn cancelled_while_it_waits(stage) {
        let future = stage.future();
        let a = stage.task(stage.actor("a").waits(future.clone()).returns(()));
        stage.runs(stage.actor("b").catches(a.clone()).returns(()));
        future.add_done_callback(stage.told("callback of the future"));
        a.add_done_callback(stage.told("callback of the task"));
        let log = stage.log.clone();
        stage.between(|| {});
        stage.between(move || {
            log.add(truth("cancel", [a.cancel()]));
            let future = truth("future", [future.cancelled()]);
            log.add(format!("{future}, {}", truth("task", [a.done()])));
        });
    }

    fn cancelled_in_a_bare_yield(stage) {
        let a = stage.task(stage.actor("a").pauses().returns(()));
        let (cancelled, log) = (a.clone(), stage.log.clone());
        stage.between(|| {});
        stage.between(move || assert!(a.cancel()));
        stage.between(move || log.add(python(cancelled.cancelled())));
    }

    fn cancelled_after_the_result(stage) {
        let future = stage.future();
        let a = stage.actor("a").catches(future.clone()).pauses();
        let a = stage.task(a.returns(()));
        let log = stage.log.clone();
        stage.between(|| {});
        stage.between(move || {
            future.set_result(1).unwrap();
            log.add(truth("cancel", [a.cancel()]));
        });
    }

    fn cancelled_with_an_exception_on_its_way(stage) {
        let future = stage.future();
        let a = stage.actor("a").catches(future.clone());
        let (a, log) = (stage.task(a.returns(())), stage.log.clone());
        stage.between(|| {});
        stage.between(move || {
            future.set_exception(Boom.into()).unwrap();
            log.add(truth("cancel", [a.cancel()]));
        });
    }

    fn cancelled_and_goes_on(stage) {
        let (one, two) = (stage.future(), stage.future());
        let a = stage.actor("a").catches(one).catches(two.clone()).pauses();
        let a = stage.task(a.returns(()));
        a.add_done_callback(stage.told("callback"));
        stage.between(|| {});
        stage.between(move || assert!(a.cancel()));
        stage.between(move || two.set_result(2).unwrap());
    }

    fn cancelled_twice_in_one_turn(stage) {
        let (one, two) = (stage.future(), stage.future());
        let a = stage.actor("a").catches(one).waits(two.clone());
        let (a, log) = (stage.task(a.returns(())), stage.log.clone());
        stage.between(|| {});
        stage.between(move || {
            log.add(truth("cancel", [a.cancel(), a.cancel()]));
        });
        stage.between(move || two.set_result(2).unwrap());
    }

    fn cancelled_it_raises_another_exception(stage) {
        let a = stage.actor("a").catches(stage.future()).raises(Boom.into());
        let a = stage.task(a.returns(()));
        a.add_done_callback(stage.told("callback"));
        stage.between(|| {});
        stage.between(move || assert!(a.cancel()));
    }

    fn cancellation_goes_down_and_comes_up(stage) {
        let inner = stage.actor("inner").waits(stage.future());
        let inner = stage.task(inner.returns(()));
        let middle = stage.task(stage.actor("middle").waits(inner).returns(()));
        let outer = stage.task(stage.actor("outer").waits(middle).returns(()));
        outer.add_done_callback(stage.told("callback"));
        stage.between(|| {});
        stage.between(move || assert!(outer.cancel()));
    }

    fn cancellation_that_is_caught_below(stage) {
        let (one, two) = (stage.future(), stage.future());
        let inner = stage.actor("inner").catches(one.clone());
        let inner = stage.task(inner.waits(two.clone()).returns(()));
        let outer = stage.task(stage.actor("outer").waits(inner).returns(()));
        outer.add_done_callback(stage.told("callback"));
        let log = stage.log.clone();
        let cancel = move || {
            log.add(truth("cancel", [outer.cancel()]));
            log.add(truth("futures", [one.cancelled(), two.cancelled()]));
        };
        stage.between(|| {});
        stage.between(cancel.clone());
        stage.between(cancel);
    }

    fn cancelled_by_itself(stage) {
        let tasks = Rc::new(RefCell::new(HashMap::new()));
        let future = stage.future();
        type Then = dyn FnOnce(Script) -> Script;
        let plays: [(&str, Box<Then>); 4] = [
            ("returns", Box::new(|script| script.says("returns"))),
            ("raises", Box::new(|script| script.raises(Boom.into()))),
            ("pauses", Box::new(|script| script.pauses())),
            ("waits_then", Box::new(|script| script.catches(future).pauses())),
        ];
        for (name, then) in plays {
            let (own, log) = (tasks.clone(), stage.log.clone());
            let script = stage.actor(name).calls(move || {
                let own: Task<()> = own.borrow_mut().remove(name).unwrap();
                let text = format!("{name} cancels itself");
                log.add(truth(&text, [own.cancel()]));
            });
            let task = stage.task(then(script).returns(()));
            task.add_done_callback(stage.told(match name {
                "returns" => "who asks returns",
                "raises" => "who asks raises",
                "pauses" => "who asks pauses",
                _ => "who asks waits_then",
            }));
            tasks.borrow_mut().insert(name, task);
        }
    }

    fn a_future_is_set_once(stage) {
        let (future, failed) = (stage.future(), stage.future());
        stage.tried(future.result());
        stage.tried(future.set_exception(Exception::StopIteration));
        future.set_result(1).unwrap();
        stage.tried(future.set_result(2));
        stage.tried(future.set_exception(Boom.into()));
        stage.note(truth("cancel", [future.cancel(), future.cancelled()]));
        stage.tried(future.result());
        failed.set_exception(Boom.into()).unwrap();
        stage.tried(failed.result());
        let gone = stage.future();
        let cancel = [gone.cancel(), gone.cancel(), gone.cancelled()];
        stage.note(truth("cancel", cancel));
        stage.tried(gone.set_result(1));
        stage.tried(gone.result());
        let a = stage.task(stage.actor("a").pauses().returns(0));
        stage.tried(a.set_result(1));
        stage.tried(a.set_exception(Boom.into()));
    }

    fn what_a_task_cannot_wait_for(stage) {
        let other_loop = EventLoop::new().unwrap();
        let own = Rc::new(RefCell::new(None::<Task<()>>));
        let task = own.clone();
        let later = stage.begun(move |_| {
            let mut task = task.take().unwrap();
            Frame::new(move |mut with| yield_from!(task, with).map(Complete))
        });
        let itself = stage.actor("itself").catches(later).pauses();
        own.replace(Some(stage.task(itself.returns(()))));
        let other = Future::<u32>::new(&other_loop);
        let other = stage.actor("other").catches(other).pauses();
        stage.runs(other.returns(()));
        other_loop.close();
    }

    fn gather_keeps_the_order(stage) {
        let children = [("a", 2), ("b", 0), ("c", 1)].map(|(name, turns)| {
            let script = stage.actor(name);
            let pauses = (0..turns).fold(script, |it, _| it.pauses());
            pauses.returns(turns)
        });
        let all = stage.begun(move |event_loop| gather(event_loop, children.into()));
        stage.runs(stage.actor("all").waits(all).returns(()));
        stage.runs(stage.actor("other").pauses().returns(()));
    }

    fn gather_raises_the_first_failure(stage) {
        let a = stage.actor("a").pauses().raises(Boom.into()).returns(1);
        let children = vec![a, stage.actor("b").returns(2)];
        let all = stage.begun(move |event_loop| gather(event_loop, children));
        stage.runs(stage.actor("all").catches(all).returns(()));
    }

    fn gather_of_nothing(stage) {
        let all = gather::<u32>(&stage.event_loop, Vec::new());
        stage.runs(stage.actor("all").waits(all).pauses().returns(()));
    }

    fn wait_for_what_ends_in_time(stage) {
        let a = stage.actor("a").pauses().returns(1);
        let b = stage.actor("b").pauses().raises(Boom.into()).returns(2);
        let [a, b] = [a, b].map(|coroutine| {
            stage.begun(|event_loop| wait_for(event_loop, coroutine, LONG))
        });
        stage.runs(stage.actor("main").waits(a).catches(b).returns(()));
    }
}

#[test]
fn every_play_is_what_python_makes_of_it() {
    if !is_python_here() {
        return;
    }
    let mut python = python_plays().into_iter();
    for (name, play) in PLAYS {
        let (python_name, python) = python.next().unwrap_or_default();
        assert_eq!(*name, python_name);
        let rust = within_deadline(move || Stage::new().run(*play));
        assert_eq!(rust, python, "{name}");
    }
    assert_eq!(python.next(), None);
}

/// What a play needs.
struct Stage {
    event_loop: EventLoop,
    log: Log,
    /// What happens before the first turn, the second one and so on.
    between: RefCell<VecDeque<Box<dyn FnOnce()>>>,
    /// The tasks: they are closed when they are dropped.
    kept: Rc<RefCell<Vec<Box<dyn Any>>>>,
}

impl Stage {
    fn new() -> Stage {
        Stage {
            event_loop: EventLoop::new().unwrap(),
            log: Log::default(),
            between: RefCell::default(),
            kept: Rc::default(),
        }
    }

    /// What has been noted, with the numbers of the turns.
    fn run(&self, play: fn(&Stage)) -> Vec<String> {
        let mut lines = Vec::new();
        play(self);
        for turn in 0..=TURNS {
            if turn > 0 {
                let between = self.between.borrow_mut().pop_front();
                between.into_iter().for_each(|happens| happens());
                self.event_loop.run_once().unwrap();
            }
            let noted = self.log.take();
            lines.extend(noted.iter().map(|line| format!("{turn} {line}")));
        }
        assert!(!self.event_loop.run_once().unwrap(), "it goes on");
        lines
    }

    fn note(&self, text: impl Into<String>) {
        self.log.add(text);
    }

    fn between(&self, happens: impl FnOnce() + 'static) {
        self.between.borrow_mut().push_back(Box::new(happens));
    }

    fn actor(&self, name: &'static str) -> Script {
        Script::new(name, &self.log)
    }

    fn future(&self) -> Future<u32> {
        Future::new(&self.event_loop)
    }

    fn runs<T: Clone + 'static>(&self, coroutine: Coroutine<T>) {
        let task = Task::new(&self.event_loop, coroutine);
        self.kept.borrow_mut().push(Box::new(task));
    }

    /// The same, for who needs the task.
    fn task<T: Clone + 'static>(&self, coroutine: Coroutine<T>) -> Task<T> {
        let task = Task::new(&self.event_loop, coroutine);
        self.kept.borrow_mut().push(Box::new(task.clone()));
        task
    }

    /// A coroutine that is made when it is first waited for: what makes a
    /// task does so at once.
    fn begun<T: 'static>(
        &self,
        make: impl FnOnce(&EventLoop) -> Coroutine<T> + 'static,
    ) -> Coroutine<T> {
        let event_loop = self.event_loop.clone();
        let mut make = Some(make);
        let mut made = None;
        Frame::new(move |mut with| {
            if let Some(make) = make.take() {
                made = Some(make(&event_loop));
            }
            let made = made.as_mut().unwrap();
            yield_from!(*made, with).map(Complete)
        })
    }

    /// A callback that notes how a future has ended.
    fn told<T: Clone + Debug>(
        &self,
        name: &'static str,
    ) -> impl FnOnce(&Future<T>) + use<T> {
        let log = self.log.clone();
        move |future| {
            let result = future.result().map(|value| format!("{value:?}"));
            let result = result.unwrap_or_else(|raised| kind(&raised));
            log.add(format!("{name} is told {}", result.replace("()", "None")));
        }
    }

    fn tried<T: Debug>(&self, result: Result<T, Exception>) {
        let result = result.map(|value| format!("no error: {value:?}"));
        self.note(result.unwrap_or_else(|raised| kind(&raised)));
    }
}

/// Python's words for truth.
fn python(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

fn truth<const N: usize>(what: &str, values: [bool; N]) -> String {
    format!("{what}: {}", values.map(python).join(", "))
}

/// The names of Python's plays, and what each has noted.
fn python_plays() -> Vec<(String, Vec<String>)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/tasks.py");
    let mut plays = Vec::new();
    for line in lines(Command::new("python3").arg("-B").arg(script)) {
        match (line.strip_prefix("# "), plays.last_mut()) {
            (Some(name), _) => plays.push((name.to_string(), Vec::new())),
            (None, Some((_, lines))) => lines.push(line.to_string()),
            (None, None) => panic!("a line before the first play: {line}"),
        }
    }
    plays
}
