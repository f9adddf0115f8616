//! Timers, and tasks that sleep.

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use super::{
    MS, aio, call_soon, note, notes, pauses, running_loop, sleeps, turns, waits,
};

pub async fn timers_come_in_the_order_of_their_times() {
    let now = Instant::now();
    for ms in [30, 10, 20] {
        let callback = move || note(format!("{ms} ms"));
        running_loop().call_at(now + ms * MS, callback);
    }
    aio::sleep(60 * MS).await;
    note("the main coroutine wakes up");
}

pub async fn two_timers_of_one_time_come_in_the_order_of_their_making() {
    let when = Instant::now() + 10 * MS;
    for name in ["a", "b"] {
        running_loop().call_at(when, notes(name));
    }
    aio::sleep(40 * MS).await;
}

pub async fn at_the_same_time_a_callback_goes_before_a_task() {
    let when = Instant::now() + 10 * MS;
    let future = aio::create_future::<u32>();
    let a = aio::create_task(waits("a", future.clone()));
    running_loop().call_at(when, move || future.set_result(1).unwrap());
    running_loop().call_at(when, notes("callback"));
    a.await.unwrap();
}

pub async fn a_sleeper_and_a_timer_are_due_in_one_turn() {
    let a = aio::create_task(sleeps("a", 10 * MS));
    turns(1).await;
    running_loop().call_later(20 * MS, notes("callback"));
    thread::sleep(50 * MS);
    note("both are late");
    a.await.unwrap();
}

pub async fn two_sleepers_are_due_in_one_turn() {
    aio::create_task(sleeps("a", 100 * MS));
    aio::create_task(sleeps("b", 10 * MS));
    turns(1).await;
    thread::sleep(130 * MS);
    note("both are late");
    turns(4).await;
}

pub async fn sleepers_of_one_time_wake_in_order() {
    let tasks = ["a", "b", "c"].map(|n| aio::create_task(sleeps(n, 20 * MS)));
    for task in tasks {
        task.await.unwrap();
    }
}

pub async fn sleepers_wake_in_the_order_of_their_times() {
    let times = [("a", 300), ("b", 150), ("c", 20)];
    let tasks = times.map(|(n, ms)| aio::create_task(sleeps(n, ms * MS)));
    for task in tasks {
        task.await.unwrap();
    }
}

pub async fn a_timer_without_delay_comes_after_what_is_ready() {
    running_loop().call_later(Duration::ZERO, notes("timer"));
    call_soon(notes("callback"));
    aio::create_task(pauses("a", 1));
    turns(3).await;
}

pub async fn a_cancelled_timer_is_not_called() {
    let never = running_loop().call_later(10 * MS, notes("never"));
    running_loop().call_later(20 * MS, notes("the other"));
    never.cancel();
    never.cancel();
    aio::sleep(40 * MS).await;
}

pub async fn a_timer_cancels_another_one_that_is_due() {
    let now = Instant::now();
    let next = Rc::new(Cell::new(None::<aio::TimerHandle>));
    let cancelled = next.clone();
    running_loop().call_at(now + 10 * MS, move || {
        note("cancels the next");
        cancelled.take().unwrap().cancel();
    });
    next.set(Some(running_loop().call_at(now + 20 * MS, notes("never"))));
    running_loop().call_at(now + 30 * MS, notes("the last"));
    thread::sleep(50 * MS);
    turns(2).await;
}
