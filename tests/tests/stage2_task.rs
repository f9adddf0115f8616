//! The semantics of stage 2's `Task`: what resumes a generator, when, and
//! with what.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use stage1_callbacks::EventLoop;
use stage2_generators::GeneratorState::{Complete, Yielded};
use stage2_generators::{Future, Generator, GeneratorState, Resume, Task};
use tests::deadline::within_deadline;
use tests::log::Log;
use tests::panics::message_of;

/// Defines tests whose bodies run within a deadline, with a log.
macro_rules! task_tests {
    ($(fn $name:ident($log:ident) $body:block)*) => {
        $(#[test]
        fn $name() {
            within_deadline(|| {
                let $log = Log::default();
                $body
            });
        })*
    };
}

task_tests! {
    fn a_task_that_has_not_been_started_runs_nothing(log) {
        let future = Future::new();
        let task = Task::new(Sum::of("a", [&future], &log));
        future.set_result(1).unwrap();
        drop(task);
        log.assert(&[]);
    }

    fn start_runs_to_the_first_pause(log) {
        let future = Future::new();
        let task = Task::new(Sum::of("a", [&future], &log));
        log.add("start");
        task.start(|_| panic!("complete"));
        log.add("has been started");
        log.assert(&["start", "a begins", "has been started"]);
    }

    fn a_step_runs_inside_the_callback_that_sets_the_result(log) {
        let event_loop = EventLoop::new().unwrap();
        let (one, two) = (Future::new(), Future::new());
        let task = Task::new(Sum::of("a", [&one, &two], &log));
        let sets = |future: &Future<u32>, value| {
            let (future, log) = (future.clone(), log.clone());
            move || {
                log.add(format!("the loop calls: set {value}"));
                future.set_result(value).unwrap();
                log.add("the callback returns");
            }
        };
        task.start(done("a", &log));
        event_loop.call_later(Duration::ZERO, sets(&two, 20));
        event_loop.call_soon(sets(&one, 1));
        event_loop.call_soon(log.adds("the loop calls the next one"));
        event_loop.run().unwrap();
        log.assert(&[
            "a begins",
            "the loop calls: set 1",
            "a is sent 1",
            "the callback returns",
            "the loop calls the next one",
            "the loop calls: set 20",
            "a is sent 20",
            "a is done: 21",
            "the callback returns",
        ]);
    }

    fn done_is_called_once_and_then_holds_nothing(log) {
        let future = Future::new();
        let task = Task::new(Sum::of("a", [&future], &log));
        let (held, done) = (Rc::new(()), done("a", &log));
        let holds = held.clone();
        task.start(move |sum| {
            done(sum);
            drop(holds);
        });
        future.set_result(1).unwrap();
        future.set_if_pending(2);
        log.assert(&["a begins", "a is sent 1", "a is done: 1"]);
        assert_eq!(Rc::strong_count(&held), 1);
    }

    fn a_generator_may_complete_at_once(log) {
        let task = Task::new(Sum::of("a", [], &log));
        task.start(done("a", &log));
        log.assert(&["a begins", "a is done: 0"]);
    }

    fn a_task_may_wait_for_a_task(log) {
        let (future, first_is_done) = (Future::new(), Future::new());
        let first = Task::new(Sum::of("first", [&future], &log));
        let second = Task::new(Sum::of("second", [&first_is_done], &log));
        second.start(done("second", &log));
        first.start(move |sum| first_is_done.set_result(sum).unwrap());
        log.expect(&["second begins", "first begins"]);
        future.set_result(1).unwrap();
        log.assert(&[
            "first is sent 1",
            "second is sent 1",
            "second is done: 1",
        ]);
    }

    fn all_who_wait_for_a_future_go_on_in_order(log) {
        let (shared, last) = (Future::new(), Future::new());
        for (name, futures) in [("a", [&shared, &last]), ("b", [&shared; 2])] {
            let task = Task::new(Sum::of(name, futures, &log));
            task.start(done(name, &log));
        }
        log.expect(&["a begins", "b begins"]);
        shared.set_result(1).unwrap();
        log.expect(&[
            "a is sent 1",
            "b is sent 1",
            "b is sent 1",
            "b is done: 2",
        ]);
        last.set_result(2).unwrap();
        log.assert(&["a is sent 2", "a is done: 3"]);
    }

    fn a_future_that_is_done_is_not_waited_for(log) {
        let (set, pending) = (Future::new(), Future::new());
        set.set_result(1).unwrap();
        let task = Task::new(Sum::of("a", [&set, &pending, &set], &log));
        task.start(done("a", &log));
        log.expect(&["a begins", "a is sent 1"]);
        pending.set_result(2).unwrap();
        log.assert(&["a is sent 2", "a is sent 1", "a is done: 4"]);
    }

    fn between_two_steps_the_future_keeps_the_task(log) {
        let future = Future::new();
        Task::new(Sum::of("a", [&future], &log)).start(done("a", &log));
        log.expect(&["a begins"]);
        future.set_result(1).unwrap();
        log.assert(&["a is sent 1", "a is done: 1"]);
    }

    fn a_task_whose_future_is_forgotten_is_dropped(log) {
        let (future, held) = (Future::new(), Rc::new(()));
        let task = Task::new(Sum::of("a", [&future], &log));
        let (weak, holds) = (Rc::downgrade(&task), held.clone());
        task.start(move |_| panic!("complete, with {holds:?}"));
        drop(task);
        assert_eq!((weak.strong_count(), Rc::strong_count(&held)), (1, 2));
        drop(future);
        assert_eq!((weak.strong_count(), Rc::strong_count(&held)), (0, 1));
        log.assert(&["a begins"]);
    }

    fn a_completed_task_is_dropped_by_its_future(log) {
        let future = Future::new();
        let task = Task::new(Sum::of("a", [&future], &log));
        let weak = Rc::downgrade(&task);
        task.start(done("a", &log));
        drop(task);
        future.set_result(1).unwrap();
        assert_eq!(weak.strong_count(), 0);
        log.assert(&["a begins", "a is sent 1", "a is done: 1"]);
    }

    fn done_may_drop_the_last_other_handle_of_its_task(log) {
        let future = Future::new();
        let tasks = Rc::new(RefCell::new(Vec::new()));
        let task = Task::new(Sum::of("a", [&future], &log));
        tasks.borrow_mut().push(task.clone());
        let (list, done) = (tasks.clone(), done("a", &log));
        task.start(move |sum| {
            list.take();
            done(sum);
        });
        drop(task);
        future.set_result(1).unwrap();
        assert!(tasks.borrow().is_empty());
        log.assert(&["a begins", "a is sent 1", "a is done: 1"]);
    }

    fn a_generator_can_be_asked_between_its_steps(log) {
        let (one, two) = (Future::new(), Future::new());
        let task = Task::new(Sum::of("a", [&one, &two], &log));
        assert_eq!(task.generator().sum, None);
        task.start(done("a", &log));
        assert_eq!(task.generator().sum, Some(0));
        one.set_result(1).unwrap();
        assert_eq!(task.generator().sum, Some(1));
        two.set_result(20).unwrap();
        assert_eq!(task.generator().sum, Some(21));
    }

    fn a_generator_cannot_be_asked_while_it_runs(log) {
        let asked = Rc::new(RefCell::new(None));
        let task = Task::new(Asks(asked.clone()));
        asked.replace(Some(task.clone()));
        task.start(|()| {});
        assert!(asked.borrow().is_none());
        log.assert(&[]);
    }

    fn a_task_starts_once(log) {
        let future = Future::new();
        let task = Task::new(Sum::of("a", [&future], &log));
        task.start(|_| {});
        message_of(|| task.start(|_| {}));
        log.assert(&["a begins"]);
    }

    fn a_task_starts_once_whatever_its_generator_takes(log) {
        let future = Future::new();
        // As in Python it takes nothing for a value.
        let task = Task::new(Waits(vec![future; 2].into()));
        task.start(|()| {});
        message_of(|| task.start(|()| {}));
        log.assert(&[]);
    }

    fn a_long_row_of_results_needs_no_stack(log) {
        on_a_small_stack(|| {
            let future = Future::new();
            future.set_result(1).unwrap();
            let row = vec![future; 100_000];
            let done = Rc::new(Cell::new(false));
            let ends = done.clone();
            Task::new(Waits(row.into())).start(move |()| ends.set(true));
            assert!(done.get());
        });
        log.assert(&[]);
    }

    fn two_tasks_that_wake_each_other_need_no_stack(log) {
        on_a_small_stack(|| {
            let [a, b] = [(); 2].map(|()| Slot::default());
            let table = Rc::new(Table::default());
            for (own, other) in [(&a, &b), (&b, &a)] {
                let (own, other) = (own.clone(), other.clone());
                let (table, ends) = (table.clone(), table.clone());
                let player = Player { own, other, left: 10_000, table };
                let end = move |()| ends.ended.set(ends.ended.get() + 1);
                Task::new(player).start(end);
            }
            assert_eq!((table.ended.get(), table.most.get()), (2, 2));
        });
        log.assert(&[]);
    }
}

/// Notes that a task is done, and with what.
fn done(name: &'static str, log: &Log) -> impl FnOnce(u32) + use<> {
    let log = log.clone();
    move |sum| log.add(format!("{name} is done: {sum}"))
}

/// Runs `work` on a thread with so little stack that nothing can call itself
/// thousands of times.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(128 * 1024).spawn(work);
    thread.unwrap().join().unwrap();
}

/// Waits for futures in order, notes what happens, and returns the sum of
/// their results.
struct Sum {
    name: &'static str,
    /// None if it has not begun.
    sum: Option<u32>,
    left: VecDeque<Future<u32>>,
    log: Log,
}

impl Sum {
    fn of<const N: usize>(
        name: &'static str,
        futures: [&Future<u32>; N],
        log: &Log,
    ) -> Sum {
        let left = futures.map(Future::clone).into();
        Sum { name, sum: None, left, log: log.clone() }
    }
}

impl Generator for Sum {
    type Yield = Future<u32>;
    type Sent = u32;
    type Return = u32;

    fn resume(
        &mut self,
        with: Resume<u32>,
    ) -> GeneratorState<Future<u32>, u32> {
        let name = self.name;
        let sum = match (self.sum, with) {
            (None, Resume::Next) => {
                self.log.add(format!("{name} begins"));
                0
            }
            (Some(sum), Resume::Send(value)) => {
                self.log.add(format!("{name} is sent {value}"));
                sum + value
            }
            (None, _) => panic!("{name} has not begun"),
            (Some(_), with) => panic!("{name} waits for a value, not {with:?}"),
        };
        self.sum = Some(sum);
        match self.left.pop_front() {
            Some(future) => Yielded(future),
            None => Complete(sum),
        }
    }
}

/// Waits for futures in order, however it is resumed.
struct Waits(VecDeque<Future<u32>>);

impl Generator for Waits {
    type Yield = Future<u32>;
    type Sent = u32;
    type Return = ();

    fn resume(&mut self, _: Resume<u32>) -> GeneratorState<Future<u32>, ()> {
        match self.0.pop_front() {
            Some(future) => Yielded(future),
            None => Complete(()),
        }
    }
}

/// Asks itself where it stands, while it runs.
struct Asks(Rc<RefCell<Option<Rc<Task<Asks>>>>>);

impl Generator for Asks {
    type Yield = Future<u32>;
    type Sent = u32;
    type Return = ();

    fn resume(&mut self, _: Resume<u32>) -> GeneratorState<Future<u32>, ()> {
        let task = self.0.take().unwrap();
        message_of(|| drop(task.generator()));
        Complete(())
    }
}

/// Wakes the other player and waits to be woken, so many times.
struct Player {
    /// What this one waits for.
    own: Slot,
    /// What the other one waits for.
    other: Slot,
    left: usize,
    table: Rc<Table>,
}

type Slot = Rc<RefCell<Future<u32>>>;

/// What two players share.
#[derive(Default)]
struct Table {
    /// How many are inside of `resume`.
    inside: Cell<usize>,
    /// The most there have been.
    most: Cell<usize>,
    /// How many have come to their end.
    ended: Cell<usize>,
}

impl Generator for Player {
    type Yield = Future<u32>;
    type Sent = u32;
    type Return = ();

    fn resume(&mut self, _: Resume<u32>) -> GeneratorState<Future<u32>, ()> {
        let table = &self.table;
        table.inside.set(table.inside.get() + 1);
        table.most.set(table.most.get().max(table.inside.get()));
        let next = Future::new();
        self.own.replace(next.clone());
        let other = self.other.borrow().clone();
        other.set_if_pending(0); // the other one may run inside of this
        table.inside.set(table.inside.get() - 1);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Yielded(next)
            }
            None => Complete(()),
        }
    }
}
