//! The web crawler, with workers that take jobs from a queue. Read stage 2's
//! `crawler.rs` first: what were states of one machine are generators now,
//! and a fetch only says in which order they run.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use stage1_callbacks::EventLoop;
use support::crawl::{FetchError, FetchState, Frontier, Job, Outcome};
use support::http::{self, Response, ResponseReader};
use support::net;
use support::{CrawlOptions, Interrupt, Page, Summary, Waiting};

use crate::GeneratorState::Complete;
use crate::*;

/// Crawls as `options` say and calls `on_page` for each URL when it is done,
/// until nothing is left to fetch or `interrupt` is triggered.
///
/// # Errors
///
/// `Unsupported` for options that need TLS; those of the event loop. What
/// goes wrong with one URL is an error of its [`Page`] alone.
pub fn crawl(
    options: &CrawlOptions,
    on_page: &mut dyn FnMut(&Page),
    interrupt: &Interrupt,
) -> io::Result<Summary> {
    options.refuse_tls()?;
    let event_loop = EventLoop::with_trace(options.trace.clone())?;
    let crawler = Rc::new(Crawler {
        event_loop: event_loop.clone(),
        options: options.clone(),
        frontier: RefCell::new(Frontier::new(options, Instant::now())),
        idle: RefCell::default(),
        fetches: RefCell::default(),
    });
    let summary = crawler.run(on_page, interrupt);
    event_loop.close();
    crawler.fetches.take(); // they hold the crawler that holds them
    summary
}

/// What all fetches share.
struct Crawler {
    event_loop: EventLoop,
    options: CrawlOptions,
    frontier: RefCell<Frontier>,
    /// The workers that have nothing to do.
    idle: RefCell<Vec<Future<()>>>,
    /// The fetches in flight.
    fetches: RefCell<BTreeMap<usize, Rc<Fetch>>>,
}

impl Crawler {
    // ANCHOR: run
    /// Turns the loop until the crawl is over.
    fn run(
        self: &Rc<Self>,
        on_page: &mut dyn FnMut(&Page),
        interrupt: &Interrupt,
    ) -> io::Result<Summary> {
        let remote = self.event_loop.remote();
        interrupt.on_trigger(Box::new(move || remote.wake()));
        let mut workers = Vec::new();
        loop {
            // Another worker, while all have work.
            let most = self.options.max_tasks;
            let all_work = self.fetches.borrow().len() == workers.len();
            if all_work && workers.len() < most && !interrupt.is_triggered() {
                let crawler = self.clone();
                let work = repeat(move || crawler.next());
                workers.push(Task::new(&self.event_loop, work));
            }
            let pages = self.frontier.borrow_mut().take_pages();
            pages.iter().for_each(&mut *on_page);
            let finished = self.frontier.borrow().is_finished();
            if finished || interrupt.is_triggered() {
                break;
            }
            self.event_loop.run_once()?;
        }
        let now = Instant::now();
        let fetches = self.fetches.borrow();
        let waiting =
            fetches.values().map(|f| Waiting::new(&f.job, f.state.get(), now));
        Ok(self.frontier.borrow().summary(now, waiting.collect()))
    }
    // ANCHOR_END: run

    // ANCHOR: work
    /// What a worker does next: it takes a job from the frontier's queue. If
    /// there is none, it waits.
    fn next(self: &Rc<Self>) -> Coroutine<()> {
        let crawler = self.clone();
        let Some(job) = self.frontier.borrow_mut().next(Instant::now()) else {
            return until(&self.event_loop, move |woken| {
                crawler.idle.borrow_mut().push(woken);
                Ok(|| {})
            });
        };
        let state = Cell::new(FetchState::LookingUp);
        let fetch = Rc::new(Fetch { crawler, job, state });
        self.fetches.borrow_mut().insert(fetch.job.id, fetch.clone());
        fetch.run_in_time()
    }
    // ANCHOR_END: work

    /// Hands in the outcome. There may be work for others now.
    fn finish(&self, job: &Job, outcome: Outcome) {
        self.fetches.borrow_mut().remove(&job.id);
        self.frontier.borrow_mut().finish(job.id, outcome, Instant::now());
        self.idle.take().iter().for_each(|worker| worker.set_if_pending(()));
    }
}

// ANCHOR: state
/// What a fetch does.
enum State {
    LookingUp(Coroutine<LookedUp>),
    Connecting(Coroutine<Stream>),
    Sending(Stream, Coroutine<()>),
    Reading(Coroutine<Response>),
}
// ANCHOR_END: state

type LookedUp = Result<Vec<SocketAddr>, FetchError>;

// ANCHOR: fetch
/// One try of one URL.
struct Fetch {
    crawler: Rc<Crawler>,
    job: Job,
    /// What it waits for, for reports.
    state: Cell<FetchState>,
}
// ANCHOR_END: fetch

impl Fetch {
    // ANCHOR: run_in_time
    /// Fetches the URL within the time for it. All that goes wrong arrives
    /// here.
    fn run_in_time(self: Rc<Self>) -> Coroutine<()> {
        let limit = self.crawler.options.timeout;
        let run = self.clone().run();
        let mut run = wait_for(&self.crawler.event_loop, run, limit);
        Frame::new(move |mut with| {
            if let Err(exception) = yield_from!(run, with) {
                let error = self.failed(exception)?;
                self.crawler.finish(&self.job, Err(error));
            }
            Ok(Complete(()))
        })
    }
    // ANCHOR_END: run_in_time

    // ANCHOR: fetch_run
    /// Fetches the URL and hands in the response.
    fn run(self: Rc<Self>) -> Coroutine<()> {
        let mut state = State::LookingUp(self.clone().look_up());
        Frame::new(move |mut with| {
            loop {
                state = match &mut state {
                    State::LookingUp(addresses) => {
                        self.connect(yield_from!(*addresses, with)??)
                    }
                    State::Connecting(stream) => {
                        let stream = yield_from!(*stream, with)?;
                        self.note(FetchState::Sending);
                        let request = http::request(&self.job.url);
                        let sending = write_all(&stream, request);
                        State::Sending(stream, sending)
                    }
                    State::Sending(stream, sent) => {
                        yield_from!(*sent, with)?;
                        self.read_response(stream.clone())
                    }
                    State::Reading(response) => {
                        let response = yield_from!(*response, with)?;
                        self.crawler.finish(&self.job, Ok(response));
                        return Ok(Complete(()));
                    }
                }
            }
        })
    }
    // ANCHOR_END: fetch_run

    // ANCHOR: look_up
    /// Finds the addresses of the host. For a name that takes a thread,
    /// because the system's look-up blocks.
    fn look_up(self: Rc<Self>) -> Coroutine<LookedUp> {
        let event_loop = self.crawler.event_loop.clone();
        until(&event_loop.clone(), move |found| {
            let url = self.job.url.clone();
            let set = move |list| found.set_if_pending(list);
            if url.scheme() == "https" {
                set(Err(FetchError::no_tls()));
            } else if let Some(address) = net::literal_address(&url) {
                set(Ok(vec![address]));
            } else {
                self.note(FetchState::LookingUp);
                event_loop.call_in_thread(move || net::resolve(&url), set)?;
            }
            Ok(|| {})
        })
    }
    // ANCHOR_END: look_up

    // ANCHOR: connect
    /// Connects to the first of the addresses that accepts.
    fn connect(self: &Rc<Self>, addresses: Vec<SocketAddr>) -> State {
        let fetch = self.clone();
        let mut addresses = VecDeque::from(addresses);
        let mut connecting = None;
        State::Connecting(Frame::new(move |mut with| {
            loop {
                let stream = connecting.get_or_insert_with(|| {
                    fetch.note(FetchState::Connecting(addresses[0]));
                    connect(&fetch.crawler.event_loop, addresses[0])
                });
                match yield_from!(*stream, with) {
                    Err(Exception::Error(_)) if addresses.len() > 1 => {
                        addresses.pop_front();
                        connecting = None;
                    }
                    result => return result.map(Complete),
                }
            }
        }))
    }
    // ANCHOR_END: connect

    // ANCHOR: read_response
    /// Reads until the response is complete.
    fn read_response(self: &Rc<Self>, stream: Stream) -> State {
        let fetch = self.clone();
        let mut reader = ResponseReader::new(self.crawler.options.max_body);
        let mut reading = None;
        State::Reading(Frame::new(move |mut with| {
            loop {
                let chunk = reading.get_or_insert_with(|| {
                    fetch.note(FetchState::Reading(reader.progress()));
                    read(&stream)
                });
                let chunk = yield_from!(*chunk, with)?;
                // Empty is the end of input; else the reader knows the end.
                if chunk.is_empty() || reader.feed(&chunk)? {
                    return Ok(Complete(reader.finish()?));
                }
                reading = None;
            }
        }))
    }
    // ANCHOR_END: read_response

    /// What an exception means for this URL.
    fn failed(&self, exception: Exception) -> Result<FetchError, Exception> {
        let state = self.state.get();
        if let Exception::TimeoutError = exception {
            let limit = self.crawler.options.timeout;
            return Ok(FetchError::timeout(state, limit));
        }
        if let Some(error) = exception.downcast_ref::<io::Error>() {
            return Ok(FetchError::network(state, error));
        }
        exception.downcast_ref::<FetchError>().cloned().ok_or(exception)
    }

    /// Notes what the fetch waits for from here on, should it have to.
    fn note(&self, state: FetchState) {
        self.state.set(state);
        let waits = format_args!("waiting for {state}");
        self.crawler.event_loop.trace().state(&self.job, &waits);
    }
}
