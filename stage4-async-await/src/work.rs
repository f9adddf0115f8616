//! The loop's side of a task: its state, and a step. `task.rs` has the
//! handles.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use pin_project_lite::pin_project;

use crate::task::panic_text;
use crate::wake::Table;
use crate::*;

// ANCHOR: state
/// What the loop knows of a task.
pub(crate) struct TaskState {
    /// The future, and later its output in the same place. `None` while the
    /// future is being polled, and if there is no output.
    pub work: Option<Pin<Box<dyn Run>>>,
    pub end: Option<End>,
    /// Somebody has the result.
    pub taken: bool,
    /// The next step drops the future instead of polling it.
    pub must_cancel: bool,
    /// How many [`Task`]s and [`TaskRef`]s there are. A task that has ended
    /// and has none is forgotten.
    pub handles: u32,
    pub waiters: Waiters<TaskRef>,
    pub number: u32,
    pub name: Option<Box<str>>,
    pub made: &'static Location<'static>,
}

/// How a task has ended.
///
/// | from | by | to |
/// |---|---|---|
/// | pending | its future returns | finished |
/// | pending | its future panics | panicked |
/// | pending | the step after [`cancel`](TaskRef::cancel) | cancelled |
pub(crate) enum End {
    Finished,
    Cancelled,
    Panicked(Box<dyn Any + Send>),
}
// ANCHOR_END: state

// ANCHOR: work
/// A future of any type, and then its output.
pub(crate) trait Run {
    /// Polls the future; true when it is done.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;
    /// Moves the output into `to`, an `Option` of its type.
    fn take_output(self: Pin<&mut Self>, to: &mut dyn Any);
    /// The name of the future's type.
    fn name(&self) -> &'static str;
}

pin_project! {
    #[project = Projected]
    pub(crate) enum Work<F: std::future::Future> {
        Running { #[pin] future: F },
        Done { output: Option<F::Output> },
    }
}

impl<F: std::future::Future<Output: 'static>> Run for Work<F> {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let Projected::Running { future } = self.as_mut().project() else {
            return true;
        };
        match future.poll(cx) {
            Poll::Pending => false,
            Poll::Ready(output) => {
                self.set(Work::Done { output: Some(output) });
                true
            }
        }
    }

    fn take_output(self: Pin<&mut Self>, to: &mut dyn Any) {
        if let Projected::Done { output } = self.project() {
            *to.downcast_mut().expect("a task knows its type") = output.take();
        }
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<F>()
    }
}
// ANCHOR_END: work

impl Table {
    pub fn task(&mut self, key: Key) -> Option<&mut TaskState> {
        match &mut self.get(key)?.kind {
            Kind::Task(task) => Some(task),
            _ => None,
        }
    }
}

impl EventLoop {
    /// Does something with a task, if it is still there.
    pub(crate) fn with_task<T>(
        &self,
        key: Key,
        f: impl FnOnce(&mut TaskState) -> T,
    ) -> Option<T> {
        self.inner.table.borrow_mut().task(key).map(f)
    }

    // ANCHOR: step
    /// One step of a task. In asyncio: `Task.__step`.
    pub(crate) fn step_task(
        &self,
        key: Key,
        mut work: Pin<Box<dyn Run>>,
        waker: &Waker,
    ) {
        self.record(|| trace::Event::Call(work.name()));
        let is_cancelled = || self.with_task(key, |t| t.must_cancel);
        let must_cancel = is_cancelled() == Some(true);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            must_cancel || work.as_mut().poll(&mut Context::from_waker(waker))
        }));
        // It may have been cancelled meanwhile, by itself.
        match (polled, is_cancelled() == Some(true)) {
            (Err(panic), _) => self.end_task(key, work, End::Panicked(panic)),
            (Ok(true), true) => self.end_task(key, work, End::Cancelled),
            (Ok(true), false) => self.end_task(key, work, End::Finished),
            (Ok(false), cancelled) => {
                self.with_task(key, |task| task.work = Some(work));
                if cancelled {
                    self.wake(key); // the next step does it
                }
            }
        }
    }

    /// Notes how a task has ended, and tells those who wait.
    fn end_task(&self, key: Key, work: Pin<Box<dyn Run>>, mut end: End) {
        let mut work = Some(work);
        if !matches!(end, End::Finished)
            && let Some(panic) = drop_caught(work.take())
        {
            end = End::Panicked(panic);
        }
        let waiters = self.with_task(key, |task| {
            (task.work, task.end) = (work, Some(end));
            std::mem::take(&mut task.waiters)
        });
        // It is not forgotten while this handle exists.
        let task = TaskRef::new(self, key);
        self.schedule(waiters.unwrap_or_default(), &task);
    }
    // ANCHOR_END: step

    /// Forgets a task that has ended and that nobody has a handle to.
    pub(crate) fn forget(&self, key: Key) {
        let unused = |t: &mut TaskState| t.handles == 0 && t.end.is_some();
        if self.with_task(key, unused) != Some(true) {
            return;
        }
        let Some(Kind::Task(mut task)) = self.remove(key).map(|e| e.kind)
        else {
            return;
        };
        let lost = match task.end.take() {
            Some(End::Panicked(panic)) if !task.taken => Some(panic),
            _ => None,
        };
        let name = task.name();
        if let Some(panic) = drop_caught(task).or(lost) {
            let text = panic_text(&*panic);
            let line = format!("{name} panicked, and nobody asked: {text}\n");
            // With stderr gone there is nobody left to tell.
            let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
        }
    }

    /// Cancels the tasks that are left, in the order of their making, and
    /// drops all callbacks.
    pub(crate) fn drop_entries(&self) {
        self.inner.timers.take();
        loop {
            let tasks = self.pending_tasks();
            for task in &tasks {
                let work = self.with_task(task.key, |task| task.work.take());
                let work = work.flatten().expect("nothing is being polled");
                self.end_task(task.key, work, End::Cancelled);
            }
            self.inner.ready.take();
            let is_task = |kind: &Kind| matches!(kind, Kind::Task(_));
            let all = self.inner.table.borrow().keys(|kind| !is_task(kind));
            if tasks.is_empty() && all.is_empty() {
                break;
            }
            for key in all {
                drop_caught(self.remove(key));
            }
        }
    }

    /// The tasks that have not ended, in the order of their making.
    pub(crate) fn pending_tasks(&self) -> Vec<TaskRef> {
        let pending = |k: &Kind| matches!(k, Kind::Task(t) if t.end.is_none());
        let keys = self.inner.table.borrow().keys(pending);
        keys.into_iter().map(|key| TaskRef::new(self, key)).collect()
    }

    /// Where everybody waits, a line each.
    pub(crate) fn dump(&self) -> String {
        let mut table = self.inner.table.borrow_mut();
        let mut dump = String::new();
        for key in table.keys(|_| true) {
            let entry = table.get(key).expect("it is there");
            let name = match &entry.kind {
                Kind::Root => "the main future".to_string(),
                Kind::Task(task) if task.end.is_none() => task.name(),
                Kind::Child(..) if entry.waits_at.is_some() => {
                    "a child of gather".to_string()
                }
                _ => continue,
            };
            dump += &match entry.waits_at {
                Some(place) => format!("\n  {name} waits: {place}"),
                None => format!("\n  {name} waits"),
            };
        }
        dump
    }
}

impl TaskState {
    pub fn name(&self) -> String {
        let name = self.name.as_ref().map(|name| name.to_string());
        name.unwrap_or_else(|| format!("Task-{}", self.number))
    }
}

/// Drops what is anybody's, and may panic; returns what it panicked with.
fn drop_caught<T>(value: T) -> Option<Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(value))).err()
}
