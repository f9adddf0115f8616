//! The documents' crawler on `yield from`: stage 2 plus delegation, and
//! nothing else.
//!
//! `cargo run -p stage3-future-task --example yield_from_minimal`

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Instant;

use stage1_callbacks::{EventLoop, Interest, Source};
use stage2_generators::GeneratorState::{self, Complete, Yielded};
use support::net::start_connect;
use support::site::{Site, SiteOptions};

// ANCHOR: generator
/// Stage 2's generator, without what is sent: each call goes on to the next
/// pause, or to the end. Where it stands is in the variables it captures.
type Generator<T> = Box<dyn FnMut() -> Step<T>>;

/// What came of a call: what to wait for, or what it returns. Or an error,
/// which ends it.
type Step<T> = io::Result<GeneratorState<Rc<dyn Awaitable>, T>>;
// ANCHOR_END: generator

// ANCHOR: delegate
/// `yield from`: as long as the other generator pauses, this one does, and
/// its errors are errors of this one. Then it is what the other has returned.
macro_rules! yield_from {
    ($generator:expr) => {
        match $generator()? {
            Yielded(future) => return Ok(Yielded(future)),
            Complete(result) => result,
        }
    };
}
// ANCHOR_END: delegate

// ANCHOR: future
/// A result that comes later, and who wants to know of it.
struct Future<T> {
    result: RefCell<Option<T>>,
    callbacks: RefCell<Vec<Callback>>,
}

type Callback = Box<dyn FnOnce()>;

impl<T: 'static> Future<T> {
    fn new() -> Rc<Future<T>> {
        let (result, callbacks) = (RefCell::default(), RefCell::default());
        Rc::new(Future { result, callbacks })
    }

    fn set_result(&self, result: T) {
        self.result.replace(Some(result));
        self.callbacks.take().into_iter().for_each(|callback| callback());
    }

    /// As a generator, it yields itself and then returns its result.
    fn iter(self: &Rc<Self>) -> Generator<T> {
        let future = self.clone();
        Box::new(move || {
            Ok(match future.result.take() {
                None => Yielded(future.clone()),
                Some(result) => Complete(result),
            })
        })
    }
}

/// What a task sees of a future: nothing of the result's type.
trait Awaitable {
    fn add_done_callback(&self, callback: Callback);
}

impl<T> Awaitable for Future<T> {
    fn add_done_callback(&self, callback: Callback) {
        self.callbacks.borrow_mut().push(callback);
    }
}
// ANCHOR_END: future

// ANCHOR: task
/// Runs a generator. While that waits, the future holds the task.
struct Task(Generator<()>);

impl Task {
    fn step(mut self) {
        match (self.0)() {
            Ok(Yielded(next_future)) => {
                next_future.add_done_callback(Box::new(|| self.step()));
            }
            Ok(Complete(())) => {}
            // Nobody has caught it: in Python this ends the program, too.
            Err(error) => panic!("{error}"),
        }
    }
}
// ANCHOR_END: task

/// What all fetches share.
struct Program {
    event_loop: EventLoop,
    address: SocketAddr,
    urls_todo: RefCell<Vec<String>>,
}

type Stream = Rc<Source<TcpStream>>;

// ANCHOR: fetch
/// Says what is done in which order. How, its sub-generators know.
fn fetch(program: Rc<Program>, url: String) -> Generator<()> {
    enum State {
        Connecting(Generator<Stream>),
        Reading(Generator<Vec<u8>>),
    }
    let mut state = State::Connecting(connect(program.clone()));
    Box::new(move || {
        loop {
            match &mut state {
                State::Connecting(connect) => {
                    let stream = yield_from!(connect);
                    let get = format!(
                        "GET {url} HTTP/1.0\r\nHost: example.com\r\n\r\n"
                    );
                    // Hope that it goes out in one piece.
                    (&**stream).write_all(get.as_bytes())?;
                    let read_all = read_all(program.clone(), stream);
                    state = State::Reading(read_all);
                }
                State::Reading(read_all) => {
                    let response = yield_from!(read_all);
                    println!("{url}: {} bytes", response.len());
                    program.urls_todo.borrow_mut().retain(|todo| *todo != url);
                    return Ok(Complete(()));
                }
            }
        }
    })
}
// ANCHOR_END: fetch

// ANCHOR: connect
fn connect(program: Rc<Program>) -> Generator<Stream> {
    let mut waiting = None;
    Box::new(move || {
        if waiting.is_none() {
            let socket = start_connect(program.address)?;
            let stream = Rc::new(program.event_loop.add_source(socket)?);
            let f = Future::new();
            waiting = Some((f.iter(), stream.clone()));
            let on_connected = move || f.set_result(());
            let (key, writable) = (stream.key(), Interest::Writable);
            program.event_loop.register(key, writable, on_connected)?;
        }
        let (f, stream) = waiting.as_mut().expect("set above");
        yield_from!(f);
        Ok(Complete(stream.clone()))
    })
}
// ANCHOR_END: connect

// ANCHOR: read
fn read(program: Rc<Program>, stream: Stream) -> Generator<Vec<u8>> {
    let mut waiting = None;
    Box::new(move || {
        if waiting.is_none() {
            let f = Future::new();
            waiting = Some(f.iter());
            let (key, readable) = (stream.key(), Interest::Readable);
            let stream = stream.clone();
            let on_readable = move || f.set_result(recv(&stream));
            program.event_loop.register(key, readable, on_readable)?;
        }
        let f = waiting.as_mut().expect("set above");
        let chunk = yield_from!(f)?;
        Ok(Complete(chunk))
    })
}

/// What is there; nothing at the end of input.
fn recv(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; 4096];
    let n = stream.read(&mut chunk)?;
    chunk.truncate(n);
    Ok(chunk)
}
// ANCHOR_END: read

// ANCHOR: read_all
fn read_all(program: Rc<Program>, stream: Stream) -> Generator<Vec<u8>> {
    let mut response = Vec::new();
    let mut reading = read(program.clone(), stream.clone());
    Box::new(move || {
        loop {
            let chunk = yield_from!(reading);
            if chunk.is_empty() {
                return Ok(Complete(mem::take(&mut response)));
            }
            response.extend(chunk);
            reading = read(program.clone(), stream.clone());
        }
    })
}
// ANCHOR_END: read_all

impl Program {
    // ANCHOR: loop
    fn run(&self) -> io::Result<()> {
        while !self.urls_todo.borrow().is_empty() {
            self.event_loop.run_once()?;
        }
        Ok(())
    }
    // ANCHOR_END: loop
}

// ANCHOR: main
fn main() -> io::Result<()> {
    let site = Site::start(&SiteOptions::default())?;
    let start = Instant::now();
    let program = Rc::new(Program {
        event_loop: EventLoop::new()?,
        address: site.address(),
        urls_todo: RefCell::new(site.paths().to_vec()),
    });
    for url in site.paths() {
        Task(fetch(program.clone(), url.clone())).step();
    }
    program.run()?;
    println!("ten pages in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
// ANCHOR_END: main
