//! The loop's side of a task: its state, and a step. `task.rs` has the
//! handles.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use support::trace::Event;

use crate::event_loop::EventLoop;
use crate::task::{TaskError, TaskRef};
use crate::waiters::Waiters;
use crate::wake::{Key, Kind};

// ANCHOR: state
/// What the loop knows of a task.
pub(crate) struct TaskState {
    /// The future, and later its result in the same place. `None` while the
    /// future is being polled.
    pub work: Option<Pin<Box<dyn Run>>>,
    pub state: State,
    /// The next step drops the future instead of polling it.
    pub must_cancel: bool,
    /// How many [`Task`](crate::Task)s and [`TaskRef`]s there are. A task
    /// that is done and has none is forgotten.
    pub handles: u32,
    pub waiters: Waiters<TaskRef>,
    pub name: Option<Box<str>>,
    pub made: &'static Location<'static>,
}

/// | from | by | to |
/// |---|---|---|
/// | pending | its future returns or panics | finished |
/// | pending | the step after [`cancel`](crate::Task::cancel) | cancelled |
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Pending,
    Finished,
    Cancelled,
}
// ANCHOR_END: state

// ANCHOR: work
/// A future of any type, and what came of it.
pub(crate) trait Run {
    /// Polls the future.
    fn step(self: Pin<&mut Self>, cx: &mut Context<'_>) -> State;
    /// Drops the future, or the result that it has just returned.
    fn cancel(self: Pin<&mut Self>) -> State;
    /// Moves the result into `to`, an `Option<Result<T, TaskError>>`.
    fn take_result(self: Pin<&mut Self>, to: &mut dyn Any);
    /// What it panicked with, if nobody has taken that.
    fn panic(&self) -> Option<&(dyn Any + Send)>;
    /// The name of the future's type.
    fn name(&self) -> &'static str;
}

pin_project! {
    #[project = Projected]
    pub(crate) enum Work<F: std::future::Future> {
        Running { #[pin] future: F },
        Done { result: Option<Result<F::Output, TaskError>> },
    }
}

impl<F> Run for Work<F>
where
    F: std::future::Future + 'static,
{
    fn step(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> State {
        let polled =
            catch_unwind(AssertUnwindSafe(|| match self.as_mut().project() {
                Projected::Running { future } => future.poll(cx),
                Projected::Done { .. } => unreachable!("it has its result"),
            }));
        match polled {
            Ok(Poll::Pending) => State::Pending,
            Ok(Poll::Ready(output)) => self.end(Ok(output)),
            Err(panic) => self.end(Err(TaskError::Panicked(panic))),
        }
    }

    fn cancel(self: Pin<&mut Self>) -> State {
        match self.panic().is_some() {
            true => State::Finished, // a panic counts more
            false => self.end(Err(TaskError::Cancelled)),
        }
    }

    fn take_result(self: Pin<&mut Self>, to: &mut dyn Any) {
        if let Projected::Done { result } = self.project() {
            let to = to.downcast_mut().expect("a task knows its own type");
            *to = result.take();
        }
    }

    fn panic(&self) -> Option<&(dyn Any + Send)> {
        match self {
            Work::Done { result: Some(Err(TaskError::Panicked(panic))) } => {
                Some(&**panic)
            }
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<F>()
    }
}

impl<F: std::future::Future> Work<F> {
    /// Puts the result where the future was, which is dropped.
    fn end(
        mut self: Pin<&mut Self>,
        result: Result<F::Output, TaskError>,
    ) -> State {
        let state = match result {
            Err(TaskError::Cancelled) => State::Cancelled,
            _ => State::Finished,
        };
        let mut done = Work::Done { result: Some(result) };
        // What is dropped is anybody's code, and may panic.
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.set(done)))
        {
            done = Work::Done { result: Some(Err(TaskError::Panicked(panic))) };
        }
        state
    }
}
// ANCHOR_END: work

impl EventLoop {
    /// Does something with a task, if it is still there.
    pub(crate) fn with_task<T>(
        &self,
        key: Key,
        f: impl FnOnce(&mut TaskState) -> T,
    ) -> Option<T> {
        self.inner.sleepers.borrow_mut().task(key).map(f)
    }

    // ANCHOR: step
    /// One step of a task. In asyncio: `Task.__step`.
    pub(crate) fn step_task(&self, key: Key, waker: &Waker) {
        let taken = self.with_task(key, |t| (t.work.take(), t.must_cancel));
        let Some((Some(mut work), must_cancel)) = taken else { return };
        self.record(|| Event::Call(work.name()));
        let mut state = match must_cancel {
            true => work.as_mut().cancel(),
            false => work.as_mut().step(&mut Context::from_waker(waker)),
        };
        // It may have been cancelled meanwhile, by itself.
        let cancelled = self.with_task(key, |task| task.must_cancel);
        if !must_cancel && cancelled == Some(true) {
            match state {
                State::Pending => self.wake(key), // the next step does it
                _ => state = work.as_mut().cancel(),
            }
        }
        self.stepped(key, work, state);
    }

    /// Notes what came of a step, and tells those who wait.
    fn stepped(&self, key: Key, work: Pin<Box<dyn Run>>, state: State) {
        let waiters = self.with_task(key, |task| {
            task.work = Some(work);
            task.state = state;
            match state {
                State::Pending => Waiters::default(),
                _ => std::mem::take(&mut task.waiters),
            }
        });
        if state != State::Pending {
            // It is not forgotten while this handle exists.
            let task = TaskRef::new(self, key);
            waiters.unwrap_or_default().schedule(self, &task);
        }
    }
    // ANCHOR_END: step

    /// Forgets a task that is done and that nobody has a handle to.
    pub(crate) fn forget(&self, key: Key) {
        let mut sleepers = self.inner.sleepers.borrow_mut();
        let task = sleepers.task(key);
        if !task.is_some_and(|t| t.handles == 0 && t.state != State::Pending) {
            return;
        }
        let sleeper = sleepers.remove(key);
        drop(sleepers); // before what the task holds
        let Some(Kind::Task(task)) = sleeper.map(|sleeper| sleeper.kind) else {
            return;
        };
        if let Some(panic) = task.work.as_ref().and_then(|work| work.panic()) {
            let text = crate::task::panic_text(panic);
            let name = task.name(key.id);
            let lost =
                format_args!("{name} panicked, and nobody asked: {text}");
            // With stderr gone there is nobody left to tell.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("{lost}\n"),
            );
        }
    }

    /// Cancels the tasks that are left, in the order of their making.
    pub(crate) fn drop_tasks(&self) {
        loop {
            let tasks = self.pending_tasks();
            if tasks.is_empty() {
                break;
            }
            for task in tasks {
                let work = self.with_task(task.key, |task| task.work.take());
                if let Some(mut work) = work.flatten() {
                    let state = work.as_mut().cancel();
                    self.stepped(task.key, work, state);
                }
            }
        }
        // Those who waited for them never run any more.
        drop(self.inner.ready.take());
    }

    /// The tasks that are not done, in the order of their making.
    pub(crate) fn pending_tasks(&self) -> Vec<TaskRef> {
        let sleepers = self.inner.sleepers.borrow();
        let pending = |kind: &Kind| matches!(kind, Kind::Task(t) if t.state == State::Pending);
        let all = sleepers.in_order();
        let tasks = all.iter().filter(|(_, sleeper)| pending(&sleeper.kind));
        let keys: Vec<Key> = tasks.map(|(key, _)| *key).collect();
        drop(sleepers);
        keys.into_iter().map(|key| TaskRef::new(self, key)).collect()
    }

    /// Where everybody waits, a line each.
    pub(crate) fn dump(&self) -> String {
        let sleepers = self.inner.sleepers.borrow();
        let line = |(key, sleeper): &(Key, &crate::wake::Sleeper)| {
            let name = match &sleeper.kind {
                Kind::Root => "the main future".to_string(),
                Kind::Task(t) if t.state == State::Pending => t.name(key.id),
                _ => return None,
            };
            Some(match sleeper.waits_at {
                Some(place) => format!("\n  {name} waits for {place}"),
                None => format!("\n  {name} waits for an unknown thing"),
            })
        };
        sleepers.in_order().iter().filter_map(line).collect()
    }
}

impl TaskState {
    pub fn name(&self, id: u64) -> String {
        match &self.name {
            Some(name) => name.to_string(),
            None => format!("Task-{id}"),
        }
    }
}
