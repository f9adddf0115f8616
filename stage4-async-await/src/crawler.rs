//! The web crawler, with workers that take jobs from a queue. Read stage 3's
//! `crawler.rs` first: the state of a fetch was an enum there; here the
//! compiler writes it, and the states are the lines between two `await`s.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use support::crawl::{FetchError, FetchState, Frontier, Job, Outcome};
use support::http::{self, ResponseReader};
use support::net;
use support::{CrawlOptions, Interrupt, Page, Summary, Waiting};

use crate as aio;
use aio::net::TcpStream;
use aio::sync::Event;
use aio::{EventLoop, TaskRef};

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
    let run = crawler.run(on_page, interrupt);
    let summary = event_loop.run_until_complete(run);
    event_loop.close();
    Ok(summary)
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
        let (crawler, ctrl_c) = (self.clone(), interrupt.clone());
        aio::create_task(async move {
            aio::signal::triggered(&ctrl_c).await;
            crawler.news.set();
        });
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
            self.news.wait().await;
            self.news.clear();
        }
        let now = Instant::now();
        let fetches = self.fetches.borrow();
        let waiting = fetches.values().map(|fetch| fetch.waiting(now));
        self.frontier.borrow().summary(now, waiting.collect())
    }
    // ANCHOR_END: run

    // ANCHOR: work
    /// What a worker does, until the crawl is over.
    async fn work(self: Rc<Self>, number: usize) {
        let task = aio::current_task().expect("it runs as a task");
        task.set_name(format!("worker {number}"));
        loop {
            let job = self.next_job().await;
            let state = Cell::new(FetchState::LookingUp);
            let fetch = Rc::new(Fetch { job, state, task: task.clone() });
            self.fetches.borrow_mut().insert(fetch.job.id, fetch.clone());
            self.news.set(); // there may be work for another worker
            let limit = self.options.timeout;
            let outcome = aio::wait_for(self.fetch(&fetch), limit).await;
            let late = |_| Err(FetchError::timeout(fetch.state.get(), limit));
            self.finish(&fetch.job, outcome.unwrap_or_else(late));
        }
    }

    /// Takes a job from the frontier's queue. If there is none, waits.
    async fn next_job(&self) -> Job {
        loop {
            let job = self.frontier.borrow_mut().next(Instant::now());
            if let Some(job) = job {
                return job;
            }
            self.jobs.clear();
            self.jobs.wait().await;
        }
    }

    /// Hands in the outcome. There may be work for others now.
    fn finish(&self, job: &Job, outcome: Outcome) {
        self.fetches.borrow_mut().remove(&job.id);
        self.frontier.borrow_mut().finish(job.id, outcome, Instant::now());
        self.jobs.set();
        self.news.set();
    }
    // ANCHOR_END: work

    // ANCHOR: fetch
    /// Fetches one URL.
    async fn fetch(&self, fetch: &Fetch) -> Outcome {
        let addresses = look_up(fetch).await?;
        let stream = self.connect(fetch, &addresses).await;
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

    // ANCHOR: connect
    /// Connects to the first of the addresses that accepts.
    async fn connect(
        &self,
        fetch: &Fetch,
        addresses: &[SocketAddr],
    ) -> io::Result<TcpStream> {
        let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
        for &address in addresses {
            self.note(fetch, FetchState::Connecting(address));
            result = TcpStream::connect(address).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }
    // ANCHOR_END: connect

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
    if let Some(address) = net::literal_address(&url) {
        return Ok(vec![address]);
    }
    let found = aio::to_thread(move || net::resolve(&url)).await;
    found.unwrap_or_else(|panicked| {
        let why = panicked.to_string();
        Err(FetchError::new(support::crawl::ErrorKind::Resolve, why))
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
