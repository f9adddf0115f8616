//! Stage 4's `gather`: the order of results and of steps, and how often each
//! child is polled.

use std::cell::Cell;
use std::future::{poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use stage4_async_await as aio;

use tests::stage4::other;

tests::async_tests! {
    fn nothing_to_gather_never_suspends(event_loop, log) {
        event_loop.call_soon(log.adds("soon"));
        let results = aio::gather(Vec::<aio::Future<u32>>::new()).await;
        assert!(results.is_empty());
        log.assert(&[]);
    }

    fn children_that_are_done_never_suspend_it(event_loop, log) {
        event_loop.call_soon(log.adds("soon"));
        assert_eq!(aio::gather((0..3).map(ready)).await, [0, 1, 2]);
        log.assert(&[]);
    }

    fn results_are_in_the_order_given(_, log) {
        let futures = [(); 3].map(|()| aio::create_future::<u32>());
        let setters = futures.clone();
        let notes = log.clone();
        aio::create_task(async move {
            for index in [2, 0, 1] {
                setters[index].set_result(index as u32).unwrap();
                notes.add(format!("set {index}"));
                aio::yield_now().await;
            }
        });
        let results = aio::gather(futures).await;
        assert_eq!(results, [Ok(0), Ok(1), Ok(2)]);
        log.assert(&["set 2", "set 0", "set 1"]);
    }

    fn children_take_turns(_, log) {
        let child = |name, steps| {
            let log = log.clone();
            Box::pin(async move {
                for step in 1..=steps {
                    log.add(format!("{name}{step}"));
                    aio::yield_now().await;
                }
            })
        };
        aio::gather([child("a", 3), child("b", 1), child("c", 2)]).await;
        log.assert(&["a1", "b1", "c1", "a2", "c2", "a3"]);
    }

    fn tasks_give_their_results_or_errors(_, _) {
        let task = |fails: bool| {
            aio::create_task(async move {
                aio::yield_now().await;
                assert!(!fails, "it fails");
                "fine"
            })
        };
        let (a, b, c) = (task(false), task(true), task(false));
        c.cancel();
        let results = aio::gather([a, b, c]).await;
        let text = |result: &Result<&str, aio::TaskError>| match result {
            Ok(text) => text.to_string(),
            Err(error) => error.to_string(),
        };
        let texts: Vec<_> = results.iter().map(text).collect();
        let panicked = "the task panicked: it fails";
        assert_eq!(texts, ["fine", panicked, "the task was cancelled"]);
    }

    fn tasks_may_be_waited_for_by_reference(_, _) {
        let mut tasks =
            [1, 2].map(|number| aio::create_task(ready(number)));
        let results = aio::gather(&mut tasks).await;
        assert!(matches!(results[..], [Ok(1), Ok(2)]));
        assert!(tasks.iter().all(|task| task.done()));
    }

    fn children_may_be_of_different_types(_, _) {
        type Child = Pin<Box<dyn Future<Output = u32>>>;
        let future = aio::create_future();
        let setter = future.clone();
        let task = aio::create_task(async move {
            setter.set_result(2).unwrap();
            1
        });
        let children: [Child; 4] = [
            Box::pin(async { task.await.unwrap() }),
            Box::pin(async { future.await.unwrap() }),
            Box::pin(async {
                aio::sleep(Duration::from_millis(1)).await;
                3
            }),
            Box::pin(async { aio::to_thread(|| 4).await.unwrap() }),
        ];
        assert_eq!(aio::gather(children).await, [1, 2, 3, 4]);
    }

    fn gathers_may_be_nested(_, log) {
        let child = |name| {
            let log = log.clone();
            Box::pin(async move {
                aio::yield_now().await;
                log.add(name);
                name
            })
        };
        let inner = |children| Box::pin(aio::gather(children));
        let [a, b] = [[child("a"), child("b")], [child("c"), child("d")]];
        let results = aio::gather([inner(a), inner(b)]).await;
        assert_eq!(results, [["a", "b"], ["c", "d"]]);
        log.assert(&["a", "b", "c", "d"]);
    }

    fn only_those_who_are_woken_are_polled(_, _) {
        let polls = Rc::new(Cell::new(0));
        let futures: Vec<_> =
            (0..1000).map(|_| aio::create_future::<usize>()).collect();
        let count = |future: &aio::Future<usize>| Counted {
            future: future.clone(),
            polls: polls.clone(),
        };
        let children: Vec<_> = futures.iter().map(count).collect();
        aio::create_task(async move {
            for (index, future) in futures.iter().enumerate().rev() {
                future.set_result(index).unwrap();
                aio::yield_now().await;
            }
        });
        let results = aio::gather(children).await;
        assert!(results.into_iter().eq((0..1000).map(Ok)));
        assert_eq!(polls.get(), 2000);
    }

    fn woken_again_and_again_it_is_polled_once_a_turn(_, _) {
        let polls = Rc::new(Cell::new(0));
        let (count, goes_on) = (polls.clone(), aio::create_future::<()>());
        let mut ends = goes_on.clone();
        let child = poll_fn(move |cx| {
            count.set(count.get() + 1);
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
            Pin::new(&mut ends).poll(cx)
        });
        aio::create_task(async move {
            for _ in 0..10 {
                aio::yield_now().await;
            }
            goes_on.set_result(()).unwrap();
        });
        let result = aio::gather([child]).await;
        assert_eq!(result, [Ok(())]);
        assert_eq!(polls.get(), 12);
    }

    fn a_child_that_is_done_may_be_woken(_, _) {
        let waker = Rc::new(Cell::new(None));
        let tells = waker.clone();
        let done = poll_fn(move |cx| {
            tells.set(Some(cx.waker().clone()));
            Poll::Ready(())
        });
        let wakes = poll_fn({
            let mut left = 2;
            move |cx| {
                waker.take().inspect(Waker::wake_by_ref);
                cx.waker().wake_by_ref();
                left -= 1;
                if left == 0 { Poll::Ready(()) } else { Poll::Pending }
            }
        });
        type Child = Pin<Box<dyn Future<Output = ()>>>;
        let children: [Child; 2] = [Box::pin(done), Box::pin(wakes)];
        assert_eq!(aio::gather(children).await.len(), 2);
    }

    fn the_waker_of_a_child_outlives_it(_, log) {
        let waker = Rc::new(Cell::new(None));
        let tells = waker.clone();
        let child = poll_fn(move |cx| {
            tells.set(Some(cx.waker().clone()));
            Poll::<()>::Pending
        });
        let wait = aio::wait_for(aio::gather([child]), Duration::ZERO);
        assert!(wait.await.is_err());
        let waker = waker.take().unwrap();
        waker.wake_by_ref();
        let notes = log.clone();
        let task = aio::create_task(async move {
            aio::yield_now().await;
            notes.add("another");
        });
        waker.wake();
        task.await.unwrap();
        log.assert(&["another"]);
    }

    fn a_child_may_wake_the_one_before(_, log) {
        let future = aio::create_future::<()>();
        let (setter, notes) = (future.clone(), log.clone());
        type Child = Pin<Box<dyn Future<Output = ()>>>;
        let waits: Child = Box::pin(async move {
            future.await.unwrap();
            notes.add("told");
        });
        let notes = log.clone();
        let tells: Child = Box::pin(async move {
            setter.set_result(()).unwrap();
            notes.add("tells");
        });
        aio::gather([waits, tells]).await;
        log.assert(&["tells", "told"]);
    }

    fn dropped_it_drops_its_children_in_order(_, log) {
        let children =
            ["a", "b"].map(|name| Box::pin(other(name, log)));
        let wait = aio::wait_for(aio::gather(children), Duration::ZERO);
        assert!(wait.await.is_err());
        log.assert(&["a begins", "b begins", "a ends", "b ends"]);
    }

    fn dropped_it_cancels_its_tasks(_, log) {
        let tasks =
            ["a", "b"].map(|name| aio::create_task(other(name, log)));
        let refs = tasks.each_ref().map(aio::Task::task_ref);
        let gathers = aio::create_task(aio::gather(tasks));
        aio::yield_now().await;
        aio::yield_now().await;
        gathers.cancel();
        aio::yield_now().await;
        assert!(gathers.cancelled());
        aio::yield_now().await;
        assert!(refs.iter().all(aio::TaskRef::cancelled));
        log.assert(&["a begins", "b begins", "a ends", "b ends"]);
    }

    fn a_panic_of_a_child_passes_through(_, log) {
        type Child = Pin<Box<dyn Future<Output = ()>>>;
        let fails: Child = Box::pin(async { panic!("it fails") });
        let waits: Child = Box::pin(other("a", log));
        let task = aio::create_task(aio::gather([waits, fails]));
        let text = task.await.unwrap_err().to_string();
        assert_eq!(text, "the task panicked: it fails");
        log.assert(&["a begins", "a ends"]);
    }

    fn it_can_be_polled_by_any_waker(_, _) {
        let mut gathers = Box::pin(aio::gather([
            Box::pin(aio::yield_now()),
            Box::pin(aio::sleep(Duration::from_millis(1))),
        ]));
        let mut noop = Context::from_waker(Waker::noop());
        assert!(gathers.as_mut().poll(&mut noop).is_pending());
        assert_eq!(gathers.await.len(), 2);
    }
}

/// Counts how often a future is polled.
struct Counted<F> {
    future: F,
    polls: Rc<Cell<usize>>,
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.polls.set(self.polls.get() + 1);
        Pin::new(&mut self.future).poll(cx)
    }
}
