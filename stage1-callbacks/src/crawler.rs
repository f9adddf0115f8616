//! The web crawler, one fetch as a chain of callbacks:
//! `look_up` → `connect` → `connected` → `send` → `read_response` → `finish`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Instant;

use support::crawl::{FetchError, FetchState, Frontier, Job, Outcome};
use support::http::{self, ResponseReader};
use support::net::{self, interrupted, would_block};
use support::trace::Interest;
use support::{CrawlOptions, Interrupt, Page, Summary, Waiting};

use crate::event_loop::{EventLoop, Source, TimerHandle};
use crate::selector::Key;

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
    /// The fetches in flight, each with its deadline.
    fetches: RefCell<BTreeMap<usize, (Rc<Fetch>, TimerHandle)>>,
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
        loop {
            if !interrupt.is_triggered() {
                self.start_fetches();
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
        let waiting = fetches
            .values()
            .map(|(f, _)| Waiting::new(&f.job, f.state.get(), now));
        Ok(self.frontier.borrow().summary(now, waiting.collect()))
    }
    // ANCHOR_END: run

    /// Begins as many fetches as the limits allow.
    fn start_fetches(self: &Rc<Self>) {
        while let Some(job) = self.next_job() {
            Fetch::start(self.clone(), job);
        }
    }

    fn next_job(&self) -> Option<Job> {
        self.frontier.borrow_mut().next(Instant::now())
    }
}

// ANCHOR: fetch
/// One try of one URL.
struct Fetch {
    crawler: Rc<Crawler>,
    job: Job,
    /// What the next callback waits for. It cannot be asked, so each step
    /// notes it.
    state: Cell<FetchState>,
    /// The source that it waits for, so that `finish` can unregister it.
    source: Cell<Option<Key>>,
}
// ANCHOR_END: fetch

impl Fetch {
    // ANCHOR: start
    fn start(crawler: Rc<Crawler>, job: Job) {
        let state = Cell::new(FetchState::LookingUp);
        let fetch =
            Rc::new(Fetch { crawler, job, state, source: Cell::new(None) });
        let crawler = &fetch.crawler;
        let late = fetch.clone();
        let deadline = crawler
            .event_loop
            .call_later(crawler.options.timeout, move || late.time_out());
        let entry = (fetch.clone(), deadline);
        crawler.fetches.borrow_mut().insert(fetch.job.id, entry);
        fetch.look_up();
    }
    // ANCHOR_END: start

    // ANCHOR: look_up
    /// Finds the addresses of the host. For a name that takes a thread,
    /// because the system's look-up blocks.
    fn look_up(self: Rc<Self>) {
        let url = self.job.url.clone();
        if url.scheme() == "https" {
            return self.finish(Err(FetchError::no_tls()));
        }
        if let Some(address) = net::literal_address(&url) {
            return self.looked_up(Ok(vec![address]));
        }
        self.note(FetchState::LookingUp);
        let fetch = self.clone();
        let begun = self.crawler.event_loop.call_in_thread(
            move || net::resolve(&url),
            move |found| fetch.looked_up(found),
        );
        if let Err(error) = begun {
            self.fail(&error);
        }
    }
    // ANCHOR_END: look_up

    fn looked_up(self: Rc<Self>, found: Result<Vec<SocketAddr>, FetchError>) {
        // The fetch may have timed out meanwhile.
        if !self.crawler.fetches.borrow().contains_key(&self.job.id) {
            return;
        }
        match found {
            Ok(addresses) => self.connect(addresses.into()),
            Err(error) => self.finish(Err(error)),
        }
    }

    // ANCHOR: connect
    /// Begins to connect to the first of the addresses.
    fn connect(self: Rc<Self>, addresses: VecDeque<SocketAddr>) {
        let address = addresses[0];
        self.note(FetchState::Connecting(address));
        match net::start_connect(address)
            .and_then(|stream| self.crawler.event_loop.add_source(stream))
        {
            Ok(stream) => {
                let writable = Interest::Writable;
                self.wait(stream, writable, addresses, Fetch::connected);
            }
            Err(error) => self.refused(addresses, &error),
        }
    }
    // ANCHOR_END: connect

    // ANCHOR: connected
    /// The connection has been made, or refused.
    fn connected(
        self: Rc<Self>,
        stream: Source<TcpStream>,
        addresses: VecDeque<SocketAddr>,
    ) {
        match stream.take_error() {
            Ok(None) => {
                let request = http::request(&self.job.url);
                self.send(stream, request);
            }
            Ok(Some(error)) | Err(error) => self.refused(addresses, &error),
        }
    }
    // ANCHOR_END: connected

    // ANCHOR: refused
    /// The first of the addresses did not work: on to the next one.
    fn refused(
        self: Rc<Self>,
        mut addresses: VecDeque<SocketAddr>,
        error: &io::Error,
    ) {
        match addresses.pop_front() {
            Some(address) if addresses.is_empty() => {
                self.finish(Err(FetchError::connect(address, error)));
            }
            _ => self.connect(addresses),
        }
    }
    // ANCHOR_END: refused

    // ANCHOR: send
    /// Sends the request, or what is left of it.
    fn send(self: Rc<Self>, stream: Source<TcpStream>, mut request: Vec<u8>) {
        self.note(FetchState::Sending);
        match (&*stream).write(&request) {
            Ok(sent) => drop(request.drain(..sent)),
            Err(error) if would_block(&error) || interrupted(&error) => {}
            Err(error) => return self.fail(&error),
        }
        if request.is_empty() {
            let reader = ResponseReader::new(self.crawler.options.max_body);
            self.note(FetchState::Reading(reader.progress()));
            self.wait(stream, Interest::Readable, reader, Fetch::read_response);
        } else {
            self.wait(stream, Interest::Writable, request, Fetch::send);
        }
    }
    // ANCHOR_END: send

    // ANCHOR: read_response
    /// Reads what is there, until the response is complete.
    fn read_response(
        self: Rc<Self>,
        stream: Source<TcpStream>,
        mut reader: ResponseReader,
    ) {
        let mut buffer = [0; 16 * 1024];
        match (&*stream).read(&mut buffer) {
            // The end of input.
            Ok(0) => return self.finish(reader.finish()),
            Ok(n) => match reader.feed(&buffer[..n]) {
                Ok(true) => return self.finish(reader.finish()),
                Ok(false) => {}
                Err(error) => return self.finish(Err(error)),
            },
            Err(error) if would_block(&error) || interrupted(&error) => {}
            Err(error) => return self.fail(&error),
        }
        self.note(FetchState::Reading(reader.progress()));
        self.wait(stream, Interest::Readable, reader, Fetch::read_response);
    }
    // ANCHOR_END: read_response

    // ANCHOR: wait
    /// Has `next` called with all of this when the stream is ready. What the
    /// closure captures here is the whole suspended fetch.
    fn wait<T: 'static>(
        self: Rc<Self>,
        stream: Source<TcpStream>,
        interest: Interest,
        state: T,
        next: impl FnOnce(Rc<Self>, Source<TcpStream>, T) + 'static,
    ) {
        let key = stream.key();
        self.source.set(Some(key));
        let fetch = self.clone();
        let callback = move || next(fetch, stream, state);
        let event_loop = &self.crawler.event_loop;
        if let Err(error) = event_loop.register(key, interest, callback) {
            self.fail(&error);
        }
    }
    // ANCHOR_END: wait

    /// Notes what the fetch waits for from here on, should it have to.
    fn note(&self, state: FetchState) {
        self.state.set(state);
        let waits = format_args!("waiting for {state}");
        self.crawler.event_loop.trace().state(&self.job, &waits);
    }

    fn time_out(&self) {
        let limit = self.crawler.options.timeout;
        self.finish(Err(FetchError::timeout(self.state.get(), limit)));
    }

    /// The system has said no.
    fn fail(&self, error: &io::Error) {
        self.finish(Err(FetchError::network(self.state.get(), error)));
    }

    // ANCHOR: finish
    /// Hands in the outcome; whatever else the fetch waits for is forgotten.
    fn finish(&self, outcome: Outcome) {
        let crawler = &self.crawler;
        let entry = crawler.fetches.borrow_mut().remove(&self.job.id);
        if let Some((_, deadline)) = entry {
            deadline.cancel();
        }
        if let Some(source) = self.source.take() {
            crawler.event_loop.unregister(source);
        }
        let mut frontier = crawler.frontier.borrow_mut();
        frontier.finish(self.job.id, outcome, Instant::now());
    }
    // ANCHOR_END: finish
}
