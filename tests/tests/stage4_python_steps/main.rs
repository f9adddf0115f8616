//! Stage 4's loop takes its steps in asyncio's order: each scenario in
//! `python/asyncio_steps.py` is repeated here, and must note the same.
//!
//! Where asyncio raises `CancelledError` and a `finally` notes it, a guard
//! notes here that it is dropped. What the two do differently on purpose is
//! in no scenario:
//!
//! * To cancel a task that waits for a future cancels the future, too, in
//!   asyncio; here it is only dropped, and others can still set it. And for a
//!   task that waits for a task: there the one waited for ends first, here
//!   the waiter does.
//! * `gather` and `wait_for` make tasks of coroutines, which begin a turn
//!   later; here they are polled in place. So the order of the children's
//!   steps is compared, and not the number of turns.
//! * What other threads send is queued at once; here it is when the selector
//!   is asked.
//! * Of more than two timers for exactly the same time, asyncio keeps no
//!   order; here it is that of their making.
//!
//! Compared with CPython 3.11; where there is another, this is skipped. A
//! machine that has `REQUIRE_REAL_SERVERS=1` must have one at all.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stage4_async_await as aio;
use tests::deadline::within_deadline;
use tests::python::{is_python_here, lines};

mod cancelling;
mod combinators;
mod futures;
mod running;
mod tasks;
mod timers;

const MS: Duration = Duration::from_millis(1);
/// No time at which anything happens.
const LONG: Duration = Duration::from_secs(1000);

/// Scenarios by how they are run, and the modules they are in.
macro_rules! scenarios {
    ($($how:ident $module:ident: $($name:ident)*;)*) => {
        &[$($((stringify!($name), || $how($module::$name()))),*),*]
    };
}

const SCENARIOS: &[(&str, fn())] = scenarios! {
    counted tasks:
        tasks_begin_in_the_order_of_their_making
        callbacks_and_steps_share_one_queue
        what_a_callback_schedules_is_for_the_next_turn
        a_cancelled_handle_is_not_called
        sleep_0_takes_turns
        a_coroutine_is_entered_at_once
        a_task_made_by_a_task_begins_in_the_next_turn
        who_waits_for_a_task_goes_on_in_the_next_turn
        a_done_task_does_not_suspend
        one_waits_for_a_task_and_others_are_told
        a_removed_callback_of_a_task;
    counted futures:
        who_waits_goes_on_in_the_order_of_arrival
        a_result_is_queued_between_two_callbacks
        a_late_callback_is_scheduled
        callbacks_are_removed
        two_wait_for_a_future_that_is_cancelled
        a_done_future_does_not_suspend
        a_future_is_set_once
        two_tasks_wake_each_other
        an_event_wakes_in_order_though_it_is_cleared_at_once
        an_event_that_is_set_does_not_suspend
        one_of_those_who_wait_for_an_event_is_cancelled;
    counted cancelling:
        cancelled_before_its_first_step
        cancelled_while_it_sleeps
        cancelled_in_sleep_0
        cancelled_by_who_comes_first_in_the_turn
        cancelled_while_it_waits
        cancelled_twice
        cancelled_with_the_result_on_its_way
        cancelled_when_it_is_done
        cancels_itself_and_waits
        cancels_itself_and_pauses
        cancels_itself_and_returns
        who_waits_for_a_cancelled_task;
    counted timers:
        a_timer_without_delay_comes_after_what_is_ready;
    timed timers:
        timers_come_in_the_order_of_their_times
        two_timers_of_one_time_come_in_the_order_of_their_making
        at_the_same_time_a_callback_goes_before_a_task
        a_sleeper_and_a_timer_are_due_in_one_turn
        two_sleepers_are_due_in_one_turn
        sleepers_of_one_time_wake_in_order
        sleepers_wake_in_the_order_of_their_times
        a_cancelled_timer_is_not_called
        a_timer_cancels_another_one_that_is_due;
    timed combinators:
        gather_keeps_the_order
        gather_of_tasks
        gather_of_sleepers
        gather_in_gather
        gather_with_a_child_that_fails
        gather_is_cancelled
        wait_for_what_ends_in_time
        wait_for_what_is_late
        wait_for_a_task_that_is_late
        wait_for_no_time
        wait_for_is_cancelled;
    plain running:
        a_task_made_last_still_takes_its_first_step
        tasks_that_are_left_are_cancelled_in_order
        what_is_scheduled_in_the_last_step_is_still_called
        stop_finishes_the_turn
        a_loop_that_is_stopped_before_it_runs_takes_one_turn
        a_loop_runs_twice
        what_a_thread_sends_comes_in_order;
};

#[test]
fn every_scenario_is_what_python_makes_of_it() {
    if !is_python_here() {
        return;
    }
    let mut python = python_scenarios();
    let mut different = Vec::new();
    for (name, scenario) in SCENARIOS {
        let python = python.remove(*name);
        let rust = within_deadline(move || {
            scenario();
            NOTES.take()
        });
        if python.as_ref() != Some(&rust) {
            different.push(format!("{name}: {rust:#?}\nPython: {python:#?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(python.is_empty(), "not repeated here: {python:?}");
}

/// Python's scenarios by name, and what each has noted.
fn python_scenarios() -> BTreeMap<String, Vec<String>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = tests.join("python/asyncio_steps.py");
    let mut scenarios = BTreeMap::new();
    let mut name = String::new();
    for line in lines(Command::new("python3").arg("-B").arg(script)) {
        match line.strip_prefix("# ") {
            Some(next) => {
                name = next.to_string();
                let noted = scenarios.insert(name.clone(), Vec::new());
                assert_eq!(noted, None, "two of the name {name}");
            }
            None => scenarios.entry(name.clone()).or_default().push(line),
        }
    }
    scenarios
}

thread_local! {
    static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The number of the turn; 0 where turns are not counted.
    static TURN: Cell<u32> = const { Cell::new(0) };
}

fn note(text: impl Display) {
    let line = match TURN.get() {
        0 => text.to_string(),
        turn => format!("{turn} {text}"),
    };
    NOTES.with_borrow_mut(|notes| notes.push(line));
}

/// A callback that notes `text`.
fn notes(text: &'static str) -> impl FnOnce() + 'static {
    move || note(text)
}

/// Runs it as the main future, and counts turns.
fn counted(scenario: impl Future<Output = ()>) {
    aio::run(async {
        TURN.set(1);
        running_loop().call_soon(tick);
        scenario.await;
    });
}

/// Is the first that is called in each turn.
fn tick() {
    TURN.set(TURN.get() + 1);
    running_loop().call_soon(tick);
}

/// Runs it as the main future, and counts nothing.
fn timed(scenario: impl Future<Output = ()>) {
    aio::run(scenario);
}

/// It has run loops by itself.
fn plain((): ()) {}

fn running_loop() -> aio::EventLoop {
    aio::running_loop().expect("a scenario runs on a loop")
}

fn call_soon(callback: impl FnOnce() + 'static) -> aio::Handle {
    running_loop().call_soon(callback)
}

async fn turns(count: u32) {
    for _ in 0..count {
        aio::yield_now().await;
    }
}

fn outcome<T: Display, E: Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => format!("{error:?}"),
    }
}

/// A callback that notes how a future has ended.
fn told(name: &'static str) -> impl FnOnce(&aio::Future<u32>) {
    move |future| note(format!("{name} is told {}", outcome(future.result())))
}

/// A callback that notes whether a task was cancelled.
fn asks(name: &'static str) -> impl FnOnce(&aio::TaskRef) {
    move |task| note(format!("{name}: cancelled {}", task.cancelled()))
}

type Name = &'static str;

async fn pauses(name: Name, count: u32) -> Name {
    note(format!("{name} begins"));
    for _ in 0..count {
        aio::yield_now().await;
        note(format!("{name} goes on"));
    }
    name
}

async fn sleeps(name: Name, duration: Duration) -> Name {
    note(format!("{name} begins"));
    aio::sleep(duration).await;
    note(format!("{name} wakes up"));
    name
}

async fn waits<T, E>(
    name: Name,
    future: impl IntoFuture<Output = Result<T, E>>,
) -> Name
where
    T: Display,
    E: Debug,
{
    note(format!("{name} begins"));
    let result = future.await;
    note(format!("{name} got {}", outcome(result)));
    name
}

/// Waits, and notes when that ends, in whatever way.
async fn cleans_up(name: Name, future: impl IntoFuture) -> Name {
    note(format!("{name} begins"));
    let _guard = CleanUp(name);
    future.await;
    note(format!("{name} goes on"));
    name
}

/// What a `finally` is in Python.
struct CleanUp(Name);

impl Drop for CleanUp {
    fn drop(&mut self) {
        note(format!("{} cleaned up", self.0));
    }
}
