//! `gather` and `wait_for`: the steps of what they wait for.

use std::time::Duration;

use super::{
    LONG, MS, Name, aio, asks, call_soon, cleans_up, note, outcome, pauses,
    sleeps, turns,
};

/// An error of the program's own.
#[derive(Debug)]
struct Boom;

pub async fn gather_keeps_the_order() {
    let children = [("a", 2), ("b", 0), ("c", 1)];
    let children = children.map(|(name, n)| Box::pin(pauses(name, n)));
    note(format!("got {}", aio::gather(children).await.join(", ")));
}

pub async fn gather_of_tasks() {
    let children = [("a", 2), ("b", 1)];
    let tasks = children.map(|(name, n)| aio::create_task(pauses(name, n)));
    note("made");
    let results = aio::gather(tasks).await.into_iter().map(Result::unwrap);
    note(format!("got {}", results.collect::<Vec<_>>().join(", ")));
}

pub async fn gather_of_sleepers() {
    let children = [("a", 150), ("b", 20)];
    let children = children.map(|(name, ms)| Box::pin(sleeps(name, ms * MS)));
    note(format!("got {}", aio::gather(children).await.join(", ")));
}

pub async fn gather_in_gather() {
    let gather = |children: [(Name, u32); 2]| {
        let children = children.map(|(name, n)| Box::pin(pauses(name, n)));
        Box::pin(aio::gather(children))
    };
    let one = gather([("a", 1), ("b", 2)]);
    let two = gather([("c", 2), ("d", 1)]);
    for names in aio::gather([one, two]).await {
        note(format!("got {}", names.join(", ")));
    }
}

pub async fn gather_with_a_child_that_fails() {
    let child = async |name, count, fails| {
        pauses(name, count).await;
        if fails { Err(Boom) } else { Ok(name) }
    };
    let a = Box::pin(child("a", 1, true));
    let b = Box::pin(child("b", 2, false));
    for result in aio::gather([a, b]).await {
        note(format!("got {}", outcome(result)));
    }
}

pub async fn gather_is_cancelled() {
    let task = aio::create_task(async {
        let children =
            ["a", "b"].map(|name| Box::pin(cleans_up(name, aio::sleep(LONG))));
        cleans_up("parent", aio::gather(children)).await
    });
    turns(3).await;
    note(format!("cancel: {}", task.cancel()));
    note(format!("got {}", outcome(task.await)));
}

pub async fn wait_for_what_ends_in_time() {
    let result = aio::wait_for(pauses("a", 2), LONG).await;
    note(format!("got {}", outcome(result)));
    let future = aio::create_future::<u32>();
    let setter = future.clone();
    call_soon(move || setter.set_result(1).unwrap());
    let result = aio::wait_for(future, LONG).await.unwrap();
    note(format!("got {}", outcome(result)));
}

pub async fn wait_for_what_is_late() {
    let late = cleans_up("a", aio::sleep(LONG));
    note(format!("got {}", outcome(aio::wait_for(late, 10 * MS).await)));
}

pub async fn wait_for_a_task_that_is_late() {
    let task = aio::create_task(cleans_up("a", aio::sleep(LONG)));
    task.add_done_callback(asks("callback"));
    let late = task.task_ref();
    let result = aio::wait_for(task, 10 * MS).await;
    note(format!("got {}", outcome(result.map(outcome))));
    note(format!("cancelled: {}", late.cancelled()));
}

pub async fn wait_for_no_time() {
    let (done, pending) = (aio::create_future(), aio::create_future::<u32>());
    done.set_result(1).unwrap();
    for future in [done, pending] {
        let result = aio::wait_for(future, Duration::ZERO).await;
        note(format!("got {}", outcome(result.map(outcome))));
    }
}

pub async fn wait_for_is_cancelled() {
    let task = aio::create_task(async {
        let inner = cleans_up("inner", aio::sleep(LONG));
        cleans_up("outer", aio::wait_for(inner, LONG)).await
    });
    turns(3).await;
    note(format!("cancel: {}", task.cancel()));
    note(format!("got {}", outcome(task.await)));
}
