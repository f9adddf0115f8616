//! The web crawler, one fetch as a chain of callbacks:
//! `connect` → `connected` → `send` → `read_response` → `finish`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Instant;
use std::vec;

use support::crawl::{FetchError, FetchState, Frontier, Job, Outcome};
use support::http::{self, ResponseReader};
use support::net::{self, interrupted, would_block};
use support::trace::{Event, Interest};
use support::{CrawlOptions, Interrupt, Page, Summary, Waiting};
use url::Url;

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
        next_number: Cell::new(1),
    });
    let summary = crawler.run(on_page, interrupt);
    event_loop.close();
    summary
}

/// What all fetches share.
struct Crawler {
    event_loop: EventLoop,
    options: CrawlOptions,
    frontier: RefCell<Frontier>,
    /// The fetches in flight, for the report after an interrupt.
    fetches: RefCell<BTreeMap<usize, Rc<Fetch>>>,
    next_number: Cell<usize>,
}

impl Crawler {
    /// Turns the loop until the crawl is over.
    fn run(
        self: &Rc<Self>,
        on_page: &mut dyn FnMut(&Page),
        interrupt: &Interrupt,
    ) -> io::Result<Summary> {
        let remote = self.event_loop.remote();
        interrupt.on_trigger(Box::new(move || {
            // An error means that the crawl is over already.
            let _ = remote.call_soon_threadsafe(|| {});
        }));
        loop {
            if !interrupt.is_triggered() {
                self.start_fetches();
            }
            while let Some(page) = self.take_page() {
                on_page(&page);
            }
            let finished = self.frontier.borrow().is_finished();
            if finished || interrupt.is_triggered() {
                break;
            }
            self.event_loop.run_once()?;
        }
        let now = Instant::now();
        let waiting = self.fetches.borrow();
        let waiting = waiting.values().map(|fetch| fetch.waiting(now));
        Ok(self.frontier.borrow().summary(now, waiting.collect()))
    }

    /// Begins as many fetches as the limits allow.
    fn start_fetches(self: &Rc<Self>) {
        while let Some(job) = self.next_job() {
            Fetch::start(self, job);
        }
    }

    fn next_job(&self) -> Option<Job> {
        self.frontier.borrow_mut().next(Instant::now())
    }

    fn take_page(&self) -> Option<Page> {
        self.frontier.borrow_mut().take_page()
    }

    /// The time of a fetch is over.
    fn time_out(&self, number: usize) {
        let fetch = self.fetches.borrow().get(&number).cloned();
        if let Some(fetch) = fetch {
            let state = fetch.state.get();
            let limit = self.options.timeout;
            fetch.finish(Err(FetchError::timeout(state, limit)));
        }
    }
}

/// One try of one URL.
struct Fetch {
    crawler: Rc<Crawler>,
    number: usize,
    url: Url,
    started: Instant,
    /// Handed back by `finish`; none afterwards.
    job: Cell<Option<Job>>,
    /// A callback cannot be asked what it waits for, so each step notes it,
    state: Cell<FetchState>,
    /// and which source it waits for, so that `finish` can forget it.
    source: Cell<Option<Key>>,
    deadline: TimerHandle,
}

impl Fetch {
    fn start(crawler: &Rc<Crawler>, job: Job) {
        let number = crawler.next_number.get();
        crawler.next_number.set(number + 1);
        let late = crawler.clone();
        let deadline = crawler
            .event_loop
            .call_later(crawler.options.timeout, move || late.time_out(number));
        let fetch = Rc::new(Fetch {
            crawler: crawler.clone(),
            number,
            url: job.url().clone(),
            started: job.started(),
            job: Cell::new(Some(job)),
            state: Cell::new(FetchState::LookingUp),
            source: Cell::new(None),
            deadline,
        });
        crawler.fetches.borrow_mut().insert(number, fetch.clone());
        fetch.look_up();
    }

    /// Finds the addresses of the host. Names take a thread: the system's
    /// look-up blocks.
    fn look_up(self: Rc<Self>) {
        if self.url.scheme() == "https" {
            return self.finish(Err(FetchError::no_tls()));
        }
        if let Some(address) = net::literal_address(&self.url) {
            return self.connect(vec![address].into_iter());
        }
        self.note(FetchState::LookingUp);
        let url = self.url.clone();
        let fetch = self.clone();
        let begun = self.crawler.event_loop.call_in_thread(
            move || net::resolve(&url),
            move |found| match found {
                Ok(addresses) => fetch.connect(addresses.into_iter()),
                Err(error) => fetch.finish(Err(error)),
            },
        );
        if let Err(error) = begun {
            self.fail(&error);
        }
    }

    /// Begins to connect to the next address.
    fn connect(self: Rc<Self>, mut addresses: vec::IntoIter<SocketAddr>) {
        // The fetch may have timed out while a thread looked its name up.
        if self.is_finished() {
            return;
        }
        let Some(address) = addresses.next() else { return };
        self.note(FetchState::Connecting(address));
        let begun = net::start_connect(address)
            .and_then(|stream| self.crawler.event_loop.source(stream));
        match begun {
            Ok(stream) => {
                let fetch = self.clone();
                self.wait(stream.key(), Interest::Writable, move || {
                    fetch.connected(stream, address, addresses);
                });
            }
            Err(error) => self.refused(address, &error, addresses),
        }
    }

    /// The connection has been made, or refused.
    fn connected(
        self: Rc<Self>,
        stream: Source<TcpStream>,
        address: SocketAddr,
        addresses: vec::IntoIter<SocketAddr>,
    ) {
        match stream.take_error() {
            Ok(None) => {
                let request = http::request(&self.url);
                self.send(stream, request);
            }
            Ok(Some(error)) | Err(error) => {
                self.refused(address, &error, addresses);
            }
        }
    }

    /// An address did not work: on to the next one.
    fn refused(
        self: Rc<Self>,
        address: SocketAddr,
        error: &io::Error,
        addresses: vec::IntoIter<SocketAddr>,
    ) {
        if addresses.len() > 0 {
            self.connect(addresses);
        } else {
            self.finish(Err(FetchError::connect(address, error)));
        }
    }

    /// Sends the request, or what is left of it.
    fn send(self: Rc<Self>, stream: Source<TcpStream>, mut request: Vec<u8>) {
        self.note(FetchState::Sending);
        match (&*stream).write(&request) {
            Ok(sent) => {
                request.drain(..sent);
            }
            Err(error) if would_block(&error) || interrupted(&error) => {}
            Err(error) => return self.fail(&error),
        }
        let fetch = self.clone();
        if request.is_empty() {
            let reader = ResponseReader::new(self.crawler.options.max_body);
            self.note(FetchState::Reading(reader.progress()));
            self.wait(stream.key(), Interest::Readable, move || {
                fetch.read_response(stream, reader);
            });
        } else {
            self.wait(stream.key(), Interest::Writable, move || {
                fetch.send(stream, request);
            });
        }
    }

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
        let fetch = self.clone();
        self.wait(stream.key(), Interest::Readable, move || {
            fetch.read_response(stream, reader);
        });
    }

    /// Has `callback` called when the source is ready.
    fn wait(
        &self,
        source: Key,
        interest: Interest,
        callback: impl FnOnce() + 'static,
    ) {
        self.source.set(Some(source));
        let event_loop = &self.crawler.event_loop;
        if let Err(error) = event_loop.register(source, interest, callback) {
            self.fail(&error);
        }
    }

    /// Notes what the fetch is going to wait for.
    fn note(&self, state: FetchState) {
        self.state.set(state);
        self.crawler.event_loop.trace().record(Event::State {
            machine: &format_args!("fetch {} {}", self.number, self.url),
            state: &format_args!("waiting for {state}"),
        });
    }

    /// The system has said no.
    fn fail(&self, error: &io::Error) {
        self.finish(Err(FetchError::network(self.state.get(), error)));
    }

    /// Gives the job back. Whatever the fetch was waiting for is forgotten.
    fn finish(&self, outcome: Outcome) {
        let Some(job) = self.job.take() else { return };
        self.deadline.cancel();
        if let Some(source) = self.source.take() {
            self.crawler.event_loop.unregister(source);
        }
        self.crawler.fetches.borrow_mut().remove(&self.number);
        self.crawler.frontier.borrow_mut().finish(job, outcome, Instant::now());
    }

    fn is_finished(&self) -> bool {
        !self.crawler.fetches.borrow().contains_key(&self.number)
    }

    fn waiting(&self, now: Instant) -> Waiting {
        Waiting {
            url: self.url.clone(),
            waiting_for: self.state.get().to_string(),
            elapsed: now.saturating_duration_since(self.started),
        }
    }
}
