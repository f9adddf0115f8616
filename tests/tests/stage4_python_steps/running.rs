//! Loops that are run, stopped, and run again.

use std::thread;

use super::{
    LONG, aio, call_soon, cleans_up, note, notes, pauses, running_loop, turns,
};

pub fn a_task_made_last_still_takes_its_first_step() {
    let task = aio::run(async {
        let task = aio::create_task(cleans_up("a", aio::sleep(LONG)));
        note("main returns");
        task
    });
    note(format!("cancelled: {}", task.cancelled()));
}

pub fn tasks_that_are_left_are_cancelled_in_order() {
    aio::run(async {
        for (name, count) in [("a", 1), ("b", 1000), ("c", 1000)] {
            aio::create_task(cleans_up(name, turns(count)));
        }
        turns(3).await;
        aio::create_task(cleans_up("d", aio::sleep(LONG)));
        note("main returns");
    });
}

pub fn what_is_scheduled_in_the_last_step_is_still_called() {
    let event_loop = aio::EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        call_soon(|| {
            note("called");
            call_soon(notes("too late"));
        });
        note("main returns");
    });
    event_loop.close();
}

pub fn stop_finishes_the_turn() {
    let event_loop = aio::EventLoop::new().unwrap();
    event_loop.call_soon(|| {
        note("stops");
        running_loop().stop();
        call_soon(notes("for the next turn"));
    });
    event_loop.call_soon(notes("behind it"));
    event_loop.run_forever();
    note("stopped");
    event_loop.call_soon(|| running_loop().stop());
    event_loop.run_forever();
    note("stopped again");
    event_loop.close();
}

pub fn a_loop_that_is_stopped_before_it_runs_takes_one_turn() {
    let event_loop = aio::EventLoop::new().unwrap();
    let a = event_loop.create_task(pauses("a", 1));
    event_loop.stop();
    event_loop.run_forever();
    note("stopped");
    event_loop.run_until_complete(a).unwrap();
    event_loop.close();
}

pub fn a_loop_runs_twice() {
    let event_loop = aio::EventLoop::new().unwrap();
    let a = event_loop.create_task(pauses("a", 4));
    for name in ["main 0", "main 1"] {
        let name = event_loop.run_until_complete(pauses(name, 1));
        note(format!("{name} has returned"));
    }
    note(format!("done: {}", a.done()));
    note(format!("got {}", event_loop.run_until_complete(a).unwrap()));
    event_loop.close();
}

pub fn what_a_thread_sends_comes_in_order() {
    let event_loop = aio::EventLoop::new().unwrap();
    let remote = event_loop.remote();
    let send = move || {
        for n in 0..3 {
            let callback = move || note(format!("callback {n}"));
            remote.call_soon_threadsafe(callback).unwrap();
        }
        remote.call_soon_threadsafe(|| running_loop().stop()).unwrap();
    };
    event_loop.call_soon(move || drop(thread::spawn(send)));
    event_loop.run_forever();
    note("stopped");
    event_loop.close();
}
