//! The web crawler, one fetch as a generator: it yields the future of what it
//! waits for, and is sent the result. Read stage 1's `crawler.rs` first: the
//! steps are the same. There a closure remembered where to go on; here the
//! `State` does.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Instant;

use stage1_callbacks::{EventLoop, Interest, Source, TimerHandle};
use support::crawl::{FetchError, FetchState, Frontier, Job, Outcome};
use support::http::{self, ResponseReader};
use support::net::{self, interrupted, would_block};
use support::{CrawlOptions, Interrupt, Page, Summary, Waiting};

use crate::GeneratorState::{Complete, Yielded};
use crate::{Future, Generator, GeneratorState, Resume, Task};

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
    /// The fetches in flight.
    fetches: RefCell<BTreeMap<usize, Rc<Task<Fetch>>>>,
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
        let waiting = fetches.values().map(|task| {
            let fetch = task.generator();
            Waiting::new(&fetch.job, fetch.state.waits_for(), now)
        });
        Ok(self.frontier.borrow().summary(now, waiting.collect()))
    }
    // ANCHOR_END: run

    // ANCHOR: start_fetches
    /// Begins as many fetches as the limits allow.
    fn start_fetches(self: &Rc<Self>) {
        while let Some(job) = self.next_job() {
            let id = job.id;
            let (crawler, state) = (self.clone(), State::Start);
            let task = Task::new(Fetch { crawler, job, state, timer: None });
            self.fetches.borrow_mut().insert(id, task.clone());
            let crawler = self.clone();
            task.start(move |outcome| crawler.finish(id, outcome));
        }
    }
    // ANCHOR_END: start_fetches

    fn next_job(&self) -> Option<Job> {
        self.frontier.borrow_mut().next(Instant::now())
    }

    // ANCHOR: finish
    /// Hands in the outcome.
    fn finish(&self, id: usize, outcome: Outcome) {
        self.fetches.borrow_mut().remove(&id);
        self.frontier.borrow_mut().finish(id, outcome, Instant::now());
    }
    // ANCHOR_END: finish
}

// ANCHOR: fetch
/// One try of one URL.
struct Fetch {
    crawler: Rc<Crawler>,
    job: Job,
    /// Where it stands.
    state: State,
    /// Sets the future that it waits for, should nothing else do it in time.
    timer: Option<TimerHandle>,
}
// ANCHOR_END: fetch

type Stream = Source<TcpStream>;

// ANCHOR: state
/// Where a fetch stands: what it waits for, with what it needs to go on.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `LookingUp`, `Connecting`; done |
/// | `LookingUp` | `Addresses` | `Connecting`; done |
/// | `Connecting` | `Ready` | `Connecting`, `Sending`, `Reading`; done |
/// | `Sending` | `Ready` | `Sending`, `Reading`; done |
/// | `Reading` | `Ready` | `Reading`; done |
/// | any but `Start` | `TimedOut` | done |
enum State {
    Start,
    LookingUp,
    /// To the first of these addresses.
    Connecting(Stream, VecDeque<SocketAddr>),
    /// The rest of the request.
    Sending(Stream, Vec<u8>),
    Reading(Stream, ResponseReader),
    Done,
}
// ANCHOR_END: state

// ANCHOR: sent
/// What the futures of a fetch can have as results. Each state waits for one
/// of these, but a generator has only one type for all that it is sent.
#[derive(Clone, Debug)]
enum Sent {
    /// What the look-up has found.
    Addresses(Result<Vec<SocketAddr>, FetchError>),
    /// The stream is ready for what the state wants to do.
    Ready,
    /// The time for this try is over.
    TimedOut,
}
// ANCHOR_END: sent

/// What came of a resumption; an error completes the fetch.
type Step = Result<GeneratorState<Future<Sent>, Outcome>, FetchError>;

// ANCHOR: resume
impl Generator for Fetch {
    type Yield = Future<Sent>;
    type Sent = Sent;
    type Return = Outcome;

    fn resume(
        &mut self,
        with: Resume<Sent>,
    ) -> GeneratorState<Future<Sent>, Outcome> {
        use Resume::{Next, Send};
        use Sent::{Addresses, Ready, TimedOut};
        use State::{Connecting, Done, LookingUp, Reading, Sending, Start};

        self.timer.take().inspect(TimerHandle::cancel);
        let limit = self.crawler.options.timeout;
        let step = match (mem::replace(&mut self.state, Done), with) {
            (Start, Next) => self.look_up(),
            (LookingUp, Send(Addresses(found))) => {
                found.and_then(|found| self.connect(found.into()))
            }
            (Connecting(stream, addresses), Send(Ready)) => {
                self.connected(stream, addresses)
            }
            (Sending(stream, request), Send(Ready)) => {
                self.send(stream, request)
            }
            (Reading(stream, reader), Send(Ready)) => {
                self.read_response(stream, reader)
            }
            (Start, sent) => panic!("{} cannot begin with {sent:?}", self.job),
            (Done, _) => panic!("{} is complete", self.job),
            (state, Send(TimedOut)) => {
                Err(FetchError::timeout(state.waits_for(), limit))
            }
            (state, sent) => {
                let waits_for = state.waits_for();
                panic!("{} waits for {waits_for}, not {sent:?}", self.job)
            }
        };
        step.unwrap_or_else(|error| Complete(Err(error)))
    }
}
// ANCHOR_END: resume

impl Fetch {
    // ANCHOR: look_up
    /// Finds the addresses of the host. For a name that takes a thread,
    /// because the system's look-up blocks.
    fn look_up(&mut self) -> Step {
        let url = self.job.url.clone();
        if url.scheme() == "https" {
            return Err(FetchError::no_tls());
        }
        if let Some(address) = net::literal_address(&url) {
            return self.connect([address].into());
        }
        let future = Future::new();
        let found = future.clone();
        let callback = move |r| found.set_if_pending(Sent::Addresses(r));
        let event_loop = &self.crawler.event_loop;
        event_loop
            .call_in_thread(move || net::resolve(&url), callback)
            .map_err(|e| FetchError::network(FetchState::LookingUp, &e))?;
        self.pause(future, State::LookingUp)
    }
    // ANCHOR_END: look_up

    // ANCHOR: connect
    /// Begins to connect to the first of the addresses.
    fn connect(&mut self, addresses: VecDeque<SocketAddr>) -> Step {
        let address = addresses[0];
        match net::start_connect(address)
            .and_then(|stream| self.crawler.event_loop.add_source(stream))
        {
            Ok(stream) => {
                let writable = Interest::Writable;
                self.wait(stream, writable, addresses, State::Connecting)
            }
            Err(error) => self.refused(addresses, &error),
        }
    }
    // ANCHOR_END: connect

    // ANCHOR: connected
    /// The connection has been made, or refused.
    fn connected(
        &mut self,
        stream: Stream,
        addresses: VecDeque<SocketAddr>,
    ) -> Step {
        match stream.take_error() {
            Ok(None) => self.send(stream, http::request(&self.job.url)),
            Ok(Some(error)) | Err(error) => self.refused(addresses, &error),
        }
    }
    // ANCHOR_END: connected

    // ANCHOR: refused
    /// The first of the addresses did not work: on to the next one.
    fn refused(
        &mut self,
        mut addresses: VecDeque<SocketAddr>,
        error: &io::Error,
    ) -> Step {
        match addresses.pop_front() {
            Some(address) if addresses.is_empty() => {
                Err(FetchError::connect(address, error))
            }
            _ => self.connect(addresses),
        }
    }
    // ANCHOR_END: refused

    // ANCHOR: send
    /// Sends the request, or what is left of it.
    fn send(&mut self, stream: Stream, mut request: Vec<u8>) -> Step {
        match (&*stream).write(&request) {
            Ok(sent) => drop(request.drain(..sent)),
            Err(error) if would_block(&error) || interrupted(&error) => {}
            Err(error) => {
                return Err(FetchError::network(FetchState::Sending, &error));
            }
        }
        if request.is_empty() {
            let reader = ResponseReader::new(self.crawler.options.max_body);
            self.wait(stream, Interest::Readable, reader, State::Reading)
        } else {
            self.wait(stream, Interest::Writable, request, State::Sending)
        }
    }
    // ANCHOR_END: send

    // ANCHOR: read_response
    /// Reads what is there, until the response is complete.
    fn read_response(
        &mut self,
        stream: Stream,
        mut reader: ResponseReader,
    ) -> Step {
        let mut buffer = [0; 16 * 1024];
        match (&*stream).read(&mut buffer) {
            // Zero is the end of input; else the reader knows the end.
            Ok(n) => {
                if n == 0 || reader.feed(&buffer[..n])? {
                    return Ok(Complete(reader.finish()));
                }
            }
            Err(error) if would_block(&error) || interrupted(&error) => {}
            Err(error) => {
                let state = FetchState::Reading(reader.progress());
                return Err(FetchError::network(state, &error));
            }
        }
        self.wait(stream, Interest::Readable, reader, State::Reading)
    }
    // ANCHOR_END: read_response

    // ANCHOR: wait
    /// Pauses until the stream is ready. What this state holds is the whole
    /// suspended fetch.
    fn wait<T>(
        &mut self,
        stream: Stream,
        interest: Interest,
        rest: T,
        state: fn(Stream, T) -> State,
    ) -> Step {
        let (key, state) = (stream.key(), state(stream, rest));
        let future = Future::new();
        let ready = future.clone();
        let callback = move || ready.set_if_pending(Sent::Ready);
        match self.crawler.event_loop.register(key, interest, callback) {
            Ok(()) => self.pause(future, state),
            Err(error) => Err(FetchError::network(state.waits_for(), &error)),
        }
    }
    // ANCHOR_END: wait

    // ANCHOR: pause
    /// Pauses in `state` until `future` has a result, at the latest when the
    /// time for this try is over. If it is over already, there is no pause.
    fn pause(&mut self, future: Future<Sent>, state: State) -> Step {
        let limit = self.crawler.options.timeout;
        // What is always ready would always be first.
        let Some(left) = limit.checked_sub(self.job.started.elapsed()) else {
            return Err(FetchError::timeout(state.waits_for(), limit));
        };
        let late = future.clone();
        let callback = move || late.set_if_pending(Sent::TimedOut);
        let event_loop = &self.crawler.event_loop;
        self.timer = Some(event_loop.call_later(left, callback));
        let waits = format_args!("waiting for {}", state.waits_for());
        event_loop.trace().state(&self.job, &waits);
        self.state = state;
        Ok(Yielded(future))
    }
    // ANCHOR_END: pause
}

impl State {
    // ANCHOR: waits_for
    /// What a suspended fetch waits for.
    fn waits_for(&self) -> FetchState {
        match self {
            State::Start | State::LookingUp => FetchState::LookingUp,
            State::Connecting(_, addresses) => {
                FetchState::Connecting(addresses[0])
            }
            State::Sending(..) => FetchState::Sending,
            State::Reading(_, reader) => FetchState::Reading(reader.progress()),
            State::Done => panic!("a complete fetch waits for nothing"),
        }
    }
    // ANCHOR_END: waits_for
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;
    use std::thread;

    use Resume::{Next, Send};
    use Sent::{Addresses, Ready, TimedOut};
    use State::{Connecting, Done, LookingUp, Reading, Sending, Start};
    use support::crawl::ErrorKind;

    use super::*;
    use crate::tests::{Transition, message_of, pair, table};

    const URL: &str = "http://localhost/";

    #[test]
    fn a_fetch_that_waits_takes_only_what_it_waits_for() {
        let mut bench = Bench::new();
        let found = Send(Addresses(Ok(Vec::new())));
        let waits_for = [
            "the address of the host",
            "a connection to 127.0.0.1:80",
            "room to send the request",
            "the end of the response head",
        ];
        for (nth, waits_for) in waits_for.into_iter().enumerate() {
            let wrong = if nth == 0 { Send(Ready) } else { found.clone() };
            for with in [Next, wrong] {
                let expected = format!(
                    "fetch 1 {URL} waits for {waits_for}, not {with:?}"
                );
                let state = bench.waiting().swap_remove(nth);
                let mut fetch = bench.fetch(URL, state);
                let message = message_of(|| bench.step(&mut fetch, with));
                assert_eq!(message, expected);
            }
        }
    }

    #[test]
    fn a_fetch_begins_with_nothing() {
        let mut bench = Bench::new();
        for sent in [Addresses(Ok(Vec::new())), Ready, TimedOut] {
            let expected =
                format!("fetch 1 {URL} cannot begin with Send({sent:?})");
            let mut fetch = bench.fetch(URL, Start);
            let message = message_of(|| bench.step(&mut fetch, Send(sent)));
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn a_complete_fetch_takes_nothing() {
        let mut bench = Bench::new();
        let found = Send(Addresses(Ok(Vec::new())));
        for with in [Next, found, Send(Ready), Send(TimedOut)] {
            let mut fetch = bench.fetch(URL, Done);
            let message = message_of(|| bench.step(&mut fetch, with));
            assert_eq!(message, format!("fetch 1 {URL} is complete"));
        }
    }

    #[test]
    fn the_table_has_each_transition_and_no_other() {
        let mut bench = Bench::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accepts = listener.local_addr().unwrap();
        // Where a client is, nobody listens.
        let (client, _server) = pair();
        let refuses = client.local_addr().unwrap();

        // What is not tried, and what is refused.
        let mut fetch = bench.fetch("https://localhost/", Start);
        assert_eq!(bench.run(&mut fetch, Next), Err(ErrorKind::Unsupported));
        let mut fetch = bench.fetch(&format!("http://{refuses}/"), Start);
        assert_eq!(bench.run(&mut fetch, Next), Err(ErrorKind::Connect));

        // A name without an address, and one whose first address refuses.
        let mut fetch = bench.fetch(URL, Start);
        let _ = bench.step(&mut fetch, Next);
        let error = FetchError::new(ErrorKind::Resolve, "no address");
        let found = Send(Addresses(Err(error)));
        assert_eq!(bench.run(&mut fetch, found), Err(ErrorKind::Resolve));
        let mut fetch = bench.fetch(URL, LookingUp);
        let found = Send(Addresses(Ok(vec![refuses, accepts])));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            // Up to the end of the connection, which is the crawler's.
            let _ = io::copy(&mut stream, &mut io::sink());
        });
        assert_eq!(bench.run(&mut fetch, found), Ok(204));
        server.join().unwrap();

        // A short request, and nothing to read yet.
        let (client, _server) = pair();
        let state = Sending(bench.source(client), b"GET".to_vec());
        let mut fetch = bench.fetch(URL, state);
        let _ = bench.step(&mut fetch, Send(Ready));
        let _ = bench.step(&mut fetch, Send(Ready));
        // A long request, and a server that reads nothing and goes away.
        let url = format!("{URL}?{}", "q".repeat(16 * 1024 * 1024));
        let (client, server) = pair();
        let state = Connecting(bench.source(client), [accepts].into());
        let mut fetch = bench.fetch(&url, state);
        let _ = bench.step(&mut fetch, Send(Ready));
        let _ = bench.step(&mut fetch, Send(Ready));
        drop(server);
        let ended = bench.run(&mut fetch, Send(Ready));
        assert_eq!(ended, Err(ErrorKind::Network));

        for state in bench.waiting() {
            let ended = bench.run(&mut bench.fetch(URL, state), Send(TimedOut));
            assert_eq!(ended, Err(ErrorKind::Timeout));
        }
        assert_eq!(bench.seen, table(include_str!("crawler.rs"), "State"));
    }

    /// Resumes fetches and notes their transitions.
    struct Bench {
        crawler: Rc<Crawler>,
        seen: BTreeSet<Transition>,
    }

    impl Bench {
        fn new() -> Bench {
            let options = CrawlOptions::new([]);
            let frontier = Frontier::new(&options, Instant::now());
            let crawler = Crawler {
                event_loop: EventLoop::new().unwrap(),
                options,
                frontier: RefCell::new(frontier),
                fetches: RefCell::default(),
            };
            Bench { crawler: Rc::new(crawler), seen: BTreeSet::new() }
        }

        fn fetch(&self, url: &str, state: State) -> Fetch {
            let url = url.parse().unwrap();
            let job = Job { id: 1, url, started: Instant::now() };
            Fetch { crawler: self.crawler.clone(), job, state, timer: None }
        }

        fn source(&self, stream: TcpStream) -> Stream {
            self.crawler.event_loop.add_source(stream).unwrap()
        }

        /// All states in which a fetch waits, in order.
        fn waiting(&self) -> Vec<State> {
            let stream = || self.source(pair().0);
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            vec![
                LookingUp,
                Connecting(stream(), [address].into()),
                Sending(stream(), Vec::new()),
                Reading(stream(), ResponseReader::new(0)),
            ]
        }

        fn step(
            &mut self,
            fetch: &mut Fetch,
            with: Resume<Sent>,
        ) -> GeneratorState<Future<Sent>, Outcome> {
            let (from, sent) = (
                name(&fetch.state),
                match with {
                    Next => "nothing",
                    Send(Addresses(_)) => "Addresses",
                    Send(Ready) => "Ready",
                    Send(TimedOut) => "TimedOut",
                },
            );
            let state = fetch.resume(with);
            let transition = [from, sent, name(&fetch.state)];
            self.seen.insert(transition.map(String::from).into());
            state
        }

        /// Resumes with what the loop finds out, until the end.
        fn run(
            &mut self,
            fetch: &mut Fetch,
            mut with: Resume<Sent>,
        ) -> Result<u16, ErrorKind> {
            loop {
                let future = match self.step(fetch, with) {
                    Yielded(future) => future,
                    Complete(Ok(response)) => return Ok(response.status),
                    Complete(Err(error)) => return Err(error.kind),
                };
                while !future.done() {
                    self.crawler.event_loop.run_once().unwrap();
                }
                with = Send(future.result().unwrap());
            }
        }
    }

    fn name(state: &State) -> &'static str {
        match state {
            Start => "Start",
            LookingUp => "LookingUp",
            Connecting(..) => "Connecting",
            Sending(..) => "Sending",
            Reading(..) => "Reading",
            Done => "done",
        }
    }
}
