//! Stage 4 and other threads: `to_thread`, `Remote`, and events that other
//! threads trigger.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use stage4_async_await as aio;

use support::Interrupt;
use tests::panics::message_of;
use tests::stage4::loop_that_tells;

tests::loop_tests! {
    fn work_in_a_thread_gives_its_result(event_loop, _) {
        let here = thread::current().id();
        let result = event_loop.run_until_complete(async {
            aio::to_thread(move || thread::current().id() != here).await
        });
        assert!(result.unwrap());
    }

    fn the_loop_goes_on_meanwhile(event_loop, log) {
        let (sender, receiver) = mpsc::channel();
        let work = move || receiver.recv().unwrap();
        let result = event_loop.run_until_complete(async {
            let task = aio::create_task(aio::to_thread(work));
            for step in ["one", "two"] {
                aio::yield_now().await;
                log.add(step);
            }
            sender.send("done").unwrap();
            task.await.unwrap()
        });
        assert_eq!(result.unwrap(), "done");
        log.assert(&["one", "two"]);
    }

    fn a_panic_in_a_thread_is_a_result(event_loop, _) {
        let work = || -> u32 { panic!("it fails") };
        let result = event_loop.run_until_complete(aio::to_thread(work));
        let panicked = result.unwrap_err();
        assert_eq!(panicked.to_string(), "the work panicked: it fails");
        assert_eq!(*panicked.0.downcast::<&str>().unwrap(), "it fails");
    }

    fn work_begins_at_the_first_poll(event_loop, _) {
        let begun = Arc::new(AtomicBool::new(false));
        let begins = begun.clone();
        let never = aio::to_thread(move || begins.store(true, ORDER));
        drop(never);
        let begins = begun.clone();
        event_loop.run_until_complete(async {
            let work = aio::to_thread(move || begins.swap(true, ORDER));
            aio::yield_now().await;
            assert!(!begun.load(ORDER));
            assert!(!work.await.unwrap(), "the first one has not begun");
        });
    }

    fn many_threads_may_work_at_once(event_loop, _) {
        const THREADS: usize = 16;
        let all = Arc::new(Barrier::new(THREADS));
        let work = |number| {
            let all = all.clone();
            Box::pin(aio::to_thread(move || {
                all.wait(); // for all the others
                number
            }))
        };
        let gathers = aio::gather((0..THREADS).map(work));
        let results = event_loop.run_until_complete(gathers);
        let results = results.into_iter().map(Result::unwrap);
        assert!(results.eq(0..THREADS));
    }

    fn work_after_work_after_work(event_loop, _) {
        let sum = event_loop.run_until_complete(async {
            let mut sum = 0;
            for number in 0..100 {
                sum += aio::to_thread(move || number).await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 4950);
    }

    fn work_that_nobody_waits_for_goes_on(event_loop, _) {
        let (sender, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let work = move || {
            receiver.recv().unwrap();
            end.send("ended").unwrap();
        };
        event_loop.run_until_complete(async {
            let wait = aio::wait_for(aio::to_thread(work), Duration::ZERO);
            assert!(wait.await.is_err());
        });
        sender.send(()).unwrap();
        assert_eq!(ended.recv(), Ok("ended"));
        // The thread may yet wake the future of a run that has ended.
        event_loop.run_until_complete(aio::yield_now());
    }

    fn work_may_outlive_the_loop(event_loop, _) {
        let (sender, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        event_loop.create_task(aio::to_thread(move || {
            receiver.recv().unwrap();
            end.send("ended").unwrap();
        }));
        event_loop.run_until_complete(aio::yield_now());
        event_loop.close();
        sender.send(()).unwrap();
        assert_eq!(ended.recv(), Ok("ended"));
    }

    fn run_waits_for_threads_that_work(_, _) {
        let ended = Arc::new(AtomicBool::new(false));
        let ends = ended.clone();
        let (sender, receiver) = mpsc::channel::<()>();
        aio::run(async move {
            aio::create_task(aio::to_thread(move || {
                assert!(receiver.recv().is_err(), "the main future ended");
                for _ in 0..100 {
                    thread::yield_now();
                }
                ends.store(true, ORDER);
            }));
            aio::yield_now().await;
            drop(sender);
        });
        assert!(ended.load(ORDER));
    }

    fn after_the_last_thread_a_loop_can_be_stuck(_, _) {
        let (event_loop, asleep) = loop_that_tells();
        let message = message_of(|| {
            event_loop.run_until_complete(async {
                let work = move || asleep.recv().is_ok();
                let task = aio::create_task(aio::to_thread(work));
                aio::yield_now().await;
                task.cancel();
                pending::<()>().await;
            })
        });
        assert!(message.contains("nothing can ever happen"), "{message}");
        event_loop.close();
    }

    fn a_remote_may_be_used_on_the_loops_thread(event_loop, log) {
        let (remote, (sender, receiver)) =
            (event_loop.remote(), mpsc::channel());
        let sends = sender.clone();
        let sent = move || sends.send("before the run").unwrap();
        remote.call_soon_threadsafe(sent).unwrap();
        let stops = || aio::running_loop().unwrap().stop();
        event_loop.call_soon(move || {
            let sent = move || sender.send("in the run").unwrap();
            remote.call_soon_threadsafe(sent).unwrap();
            remote.call_soon_threadsafe(stops).unwrap();
        });
        event_loop.run_forever();
        let called: Vec<_> = receiver.iter().collect();
        assert_eq!(called, ["before the run", "in the run"]);
        log.assert(&[]);
    }

    fn what_threads_send_is_called_on_the_loops_thread(event_loop, _) {
        const THREADS: usize = 8;
        const CALLS: usize = 500;
        let here = thread::current().id();
        let last = Arc::new(AtomicUsize::new(THREADS * CALLS));
        for _ in 0..THREADS {
            let (remote, last) = (event_loop.remote(), last.clone());
            thread::spawn(move || {
                for _ in 0..CALLS {
                    let last = last.clone();
                    let call = move || {
                        assert_eq!(thread::current().id(), here);
                        if last.fetch_sub(1, ORDER) == 1 {
                            aio::running_loop().unwrap().stop();
                        }
                    };
                    remote.call_soon_threadsafe(call).unwrap();
                }
            });
        }
        event_loop.run_forever();
        assert_eq!(last.load(ORDER), 0);
    }

    fn a_panic_in_what_was_sent_loses_nothing_else(event_loop, _) {
        let (remote, (sender, receiver)) =
            (event_loop.remote(), mpsc::channel());
        remote.call_soon_threadsafe(|| panic!("it fails")).unwrap();
        let sent = move || sender.send("called").unwrap();
        remote.call_soon_threadsafe(sent).unwrap();
        let stops = || aio::running_loop().unwrap().stop();
        remote.call_soon_threadsafe(stops).unwrap();
        assert_eq!(message_of(|| event_loop.run_forever()), "it fails");
        event_loop.run_forever();
        assert_eq!(receiver.recv(), Ok("called"));
    }

    fn a_closed_loop_takes_nothing_more(event_loop, _) {
        let remote = event_loop.remote();
        event_loop.close();
        let held = Arc::new(());
        let holds = held.clone();
        let refused = thread::spawn(move || {
            remote.clone().call_soon_threadsafe(move || drop(holds))
        });
        assert_eq!(refused.join().unwrap(), Err(aio::LoopClosed));
        assert_eq!(Arc::strong_count(&held), 1);
        assert_eq!(aio::LoopClosed.to_string(), "the event loop is closed");
    }

    fn a_thread_triggers_an_awaited_interrupt(_, _) {
        let (event_loop, asleep) = loop_that_tells();
        let interrupt = Interrupt::new();
        let triggers = interrupt.clone();
        let thread = thread::spawn(move || {
            asleep.recv().unwrap();
            triggers.trigger();
        });
        // As long as it is waited for, it can happen.
        event_loop.run_until_complete(aio::signal::triggered(&interrupt));
        thread.join().unwrap();
        event_loop.close();
    }

    fn an_interrupt_that_has_been_never_suspends(event_loop, log) {
        let interrupt = Interrupt::new();
        interrupt.trigger();
        event_loop.run_until_complete(async {
            event_loop.call_soon(log.adds("soon"));
            aio::signal::triggered(&interrupt).await;
            aio::signal::triggered(&interrupt).await;
            log.assert(&[]);
        });
    }

    fn all_who_await_an_interrupt_go_on(event_loop, _) {
        let interrupt = Interrupt::new();
        event_loop.run_until_complete(async {
            let wait = |_| {
                let wait = aio::signal::triggered(&interrupt);
                aio::create_task(wait)
            };
            let tasks: Vec<_> = (0..3).map(wait).collect();
            aio::yield_now().await;
            interrupt.trigger();
            for task in tasks {
                task.await.unwrap();
            }
        });
    }

    fn a_dropped_wait_for_an_interrupt_holds_nothing(event_loop, _) {
        let interrupt = Interrupt::new();
        let message = message_of(|| {
            event_loop.run_until_complete(async {
                let waits = aio::signal::triggered(&interrupt);
                let wait = aio::wait_for(waits, Duration::ZERO);
                assert!(wait.await.is_err());
                // If the interrupt still had a waker, this might end.
                pending::<()>().await;
            })
        });
        assert!(message.contains("nothing can ever happen"), "{message}");
        interrupt.trigger();
    }
}

const ORDER: Ordering = Ordering::SeqCst;
