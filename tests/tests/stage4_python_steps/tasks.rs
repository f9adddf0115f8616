//! Callbacks and the steps of tasks; waiting for tasks.

use std::cell::Cell;
use std::rc::Rc;

use super::{aio, asks, call_soon, note, notes, pauses, turns, waits};

pub async fn tasks_begin_in_the_order_of_their_making() {
    let tasks = ["a", "b", "c"].map(|n| aio::create_task(pauses(n, 1)));
    note(format!("made {}", tasks.len()));
    turns(3).await;
}

pub async fn callbacks_and_steps_share_one_queue() {
    call_soon(notes("callback 1"));
    aio::create_task(pauses("a", 1));
    call_soon(notes("callback 2"));
    aio::create_task(pauses("b", 1));
    call_soon(notes("callback 3"));
    turns(3).await;
}

pub async fn what_a_callback_schedules_is_for_the_next_turn() {
    call_soon(|| {
        note("first");
        call_soon(notes("from the first"));
    });
    call_soon(notes("second"));
    turns(3).await;
}

pub async fn a_cancelled_handle_is_not_called() {
    let next = Rc::new(Cell::new(None::<aio::Handle>));
    let cancelled = next.clone();
    call_soon(move || {
        note("cancels the next");
        cancelled.take().unwrap().cancel();
    });
    next.set(Some(call_soon(notes("never"))));
    call_soon(notes("the last"));
    turns(2).await;
}

pub async fn sleep_0_takes_turns() {
    for (name, count) in [("a", 3), ("b", 1), ("c", 2)] {
        aio::create_task(pauses(name, count));
    }
    turns(5).await;
}

pub async fn a_coroutine_is_entered_at_once() {
    aio::create_task(async {
        note("outer begins");
        let result = pauses("inner", 1).await;
        note(format!("outer got {result}"));
    });
    aio::create_task(pauses("other", 2));
    turns(4).await;
}

pub async fn a_task_made_by_a_task_begins_in_the_next_turn() {
    aio::create_task(async {
        note("parent begins");
        let child = aio::create_task(pauses("child", 1));
        note("parent has made it");
        aio::yield_now().await;
        note("parent goes on");
        child.await.unwrap();
    });
    aio::create_task(pauses("other", 3));
    turns(5).await;
}

pub async fn who_waits_for_a_task_goes_on_in_the_next_turn() {
    let future = aio::create_future::<u32>();
    let inner = aio::create_task(waits("inner", future.clone()));
    let middle = aio::create_task(waits("middle", inner));
    aio::create_task(waits("outer", middle));
    turns(1).await;
    future.set_result(1).unwrap();
    note("set");
    turns(4).await;
}

pub async fn a_done_task_does_not_suspend() {
    let a = aio::create_task(pauses("a", 0));
    turns(1).await;
    aio::create_task(pauses("other", 1));
    note(format!("done: {}", a.done()));
    let result = a.await.unwrap();
    note(format!("got {result}"));
    turns(3).await;
}

/// In Rust only one can await a task: it takes the result.
pub async fn one_waits_for_a_task_and_others_are_told() {
    let a = aio::create_task(pauses("a", 3));
    let told = a.task_ref();
    told.add_done_callback(asks("callback 1"));
    aio::create_task(waits("waiter", a));
    turns(1).await;
    told.add_done_callback(asks("callback 2"));
    turns(4).await;
    told.add_done_callback(asks("late callback"));
    note("added");
    turns(1).await;
}

pub async fn a_removed_callback_of_a_task() {
    let a = aio::create_task(pauses("a", 1));
    let callbacks = ["first", "second"].map(|n| a.add_done_callback(asks(n)));
    note(format!("removed: {}", a.remove_done_callback(callbacks[0])));
    turns(2).await;
    note(format!("too late: {}", a.remove_done_callback(callbacks[1])));
    turns(1).await;
}
