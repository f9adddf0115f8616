//! The names that stage 4 promises, as other programs use them: that this
//! compiles is most of the test.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use stage4_async_await as aio;

use aio::net::{TcpListener, TcpStream};
use aio::{
    CallbackId, Cancelled, Elapsed, EventLoop, FutureError, Handle,
    InvalidState, LoopClosed, Panicked, Remote, Task, TaskError, TaskRef,
    TimerHandle,
};
use tests::deadline::within_deadline;

fn is_clone_send_sync<T: Clone + Send + Sync>() {}
fn is_clone<T: Clone>() {}
fn is_stream<T: AsyncRead + AsyncWrite + Unpin>() {}
fn is_error<T: std::error::Error + 'static>() {}

#[test]
fn the_loop() {
    within_deadline(|| {
        is_clone::<EventLoop>();
        is_clone_send_sync::<Remote>();
        let event_loop: io::Result<EventLoop> = EventLoop::new();
        let event_loop = event_loop.unwrap();
        assert_eq!(aio::running_loop(), None);
        // What it runs may borrow, and need not be `Send`.
        let (text, rc) = (String::from("text"), std::rc::Rc::new(1));
        let length: usize =
            event_loop.run_until_complete(async { text.len() + *rc });
        assert_eq!(length, 5);
        let handle: Handle = event_loop.call_soon(|| {});
        handle.cancel();
        let when = Instant::now() + Duration::from_secs(1);
        let timer: TimerHandle = event_loop.call_at(when, || {});
        assert_eq!(TimerHandle::when(&timer), when);
        TimerHandle::cancel(&timer);
        let later = event_loop.call_later(Duration::from_secs(1), || {});
        later.cancel();
        let remote: Remote = event_loop.remote();
        let stops = event_loop.clone();
        event_loop.call_soon(move || stops.stop());
        event_loop.run_forever();
        event_loop.close();
        let sent: Result<(), LoopClosed> = remote.call_soon_threadsafe(|| {});
        assert_eq!(sent, Err(LoopClosed));
    });
}

#[cfg(unix)]
#[test]
fn readers_and_writers() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let (a, _b) = std::os::unix::net::UnixStream::pair().unwrap();
        event_loop.add_reader(&a, || {}).unwrap();
        event_loop.add_writer(&a, || {}).unwrap();
        assert!(event_loop.remove_reader(&a));
        assert!(event_loop.remove_writer(&a));
        event_loop.close();
    });
}

#[test]
fn futures() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let future: aio::Future<u32> = event_loop.create_future();
        let id: CallbackId =
            future.add_done_callback(|done: &aio::Future<u32>| {
                assert!(done.done());
            });
        assert!(future.remove_done_callback(id));
        assert_eq!(future.result(), Err(FutureError::InvalidState));
        let set: Result<(), InvalidState> = future.set_result(1);
        assert_eq!(set, Ok(()));
        assert!(future.done() && !future.cancelled() && !future.cancel());
        let result: Result<u32, Cancelled> =
            event_loop.run_until_complete(future.clone());
        assert_eq!(result, Ok(1));
        let other = event_loop.run_until_complete(async {
            let future = aio::create_future::<()>();
            future.cancel();
            future.result()
        });
        assert_eq!(other, Err(FutureError::Cancelled));
        event_loop.close();
    });
}

#[test]
fn tasks() {
    within_deadline(|| {
        let event_loop = EventLoop::new().unwrap();
        let mut task: Task<u32> = event_loop.create_task(async { 1 });
        Task::set_name(&task, "one");
        assert_eq!(Task::name(&task), "one");
        let id: u64 = Task::id(&task);
        task.add_done_callback(move |task: &TaskRef| {
            assert_eq!((task.id(), task.name().as_str()), (id, "one"));
        });
        let waited: Result<u32, TaskError> =
            event_loop.run_until_complete(&mut task);
        assert_eq!(waited.unwrap(), 1);
        let again: Option<Result<u32, TaskError>> = task.take_result();
        assert!(again.is_none());
        let all = [task];
        assert!(all.iter().all(Task::done) && !all.iter().any(Task::cancelled));
        assert!(!all.iter().any(Task::cancel));
        aio::run(async {
            assert!(aio::current_task().is_none());
            let task: Task<u32> = aio::create_task(async {
                let me: Option<TaskRef> = aio::current_task();
                assert_eq!(aio::all_tasks().len(), 1);
                panic!("{}", me.expect("it is one").name())
            });
            match task.await {
                Err(TaskError::Panicked(panic)) => {
                    let panic: Box<dyn Any + Send> = panic;
                    assert!(panic.is::<String>());
                }
                other => panic!("{other:?}"),
            }
        });
        event_loop.close();
    });
}

#[test]
fn time_and_combinators() {
    within_deadline(|| {
        aio::run(async {
            let () = aio::sleep(Duration::ZERO).await;
            let () = aio::yield_now().await;
            let late: Result<(), Elapsed> = aio::wait_for(
                std::future::pending::<()>(),
                Duration::from_millis(1),
            )
            .await;
            assert_eq!(late, Err(Elapsed));
            let tasks = (0..3).map(|n| aio::create_task(async move { n }));
            let results: Vec<Result<u32, TaskError>> = aio::gather(tasks).await;
            let results: Vec<_> =
                results.into_iter().map(Result::unwrap).collect();
            assert_eq!(results, [0, 1, 2]);
            let futures = [(); 2].map(|()| aio::create_future::<u8>());
            futures.iter().for_each(|future| future.set_result(7).unwrap());
            assert_eq!(aio::gather(futures).await, [Ok(7), Ok(7)]);
            let text = String::from("borrowed");
            let boxed = [Box::pin(async { text.len() })];
            assert_eq!(aio::gather(boxed).await, [8]);
            let answer: Result<u32, Panicked> = aio::to_thread(|| 42).await;
            assert_eq!(answer.unwrap(), 42);
        });
    });
}

#[test]
fn sockets() {
    within_deadline(|| {
        is_stream::<TcpStream>();
        let received = aio::run(async {
            let listener: TcpListener = TcpListener::bind("127.0.0.1:0")?;
            let address: SocketAddr = listener.local_addr()?;
            let client: TcpStream = TcpStream::connect(address).await?;
            let (server, peer): (TcpStream, SocketAddr) =
                listener.accept().await?;
            assert_eq!(peer, client.local_addr()?);
            let () = client.send_all(b"hello").await?;
            let received: Vec<u8> = server.recv(1024).await?;
            io::Result::Ok(received)
        });
        assert_eq!(received.unwrap(), b"hello");
    });
}

#[test]
fn errors_are_errors() {
    is_error::<Cancelled>();
    is_error::<Elapsed>();
    is_error::<FutureError>();
    is_error::<InvalidState>();
    is_error::<LoopClosed>();
    is_error::<Panicked>();
    is_error::<TaskError>();
}
