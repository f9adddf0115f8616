//! Futures and events.

use std::rc::Rc;

use super::aio::sync::Event;
use super::{
    aio, call_soon, cleans_up, note, notes, outcome, pauses, told, turns, waits,
};

pub async fn who_waits_goes_on_in_the_order_of_arrival() {
    let future = aio::create_future();
    aio::create_task(waits("a", future.clone()));
    turns(1).await;
    future.add_done_callback(told("callback 1"));
    aio::create_task(waits("b", future.clone()));
    turns(1).await;
    future.add_done_callback(told("callback 2"));
    future.set_result(1).unwrap();
    note("set");
    turns(2).await;
}

pub async fn a_result_is_queued_between_two_callbacks() {
    let future = aio::create_future::<u32>();
    aio::create_task(waits("a", future.clone()));
    turns(1).await;
    call_soon(notes("before"));
    future.set_result(1).unwrap();
    call_soon(notes("after"));
    note("set");
    turns(2).await;
}

pub async fn a_late_callback_is_scheduled() {
    let future = aio::create_future();
    future.set_result(1).unwrap();
    future.add_done_callback(told("callback"));
    note("added");
    turns(2).await;
}

pub async fn callbacks_are_removed() {
    let future = aio::create_future();
    let [_, b, c] = ["a", "b", "c"].map(|n| future.add_done_callback(told(n)));
    note(format!("removed: {}", future.remove_done_callback(b)));
    note(format!("again: {}", future.remove_done_callback(b)));
    future.set_result(1).unwrap();
    note(format!("too late: {}", future.remove_done_callback(c)));
    turns(2).await;
}

pub async fn two_wait_for_a_future_that_is_cancelled() {
    let future = aio::create_future();
    for name in ["a", "b"] {
        aio::create_task(waits(name, future.clone()));
    }
    future.add_done_callback(told("callback"));
    turns(1).await;
    note(format!("cancel: {}, {}", future.cancel(), future.cancel()));
    note(format!("cancelled: {}", future.cancelled()));
    turns(2).await;
}

pub async fn a_done_future_does_not_suspend() {
    let future = aio::create_future::<u32>();
    future.set_result(1).unwrap();
    aio::create_task(async move {
        for _ in 0..2 {
            let result = future.clone().await.unwrap();
            note(format!("a got {result}"));
        }
        pauses("a", 1).await;
    });
    aio::create_task(pauses("other", 1));
    turns(3).await;
}

pub async fn a_future_is_set_once() {
    let future = aio::create_future::<u32>();
    let none = |result: Result<(), _>| outcome(result.map(|()| "None"));
    note(format!("too early: {}", outcome(future.result())));
    future.set_result(1).unwrap();
    note(format!("set: {}", outcome(future.result())));
    note(format!("set again: {}", none(future.set_result(2))));
    note(format!("cancel: {}", future.cancel()));
    let gone = aio::create_future::<u32>();
    gone.cancel();
    note(format!("cancelled: {}", outcome(gone.result())));
    note(format!("set: {}", none(gone.set_result(1))));
}

pub async fn two_tasks_wake_each_other() {
    let futures = Rc::new([(); 4].map(|()| aio::create_future::<usize>()));
    for (name, own) in [("ping", [0, 2]), ("pong", [1, 3])] {
        let futures = futures.clone();
        aio::create_task(async move {
            for n in own {
                let result = futures[n].clone().await.unwrap();
                note(format!("{name} got {result}"));
                if let Some(next) = futures.get(n + 1) {
                    next.set_result(n + 1).unwrap();
                }
            }
        });
    }
    turns(1).await;
    futures[0].set_result(0).unwrap();
    turns(5).await;
}

pub async fn an_event_wakes_in_order_though_it_is_cleared_at_once() {
    let event = Rc::new(Event::new());
    let act = |name| {
        let event = event.clone();
        async move {
            note(format!("{name} begins"));
            event.wait().await;
            note(format!("{name} goes on: set {}", event.is_set()));
        }
    };
    for name in ["a", "b", "c"] {
        aio::create_task(act(name));
    }
    turns(1).await;
    event.set();
    event.clear();
    note("set and cleared");
    aio::create_task(act("late"));
    turns(2).await;
    event.set();
    turns(2).await;
}

pub async fn an_event_that_is_set_does_not_suspend() {
    let event = Event::new();
    event.set();
    aio::create_task(async move {
        event.wait().await;
        pauses("a", 1).await;
    });
    aio::create_task(pauses("other", 1));
    turns(3).await;
}

pub async fn one_of_those_who_wait_for_an_event_is_cancelled() {
    let event = Rc::new(Event::new());
    let tasks = ["a", "b", "c"].map(|name| {
        let event = event.clone();
        let waits = async move { event.wait().await };
        aio::create_task(cleans_up(name, waits))
    });
    turns(1).await;
    tasks[1].cancel();
    event.set();
    note("cancelled, and set");
    turns(2).await;
}
