//! What stage 4's tasks say of themselves: names, numbers, who is being
//! polled, who is there, and where each waits.

use std::cell::Cell;
use std::rc::Rc;

use stage4_async_await as aio;

use aio::TaskRef;
use tests::log::Log;
use tests::stage4::{LONG, turn};

tests::loop_tests! {
    fn tasks_have_names_and_numbers_of_their_own(event_loop, _) {
        let a = event_loop.create_task(async {});
        let b = event_loop.create_task(async {});
        assert!(a.id() < b.id());
        assert_eq!(a.name(), format!("Task-{}", a.id()));
        let (id, a_ref) = (a.id(), a.task_ref());
        a.set_name("first");
        assert_eq!((a_ref.name(), a_ref.id()), ("first".to_string(), id));
        a_ref.set_name(String::from("renamed"));
        assert_eq!(a.name(), "renamed");
        assert!(format!("{a:?}").contains("renamed"));
        turn(event_loop);
        assert!(format!("{a_ref:?}").contains("renamed"));
        drop((a, a_ref));
        let c = event_loop.create_task(async {});
        assert!(c.id() > b.id(), "no number is used again");
    }

    fn a_handle_outlives_the_task(event_loop, _) {
        let task = event_loop.create_task(async { 1 });
        task.set_name("a");
        let task_ref = task.task_ref();
        let again = task_ref.clone();
        event_loop.run_until_complete(task).unwrap();
        drop(task_ref);
        for _ in 0..2 {
            assert!(again.done() && !again.cancelled());
            turn(event_loop);
        }
        assert_eq!(again.name(), "a");
        assert_eq!(again.waits_at(), None);
        event_loop.close();
        assert!(again.done());
    }

    fn the_current_task_is_the_one_that_is_polled(event_loop, log) {
        let notes = log.clone();
        let notes_who = move |what| notes.add(format!("{what}: {}", who()));
        let calls = notes_who.clone();
        event_loop.call_soon(move || calls("callback"));
        let (outer, inner) = (notes_who.clone(), notes_who.clone());
        let task = event_loop.create_task(async move {
            outer("task");
            let inner = aio::create_task(async move { inner("inner") });
            inner.task_ref().set_name("b");
            inner.await.unwrap();
            outer("task again");
        });
        task.set_name("a");
        let end = notes_who.clone();
        task.add_done_callback(move |_| end("done callback"));
        event_loop.run_until_complete(async {
            notes_who("main");
            task.await.unwrap();
            aio::yield_now().await;
            notes_who("main again");
        });
        assert_eq!(who(), "None");
        log.assert(&[
            "callback: None",
            "task: a",
            "main: None",
            "inner: b",
            "task again: a",
            "done callback: None",
            "main again: None",
        ]);
    }

    fn children_of_gather_are_their_parent(event_loop, log) {
        let notes = log.clone();
        let child = move |name| {
            let notes = notes.clone();
            Box::pin(async move {
                aio::yield_now().await;
                notes.add(format!("{name}: {}", who()));
            })
        };
        let inner = child.clone();
        let task = event_loop.create_task(async move {
            aio::gather([inner("in a task")]).await;
        });
        task.set_name("a");
        event_loop.run_until_complete(async {
            aio::gather([child("in main")]).await;
            task.await.unwrap();
        });
        log.assert(&["in a task: a", "in main: None"]);
    }

    fn what_a_task_drops_is_dropped_by_it(event_loop, log) {
        struct NotesWho(Log);

        impl Drop for NotesWho {
            fn drop(&mut self) {
                self.0.add(who());
            }
        }

        let drops = NotesWho(log.clone());
        let task = event_loop.create_task(async move {
            let _drops = drops;
            aio::yield_now().await;
        });
        task.set_name("a");
        turn(event_loop);
        task.cancel();
        turn(event_loop);
        assert!(task.cancelled());
        log.assert(&["a"]);
    }

    fn all_tasks_are_those_that_are_not_done(event_loop, log) {
        assert!(aio::all_tasks().is_empty());
        let task = |name| {
            let task = event_loop.create_task(aio::sleep(LONG));
            task.set_name(name);
            task
        };
        drop(event_loop.create_task(async {}));
        let (_a, b, _c) = (task("a"), task("b"), task("c"));
        turn(event_loop);
        b.cancel();
        event_loop.run_until_complete(async {
            log.add(names(aio::all_tasks()));
            aio::yield_now().await;
            log.add(names(aio::all_tasks()));
            let _d = task("d");
            log.add(names(aio::all_tasks()));
        });
        log.assert(&["a c", "a c", "a c d"]);
        assert!(aio::all_tasks().is_empty());
    }

    fn a_task_says_where_it_waits(event_loop, _) {
        let event = Rc::new(aio::sync::Event::new());
        let waits = event.clone();
        let line = Rc::new(Cell::new(0));
        let at = line.clone();
        let task = event_loop.create_task(async move {
            let (here, pause) = (line!(), aio::yield_now());
            at.set(here);
            pause.await;
            let (here, wait) = (line!(), waits.wait());
            at.set(here);
            wait.await;
            let (here, future) = (line!(), aio::create_future::<()>());
            at.set(here);
            let _ = future.await;
        });
        assert_eq!(task.task_ref().waits_at(), None, "it has not begun");
        turn(event_loop);
        assert_waits(&task.task_ref(), "sleep", line.get());
        turn(event_loop);
        assert_waits(&task.task_ref(), "event", line.get());
        event.set();
        turn(event_loop);
        assert_waits(&task.task_ref(), "future made", line.get());
        task.cancel();
        turn(event_loop);
        assert_eq!(task.task_ref().waits_at(), None, "it is done");
    }

    fn a_task_that_waits_for_another_says_in_which_line(event_loop, _) {
        let (made, mut a) =
            (line!(), event_loop.create_task(aio::sleep(LONG)));
        let b = event_loop.create_task(async move {
            let _ = (&mut a).await;
        });
        let b_ref = b.task_ref();
        let (at, wait) = (line!(), b.into_future());
        let c = event_loop.create_task(wait);
        turn(event_loop);
        assert_waits(&b_ref, "task made", made);
        assert_waits(&c.task_ref(), "task", at);
    }

    fn a_task_that_waits_by_a_timer_says_for_what(event_loop, _) {
        let (at, sleep) = (line!(), aio::sleep(LONG));
        let task = event_loop.create_task(aio::wait_for(sleep, LONG));
        turn(event_loop);
        assert_waits(&task.task_ref(), "sleep", at);
    }

    fn a_task_that_waits_for_a_thread_says_so(event_loop, _) {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let work = move || receiver.recv().is_err();
        let (at, thread) = (line!(), aio::to_thread(work));
        let task = event_loop.create_task(thread);
        turn(event_loop);
        assert_waits(&task.task_ref(), "thread", at);
        drop(sender);
        assert!(event_loop.run_until_complete(task).unwrap().unwrap());
    }

    fn a_task_that_waits_for_an_interrupt_says_so(event_loop, _) {
        let interrupt = support::Interrupt::new();
        let (at, wait) = (line!(), aio::signal::triggered(&interrupt));
        let task = event_loop.create_task(wait);
        turn(event_loop);
        assert_waits(&task.task_ref(), "interrupt", at);
    }
}

/// The name of the current task.
fn who() -> String {
    aio::current_task().map_or("None".into(), |task| task.name())
}

fn names(tasks: Vec<TaskRef>) -> String {
    let names: Vec<_> = tasks.iter().map(TaskRef::name).collect();
    names.join(" ")
}

/// Expects that the task waits for `what` in this line of this file.
#[track_caller]
fn assert_waits(task: &TaskRef, what: &str, line: u32) {
    let place = task.waits_at().expect("it waits somewhere");
    assert_eq!((place.what(), place.at().line()), (what, line));
    assert_eq!(place.at().file(), file!());
    assert_eq!(place.to_string(), format!("{what} at {}:{line}", file!()));
}
