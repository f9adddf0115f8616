//! Ctrl-C as an awaited event. It ends a whole process if nobody waits for
//! it: each of these tests has one of its own.
#![cfg(unix)]

use std::env::{self, consts::EXE_SUFFIX};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Waker};
use std::thread;

use stage4_async_await as aio;
use tests::programs::{Finished, Running, examples};
use tests::stage4::LONG;

/// Set in the process that is sent Ctrl-C.
const CHILD: &str = "STAGE4_CTRL_C_CHILD";

#[test]
fn the_example_waits_for_it_beside_a_task() {
    let folder = examples("stage4-async-await");
    let example = folder.join(format!("ctrl_c{EXE_SUFFIX}"));
    let mut example = Running::start(&mut Command::new(example));
    assert_eq!(example.line(), "press Ctrl-C");
    assert_eq!(example.line(), "tick 1");
    assert_eq!(example.line(), "tick 2");
    example.interrupt();
    let ended = example.finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let end = "\nCtrl-C: cancel the task: true\nit ends: Err(Cancelled)\n";
    assert!(ended.stdout.ends_with(end), "{ended}");
}

#[test]
fn one_is_for_all_who_wait() {
    let Some(process) = again() else {
        return aio::run(async {
            let tasks = [(); 3].map(|()| aio::create_task(ctrl_c()));
            say("ready");
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            say("all of them");
        });
    };
    let ended = interrupted(process, &["ready"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stderr.contains("all of them"), "{ended}");
}

#[test]
fn who_waits_again_waits_for_the_next_one() {
    let Some(process) = again() else {
        return aio::run(async {
            for number in ["first", "second", "third"] {
                let waits = ctrl_c();
                say(number);
                waits.await.unwrap();
            }
            say("the end");
        });
    };
    let ended = interrupted(process, &["first", "second", "third"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stderr.contains("the end"), "{ended}");
}

/// A loop that sleeps without a timer is woken, too.
#[test]
fn a_loop_that_waits_for_nothing_else_is_not_stuck() {
    let Some(process) = again() else {
        let waits = ctrl_c();
        say("ready");
        return aio::run(waits).unwrap();
    };
    let ended = interrupted(process, &["ready"]);
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[test]
fn one_that_comes_before_the_first_poll_is_not_lost() {
    let Some(process) = again() else {
        let [seen, waits] = [(); 2].map(|()| ctrl_c());
        say("ready");
        aio::run(seen).unwrap();
        return aio::run(waits).unwrap();
    };
    let ended = interrupted(process, &["ready"]);
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[test]
fn when_nobody_waits_any_more_it_ends_the_process() {
    let Some(process) = again() else {
        return aio::run(async {
            let waits = ctrl_c();
            say("ready");
            waits.await.unwrap();
            say("done");
            aio::sleep(LONG).await;
        });
    };
    let ended = interrupted(process, &["ready", "done"]);
    assert_eq!(ended.code, Some(130), "{ended}");
}

#[test]
fn when_the_only_wait_was_dropped_it_ends_the_process() {
    let Some(process) = again() else {
        return aio::run(async {
            let polled = {
                let waits = pin!(ctrl_c());
                waits.poll(&mut Context::from_waker(Waker::noop()))
            };
            assert!(polled.is_pending());
            say("dropped");
            aio::sleep(LONG).await;
        });
    };
    let ended = interrupted(process, &["dropped"]);
    assert_eq!(ended.code, Some(130), "{ended}");
}

fn ctrl_c() -> impl Future<Output = io::Result<()>> {
    aio::signal::ctrl_c()
}

/// To whoever runs this process: stdout is the test harness's.
fn say(what: &str) {
    eprintln!("{what}");
}

/// Runs this test again in a process of its own; `None` in that process.
fn again() -> Option<Running> {
    if env::var_os(CHILD).is_some() {
        return None;
    }
    let test = thread::current();
    let mut again = Command::new(env::current_exe().expect("a path"));
    again.args(["--exact", test.name().expect("it has one"), "--nocapture"]);
    Some(Running::start(again.env(CHILD, "1")))
}

/// Sends Ctrl-C each time that the process has said the next of these. How it
/// ends then.
fn interrupted(mut process: Running, says: &[&str]) -> Finished {
    for what in says {
        process.error_line_with(what);
        process.interrupt();
    }
    process.finish()
}
