//! A future that the loop polls by itself. Read stage 3's `task.rs` first: a
//! generator yielded what it waits for, and the task asked that for a
//! callback. A future takes the task's `Waker` along to wherever it waits.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::Location;

use crate::waiters::Waiter;
use crate::work::{End, TaskState, Work};
use crate::*;

// ANCHOR: task
/// A task: a future that runs by itself, and the handle to its result.
///
/// * `task.await` hands the task over. It gives the result; if that await is
///   dropped, the task is cancelled. In asyncio, too, to cancel the waiter is
///   to cancel what it waits for.
/// * `(&mut task).await` only waits.
/// * A task whose handle is dropped runs on.
///
/// ```
/// use stage4_async_await as aio;
///
/// let sum = aio::run(async {
///     let task = aio::create_task(async { 1 + 2 });
///     task.await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// ```
///
/// In asyncio: `Task`. Awaiting one that was cancelled raises there; here it
/// is a value, [`TaskError::Cancelled`].
pub struct Task<T> {
    task: TaskRef,
    /// Our place in the list of those who wait.
    waiting: Option<CallbackId>,
    result: PhantomData<fn() -> T>,
}

/// A handle to a task without the type of its result.
pub struct TaskRef {
    event_loop: EventLoop,
    pub(crate) key: Key,
}
// ANCHOR_END: task

/// Why a task has no result.
#[derive(thiserror::Error)]
pub enum TaskError {
    /// It was cancelled.
    #[error("the task was cancelled")]
    Cancelled,
    /// It panicked, with this.
    #[error("the task panicked: {}", panic_text(&**.0))]
    Panicked(Box<dyn Any + Send>),
}

/// A task of the running loop. Its first step is in the next turn. In
/// asyncio: `create_task`.
///
/// # Panics
///
/// If no loop is running on this thread.
#[track_caller]
pub fn create_task<F>(future: F) -> Task<F::Output>
where
    F: std::future::Future + 'static,
{
    here().create_task(future)
}

/// The task that is being polled. `None` in a callback, and in the future
/// that [`run`](crate::run) or
/// [`run_until_complete`](EventLoop::run_until_complete) was given, which is
/// no task. In asyncio: `current_task`.
pub fn current_task() -> Option<TaskRef> {
    let event_loop = running_loop()?;
    let key = event_loop.inner.state.current.get()?.task;
    event_loop.with_task(key, |_| ())?;
    Some(TaskRef::new(&event_loop, key))
}

/// The tasks of the running loop that have not ended, in the order of their
/// making. In asyncio: `all_tasks`.
pub fn all_tasks() -> Vec<TaskRef> {
    with_running(EventLoop::pending_tasks).unwrap_or_default()
}

impl EventLoop {
    // ANCHOR: create_task
    /// A task of this loop. Its first step is in the next turn. It must own
    /// what it uses (`'static`): nobody knows how long it runs. In asyncio:
    /// `create_task`, where everything is kept by the garbage collector.
    ///
    /// # Panics
    ///
    /// If the loop is closed.
    #[track_caller]
    pub fn create_task<F>(&self, future: F) -> Task<F::Output>
    where
        F: std::future::Future + 'static,
    {
        self.check_open();
        let number = &self.inner.state.tasks;
        number.set(number.get() + 1);
        let key = self.insert(Kind::Task(TaskState {
            work: Some(Box::pin(Work::Running { future })),
            end: None,
            taken: false,
            must_cancel: false,
            handles: 0,
            waiters: Waiters::default(),
            number: number.get(),
            name: None,
            made: Location::caller(),
        }));
        self.wake(key);
        let task = TaskRef::new(self, key);
        Task { task, waiting: None, result: PhantomData }
    }
    // ANCHOR_END: create_task
}

impl TaskRef {
    pub(crate) fn new(event_loop: &EventLoop, key: Key) -> TaskRef {
        event_loop.with_task(key, |task| task.handles += 1);
        TaskRef { event_loop: event_loop.clone(), key }
    }

    fn with<T>(&self, f: impl FnOnce(&mut TaskState) -> T) -> T {
        let task = self.event_loop.with_task(self.key, f);
        task.expect("a task with a handle is not forgotten")
    }

    /// Its number; no other task of the loop ever has it.
    pub fn id(&self) -> u64 {
        self.with(|task| task.number.into())
    }

    /// Its name: `Task-1`, say, unless it was given one.
    pub fn name(&self) -> String {
        self.with(|task| task.name())
    }

    /// Gives it a name, for reports.
    pub fn set_name(&self, name: impl Into<String>) {
        let name = name.into().into_boxed_str();
        self.with(|task| task.name = Some(name));
    }

    // ANCHOR: cancel
    /// Asks it to end; false if it has ended already. In its next step, in
    /// the next turn at the latest, its future is dropped. In asyncio: `cancel`; but
    /// there `CancelledError` is raised where the task waits, which may catch
    /// it. What is dropped can not refuse.
    pub fn cancel(&self) -> bool {
        let pending = !self.done();
        if pending {
            self.with(|task| task.must_cancel = true);
            self.event_loop.wake(self.key);
        }
        pending
    }
    // ANCHOR_END: cancel

    /// Whether it has ended, in whatever way.
    pub fn done(&self) -> bool {
        self.with(|task| task.end.is_some())
    }

    /// Whether it was cancelled, and has ended by that.
    pub fn cancelled(&self) -> bool {
        self.with(|task| matches!(task.end, Some(End::Cancelled)))
    }

    /// Where it waits, since its last step; `None` if it has ended or not
    /// begun, or waits for something that does not say so.
    pub fn waits_at(&self) -> Option<Place> {
        let mut table = self.event_loop.inner.table.borrow_mut();
        let entry = table.get(self.key)?;
        let ended = matches!(&entry.kind, Kind::Task(t) if t.end.is_some());
        entry.waits_at.filter(|_| !ended)
    }

    /// Has `callback` called when it has ended: never at once, always in a
    /// later turn of the loop. In asyncio: `add_done_callback`.
    pub fn add_done_callback(
        &self,
        callback: impl FnOnce(&TaskRef) + 'static,
    ) -> CallbackId {
        let id = CallbackId::next();
        let waiter = Waiter::Call(Box::new(callback));
        self.with(|task| task.waiters.insert(id, waiter));
        if self.done() {
            let waiters = self.with(|task| std::mem::take(&mut task.waiters));
            self.event_loop.schedule(waiters, self);
        }
        id
    }

    /// Forgets a callback that has not been scheduled yet; false if it is not
    /// there. In asyncio: `remove_done_callback`.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        self.with(|task| task.waiters.remove(&id)).is_some()
    }
}

impl<T: 'static> Task<T> {
    /// See [`TaskRef::cancel`].
    pub fn cancel(&self) -> bool {
        self.task.cancel()
    }

    /// See [`TaskRef::done`].
    pub fn done(&self) -> bool {
        self.task.done()
    }

    /// See [`TaskRef::cancelled`].
    pub fn cancelled(&self) -> bool {
        self.task.cancelled()
    }

    /// See [`TaskRef::name`].
    pub fn name(&self) -> String {
        self.task.name()
    }

    /// See [`TaskRef::set_name`].
    pub fn set_name(&self, name: impl Into<String>) {
        self.task.set_name(name);
    }

    /// See [`TaskRef::id`].
    pub fn id(&self) -> u64 {
        self.task.id()
    }

    /// See [`TaskRef::add_done_callback`].
    pub fn add_done_callback(
        &self,
        callback: impl FnOnce(&TaskRef) + 'static,
    ) -> CallbackId {
        self.task.add_done_callback(callback)
    }

    /// See [`TaskRef::remove_done_callback`].
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        self.task.remove_done_callback(id)
    }

    /// A handle without the type of the result.
    pub fn task_ref(&self) -> TaskRef {
        self.task.clone()
    }

    /// Its result, if it has ended and nobody has taken that yet.
    pub fn take_result(&mut self) -> Option<Result<T, TaskError>> {
        self.task.with(|task| {
            if task.end.is_none() || std::mem::replace(&mut task.taken, true) {
                return None;
            }
            let mut output = None;
            match task.end.as_mut()? {
                End::Finished => {
                    task.work.as_mut()?.as_mut().take_output(&mut output);
                    output.map(Ok)
                }
                End::Cancelled => Some(Err(TaskError::Cancelled)),
                End::Panicked(panic) => {
                    let panic = std::mem::replace(panic, Box::new(()));
                    Some(Err(TaskError::Panicked(panic)))
                }
            }
        })
    }
}

// ANCHOR: join
/// Waits, and does no more: if this is dropped, the task runs on.
///
/// # Panics
///
/// If the result has been taken already.
impl<T: 'static> std::future::Future for &mut Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Task { task, waiting, .. } = &mut **this;
        if !task.done() {
            let (at, _before) = task.with(|state| {
                let (waiters, waker) = (&mut state.waiters, cx.waker());
                let before = task.event_loop.park_in(waiters, waker, waiting);
                (state.made, before)
            });
            task.event_loop.waits_at(Place::new(&"task made", at));
            return Poll::Pending;
        }
        let result = this.take_result();
        Poll::Ready(result.expect("the result has been taken already"))
    }
}

/// Hands the task over: if this is dropped, the task is cancelled.
impl<T: 'static> IntoFuture for Task<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Join<T>;

    #[track_caller]
    fn into_future(self) -> Join<T> {
        Join { task: self, place: Place::here(&"task") }
    }
}

/// The wait for a task that was handed over.
#[must_use = "a task is cancelled when this is dropped"]
#[derive(Debug)]
pub struct Join<T: 'static> {
    task: Task<T>,
    place: Place,
}

impl<T> std::future::Future for Join<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Join { task, place } = self.get_mut();
        let polled = Pin::new(&mut &mut *task).poll(cx);
        if polled.is_pending() {
            task.task.event_loop.waits_at(*place);
        }
        polled
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        self.task.cancel();
    }
}
// ANCHOR_END: join

impl<T> Drop for Task<T> {
    /// Nobody waits with this handle any more.
    fn drop(&mut self) {
        if let Some(id) = self.waiting {
            self.task.remove_done_callback(id);
        }
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> TaskRef {
        TaskRef::new(&self.event_loop, self.key)
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        self.event_loop.with_task(self.key, |task| task.handles -= 1);
        self.event_loop.forget(self.key);
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.task.fmt(f)
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// With what the panic says.
impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Cancelled => f.write_str("Cancelled"),
            TaskError::Panicked(panic) => {
                write!(f, "Panicked({:?})", panic_text(&**panic))
            }
        }
    }
}

/// What a panic says, if it says it in words.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text")
}
