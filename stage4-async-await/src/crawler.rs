//! The web crawler, with workers that take jobs from a queue. Read stage 3's
//! `crawler.rs` first: the state of a fetch was an enum there; here the
//! compiler writes it, and the states are the lines between two `await`s.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;

use support::crawl::{ErrorKind, FetchError, FetchState, Frontier};
use support::crawl::{Job, Outcome};
use support::http::{self, ResponseReader};
use support::{CrawlOptions, Interrupt, Page, Summary, Waiting};

use crate::net::TcpStream;
use crate::sync::Event;
use crate::{self as aio, *};

/// The most bytes read at once.
const BUFFER: usize = 64 * 1024;

// ANCHOR: crawl
/// Crawls as `options` say and calls `on_page` for each URL when it is done,
/// until nothing is left to fetch or `interrupt` is triggered.
///
/// # Errors
///
/// `Unsupported` for options that need TLS; the system has no descriptor for
/// the event loop. What goes wrong with one URL is an error of its [`Page`]
/// alone.
pub fn crawl(
    options: &CrawlOptions,
    on_page: &mut dyn FnMut(&Page),
    interrupt: &Interrupt,
) -> io::Result<Summary> {
    options.refuse_tls()?;
    let event_loop = EventLoop::with_trace(options.trace.clone())?;
    let crawler = Rc::new(Crawler {
        options: options.clone(),
        frontier: RefCell::new(Frontier::new(options, Instant::now())),
        jobs: Event::new(),
        news: Event::new(),
        fetches: RefCell::default(),
    });
    let _closed = defer(|| event_loop.close());
    Ok(event_loop.run_until_complete(crawler.run(on_page, interrupt)))
}

/// What all workers share.
struct Crawler {
    options: CrawlOptions,
    frontier: RefCell<Frontier>,
    /// Set when there may be new jobs in the frontier.
    jobs: Event,
    /// Set when there is something to report, or the crawl is to end.
    news: Event,
    /// The fetches in flight.
    fetches: RefCell<BTreeMap<usize, Rc<Fetch>>>,
}

/// One try of one URL.
struct Fetch {
    job: Job,
    /// What it waits for, for reports.
    state: Cell<FetchState>,
    /// The worker that does it.
    task: TaskRef,
}
// ANCHOR_END: crawl

impl Crawler {
    // ANCHOR: run
    /// Makes workers, and reports what they fetch.
    async fn run(
        self: &Rc<Self>,
        on_page: &mut dyn FnMut(&Page),
        interrupt: &Interrupt,
    ) -> Summary {
        let mut ctrl_c = pin!(aio::signal::triggered(interrupt));
        let mut workers = 0;
        loop {
            let pages = self.frontier.borrow_mut().take_pages();
            pages.iter().for_each(&mut *on_page);
            let finished = self.frontier.borrow().is_finished();
            if finished || interrupt.is_triggered() {
                break;
            }
            // Another worker, while all have work.
            let all_work = self.fetches.borrow().len() == workers;
            if all_work && workers < self.options.max_tasks {
                workers += 1;
                aio::create_task(self.clone().work(workers));
            }
            aio::race(self.news.wait(), ctrl_c.as_mut()).await;
            self.news.clear();
        }
        let now = Instant::now();
        let fetches = self.fetches.borrow();
        let waiting = fetches.values().map(|fetch| fetch.waiting(now));
        self.frontier.borrow().summary(now, waiting.collect())
    }
    // ANCHOR_END: run

    // ANCHOR: work
    /// What a worker does, until the crawl is over: it takes a job from the
    /// frontier's queue, or waits until there may be one.
    async fn work(self: Rc<Self>, number: usize) {
        let task = aio::current_task().expect("it runs as a task");
        task.set_name(format!("worker {number}"));
        loop {
            let job = self.frontier.borrow_mut().next(Instant::now());
            let Some(job) = job else {
                self.jobs.clear();
                self.jobs.wait().await;
                continue;
            };
            let (id, state) = (job.id, Cell::new(FetchState::LookingUp));
            let fetch = Rc::new(Fetch { job, state, task: task.clone() });
            self.fetches.borrow_mut().insert(id, fetch.clone());
            self.news.set(); // there may be work for another worker
            let limit = self.options.timeout;
            let outcome = aio::wait_for(self.fetch(&fetch), limit).await;
            let late = |_| Err(FetchError::timeout(fetch.state.get(), limit));
            let outcome = outcome.unwrap_or_else(late);
            self.fetches.borrow_mut().remove(&id);
            self.frontier.borrow_mut().finish(id, outcome, Instant::now());
            self.jobs.set(); // there may be new ones
            self.news.set();
        }
    }
    // ANCHOR_END: work

    // ANCHOR: fetch
    /// Fetches one URL.
    async fn fetch(&self, fetch: &Fetch) -> Outcome {
        let mut stream = Err(io::ErrorKind::AddrNotAvailable.into());
        for address in look_up(fetch).await? {
            self.note(fetch, FetchState::Connecting(address));
            stream = TcpStream::connect(address).await;
            if stream.is_ok() {
                break;
            }
        }
        let broken = |e: io::Error| FetchError::network(fetch.state.get(), &e);
        let stream = stream.map_err(broken)?;
        self.note(fetch, FetchState::Sending);
        let request = http::request(&fetch.job.url);
        stream.send_all(&request).await.map_err(broken)?;
        let mut reader = ResponseReader::new(self.options.max_body);
        loop {
            self.note(fetch, FetchState::Reading(reader.progress()));
            let chunk = stream.recv(BUFFER).await.map_err(broken)?;
            // Empty is the end of input; else the reader knows the end.
            if chunk.is_empty() || reader.feed(&chunk)? {
                return reader.finish();
            }
        }
    }
    // ANCHOR_END: fetch

    /// Notes what the fetch waits for from here on, should it have to.
    fn note(&self, fetch: &Fetch, state: FetchState) {
        fetch.state.set(state);
        let waits = format_args!("waiting for {state}");
        self.options.trace.state(&fetch.job, &waits);
    }
}

// ANCHOR: look_up
/// Finds the addresses of the host. For a name that takes a thread, because
/// the system's look-up blocks.
async fn look_up(fetch: &Fetch) -> Result<Vec<SocketAddr>, FetchError> {
    let url = fetch.job.url.clone();
    if url.scheme() == "https" {
        return Err(FetchError::no_tls());
    }
    if let Some(address) = support::net::literal_address(&url) {
        return Ok(vec![address]);
    }
    let found = aio::to_thread(move || support::net::resolve(&url)).await;
    found.unwrap_or_else(|panicked| {
        Err(FetchError::new(ErrorKind::Resolve, panicked.to_string()))
    })
}
// ANCHOR_END: look_up

impl Fetch {
    /// What it waits for `now`, and where.
    fn waiting(&self, now: Instant) -> Waiting {
        let mut waiting = Waiting::new(&self.job, self.state.get(), now);
        waiting.at = self.task.waits_at().map(|place| place.to_string());
        waiting
    }
}
