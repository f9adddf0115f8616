//! Tasks that are cancelled, from outside and by themselves.

use std::cell::RefCell;
use std::rc::Rc;

use super::{
    LONG, aio, asks, call_soon, cleans_up, note, notes, outcome, pauses, told,
    turns, waits,
};

pub async fn cancelled_before_its_first_step() {
    let a = aio::create_task(pauses("a", 1));
    a.add_done_callback(asks("callback"));
    note(format!("cancel: {}, done: {}", a.cancel(), a.done()));
    aio::create_task(pauses("other", 1));
    turns(1).await;
    note(format!("done: {}, cancelled: {}", a.done(), a.cancelled()));
    turns(2).await;
}

pub async fn cancelled_while_it_sleeps() {
    let a = aio::create_task(cleans_up("a", aio::sleep(LONG)));
    a.add_done_callback(asks("callback"));
    turns(1).await;
    call_soon(notes("before"));
    note(format!("cancel: {}, done: {}", a.cancel(), a.done()));
    call_soon(notes("after"));
    turns(2).await;
    note(format!("cancel: {}, cancelled: {}", a.cancel(), a.cancelled()));
}

pub async fn cancelled_in_sleep_0() {
    let a = aio::create_task(cleans_up("a", turns(3)));
    aio::create_task(pauses("other", 3));
    turns(2).await;
    note(format!("cancel: {}", a.cancel()));
    turns(2).await;
}

pub async fn cancelled_by_who_comes_first_in_the_turn() {
    let victims = Rc::new(RefCell::new(Vec::<aio::TaskRef>::new()));
    let canceller = |name, n: usize| {
        let victims = victims.clone();
        async move {
            note(format!("{name} begins"));
            aio::yield_now().await;
            let victim = victims.borrow_mut()[n].clone();
            note(format!("{name} cancels: {}", victim.cancel()));
        }
    };
    aio::create_task(canceller("before", 0));
    for name in ["first", "second"] {
        let victim = aio::create_task(cleans_up(name, turns(5)));
        victims.borrow_mut().push(victim.task_ref());
    }
    aio::create_task(canceller("behind", 1));
    turns(4).await;
}

pub async fn cancelled_while_it_waits() {
    let future = aio::create_future::<u32>();
    let a = aio::create_task(cleans_up("a", future));
    aio::create_task(pauses("other", 3));
    turns(1).await;
    note(format!("cancel: {}, done: {}", a.cancel(), a.done()));
    turns(1).await;
    note(format!("cancelled: {}", a.cancelled()));
    turns(1).await;
}

pub async fn cancelled_twice() {
    let a = aio::create_task(cleans_up("a", aio::sleep(LONG)));
    a.add_done_callback(asks("callback"));
    turns(1).await;
    note(format!("cancel: {}, {}", a.cancel(), a.cancel()));
    turns(2).await;
    note(format!("cancel: {}", a.cancel()));
}

pub async fn cancelled_with_the_result_on_its_way() {
    let future = aio::create_future();
    let a = aio::create_task(cleans_up("a", future.clone()));
    a.add_done_callback(asks("callback"));
    future.add_done_callback(told("the future"));
    turns(1).await;
    future.set_result(1).unwrap();
    note(format!("cancel: {}", a.cancel()));
    turns(2).await;
}

pub async fn cancelled_when_it_is_done() {
    let a = aio::create_task(pauses("a", 0));
    a.add_done_callback(asks("callback"));
    turns(1).await;
    note(format!("cancel: {}, cancelled: {}", a.cancel(), a.cancelled()));
    turns(1).await;
    note(format!("got {}", outcome(a.await)));
}

fn cancel_myself() {
    let cancelled = aio::current_task().unwrap().cancel();
    note(format!("a cancels itself: {cancelled}"));
}

pub async fn cancels_itself_and_waits() {
    let future = aio::create_future::<u32>();
    let a = aio::create_task(async {
        cancel_myself();
        cleans_up("a", future).await;
    });
    a.add_done_callback(asks("callback"));
    aio::create_task(pauses("other", 2));
    turns(4).await;
}

pub async fn cancels_itself_and_pauses() {
    let a = aio::create_task(async {
        cancel_myself();
        cleans_up("a", turns(2)).await;
    });
    a.add_done_callback(asks("callback"));
    aio::create_task(pauses("other", 2));
    turns(4).await;
}

pub async fn cancels_itself_and_returns() {
    let future = aio::create_future::<u32>();
    future.set_result(1).unwrap();
    let a = aio::create_task(async {
        cancel_myself();
        let result = future.await.unwrap();
        note(format!("a does not suspend: {result}"));
        "a"
    });
    a.add_done_callback(asks("callback"));
    turns(2).await;
    note(format!("got {}", outcome(a.await)));
}

pub async fn who_waits_for_a_cancelled_task() {
    let a = aio::create_task(cleans_up("a", aio::sleep(LONG)));
    let cancelled = a.task_ref();
    let b = aio::create_task(waits("b", a));
    turns(1).await;
    cancelled.add_done_callback(asks("callback"));
    note(format!("cancel: {}", cancelled.cancel()));
    turns(3).await;
    note(format!("b: cancelled {}", b.cancelled()));
}
