//! The practice site: a plain HTTP/1.1 server, one blocking thread a
//! connection. A crawler without a URL starts one inside its own process, and
//! so do the tests; the binary `site` gives it a port of its own.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

mod zoo;

/// The longest request head that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// How long a client may pause in the middle of its request.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long, and for how many bytes, a client that has its answer is listened
/// to.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_DRAIN: u64 = 1024 * 1024;
/// How long to wait before the next try when descriptors or threads are short.
const RETRY: Duration = Duration::from_millis(100);
/// How long a request waits at a gate for the others.
const GATE_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after each byte of a slow reply.
const TRICKLE: Duration = Duration::from_millis(1);

const ROBOTS: &str = "User-agent: *\nDisallow: /private/\n";
const HTML: &str = "Content-Type: text/html; charset=utf-8\r\n";
const PLAIN: &str = "Content-Type: text/plain; charset=utf-8\r\n";
const UNPOISONED: &str = "no thread panics while it holds the lock";

/// What [`Site::start`] is told.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// How long each plain page waits before it is answered.
    pub delay: Duration,
    /// How many plain pages there are: `/`, `/1`, `/2`, …
    pub pages: usize,
}

impl Default for SiteOptions {
    fn default() -> Self {
        SiteOptions { port: 0, delay: Duration::from_secs(1), pages: 10 }
    }
}

/// A running site. Dropping it stops it: the port is closed, open connections
/// are shut down, and all its threads have ended when the drop returns.
#[derive(Debug)]
#[must_use = "the site stops when it is dropped"]
pub struct Site {
    shared: Arc<Shared>,
    /// The thread that accepts; `None` once it has been joined.
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Binds `127.0.0.1` and serves from threads of its own.
    ///
    /// # Errors
    ///
    /// The port is in use, or may not be used; the error names the address.
    pub fn start(options: &SiteOptions) -> io::Result<Site> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(wanted).map_err(|err| {
            let message = format!("cannot listen on {wanted}: {err}");
            io::Error::new(err.kind(), message)
        })?;
        let path = |n| if n == 0 { "/".into() } else { format!("/{n}") };
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            delay: options.delay,
            pages: (0..options.pages).map(path).collect(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let thread = thread::Builder::new().name("site".into()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(listener, &shared)
        })?;
        Ok(Site { shared, thread: Some(thread) })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The URL of a path that begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The paths of the plain pages: `/`, `/1`, `/2`, …
    pub fn paths(&self) -> &[String] {
        &self.shared.pages
    }

    /// The number of requests seen for exactly this path and query.
    pub fn hits(&self, path: &str) -> usize {
        self.shared.lock().hits.get(path).copied().unwrap_or(0)
    }

    /// The most requests that were being answered at once, `/robots.txt`
    /// included. A request counts until the first byte of its answer is
    /// written: a client that has its answer is never counted twice.
    pub fn max_in_flight(&self) -> usize {
        self.shared.lock().max_in_flight
    }

    /// The number of connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shared.stop();
        let Some(thread) = self.thread.take() else { return };
        // Only a connection wakes a thread that waits in `accept`.
        while !thread.is_finished()
            && TcpStream::connect_timeout(&self.address(), RETRY).is_err()
        {
            thread::sleep(RETRY);
        }
        let _ = thread.join();
    }
}

/// What all threads of a site see.
#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    delay: Duration,
    /// The paths of the plain pages.
    pages: Vec<String>,
    state: Mutex<State>,
    /// Notified when the site stops and when a gate opens.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// Requests by path and query.
    hits: HashMap<String, usize>,
    in_flight: usize,
    max_in_flight: usize,
    connections: usize,
    /// The open connections by number, for `stop` to shut them down.
    open: HashMap<usize, Arc<TcpStream>>,
    /// The gates by the number of requests they wait for.
    gates: HashMap<usize, Gate>,
}

/// Holds requests back until enough of them wait.
#[derive(Debug, Default)]
struct Gate {
    waiting: usize,
    /// How often it has opened.
    opened: usize,
}

/// Accepts until the site stops. Returns when every connection's thread has
/// ended: that is what a scope does.
fn accept(listener: TcpListener, shared: &Shared) {
    thread::scope(move |scope| {
        while !shared.stopped() {
            let started = listener.accept().and_then(|(stream, _)| {
                let connection = shared.open(stream);
                thread::Builder::new()
                    .name("site connection".into())
                    .spawn_scoped(scope, move || connection.serve())
            });
            // Out of descriptors or threads: other connections give some back.
            if started.is_err() {
                shared.pause(RETRY);
            }
        }
    });
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    fn stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Ends every wait: a pause is over, a read finds the end of the input, a
    /// write fails.
    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for stream in state.open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// Sleeps, but not longer than the site lives.
    fn pause(&self, duration: Duration) {
        let running = |state: &mut State| !state.stopped;
        let _ = self
            .changed
            .wait_timeout_while(self.lock(), duration, running)
            .expect(UNPOISONED);
    }

    /// Waits until `size` requests wait here; false if they do not come.
    fn pass_gate(&self, size: usize) -> bool {
        let mut state = self.lock();
        let gate = state.gates.entry(size).or_default();
        gate.waiting += 1;
        if gate.waiting >= size {
            gate.waiting = 0;
            gate.opened += 1;
            self.changed.notify_all();
            return true;
        }
        let opened = gate.opened;
        let shut = |state: &mut State| {
            !state.stopped && state.gates[&size].opened == opened
        };
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, GATE_TIMEOUT, shut)
            .expect(UNPOISONED);
        let gate = state.gates.entry(size).or_default();
        let passed = gate.opened != opened;
        if !passed {
            gate.waiting -= 1;
        }
        passed
    }

    fn open(&self, stream: TcpStream) -> Connection<'_> {
        let stream = Arc::new(stream);
        let mut state = self.lock();
        state.connections += 1;
        let number = state.connections;
        state.open.insert(number, Arc::clone(&stream));
        if state.stopped {
            let _ = stream.shutdown(Shutdown::Both);
        }
        Connection { shared: self, number, stream }
    }

    /// Counts the request as in flight while its reply is found.
    fn answer(&self, request: &Request) -> Reply {
        let mut state = self.lock();
        state.in_flight += 1;
        state.max_in_flight = state.max_in_flight.max(state.in_flight);
        let hits = state.hits.entry(request.target.clone()).or_default();
        *hits += 1;
        let hit = *hits;
        drop(state);

        let reply = self.reply(request, hit);
        self.lock().in_flight -= 1;
        reply
    }

    /// `hit` is 1 for the first request to this path and query.
    fn reply(&self, request: &Request, hit: usize) -> Reply {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            let status = "405 Method Not Allowed";
            let headers = format!("{HTML}Allow: GET, HEAD\r\n");
            return Reply::new(status, &headers, document(status, ""));
        }
        let path = request.target.split('?').next().unwrap_or_default();
        if let Some(animal) = path.strip_prefix("/zoo/") {
            return zoo::reply(animal, hit, self)
                .unwrap_or_else(|| Reply::error("404 Not Found"));
        }
        match path {
            "/robots.txt" => Reply::new("200 OK", PLAIN, ROBOTS.into()),
            "/private/" => Reply::page("Private", "robots.txt forbids it."),
            _ if self.pages.iter().any(|page| page == path) => {
                self.pause(self.delay);
                let links = self.pages.iter().map(|page| link(page, page));
                let links = links.collect::<Vec<_>>().join("\n");
                Reply::page(&format!("Page {path}"), &links)
            }
            _ => Reply::error("404 Not Found"),
        }
    }
}

/// An accepted connection, which `Shared::stop` can shut down until it drops.
struct Connection<'a> {
    shared: &'a Shared,
    number: usize,
    stream: Arc<TcpStream>,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.shared.lock().open.remove(&self.number);
    }
}

impl Connection<'_> {
    fn serve(self) {
        // A client that goes away is nobody's problem.
        let _ = self.answer_one_request();
    }

    fn answer_one_request(&self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.set_read_timeout(Some(READ_TIMEOUT))?;
        match read_request(&self.stream)? {
            Ok(request) => {
                let reply = self.shared.answer(&request);
                self.send(&reply, request.method == "HEAD")
            }
            Err(status) => self.send(&Reply::error(status), false),
        }
    }

    fn send(&self, reply: &Reply, head_only: bool) -> io::Result<()> {
        let mut stream = &*self.stream;
        // A small page goes out whole: each crawl of it is like the last one.
        let text = match &reply.body {
            Body::Text(text) if !head_only => text,
            _ => "",
        };
        self.write(&format!("{}{text}", reply.head), reply.slow)?;
        match &reply.body {
            Body::Text(_) => {}
            _ if head_only => {}
            Body::Filler(size) => {
                io::copy(&mut io::repeat(b'.').take(*size), &mut stream)?;
            }
            Body::Forever(piece, every) => loop {
                self.write(piece, false)?;
                self.shared.pause(*every);
            },
        }
        match reply.end {
            End::Close => {
                // Closing with input unread would send a reset, which can
                // destroy the answer before the client has read it.
                stream.shutdown(Shutdown::Write)?;
                stream.set_read_timeout(Some(DRAIN_TIMEOUT))?;
                io::copy(&mut stream.take(MAX_DRAIN), &mut io::sink())?;
            }
            End::Reset => {
                // With no time to linger, close sends a reset.
                SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
            }
            End::Silence => {
                stream.set_read_timeout(None)?;
                io::copy(&mut stream, &mut io::sink())?;
            }
        }
        Ok(())
    }

    fn write(&self, text: &str, slow: bool) -> io::Result<()> {
        let mut stream = &*self.stream;
        if !slow {
            return stream.write_all(text.as_bytes());
        }
        for byte in text.bytes() {
            stream.write_all(&[byte])?;
            self.shared.pause(TRICKLE);
        }
        Ok(())
    }
}

/// What the site wants to know of a request.
struct Request {
    method: String,
    /// The path with the query.
    target: String,
}

/// Reads one request head; the inner error is the status to answer with.
fn read_request(
    mut stream: &TcpStream,
) -> io::Result<Result<Request, &'static str>> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => head.extend_from_slice(&piece[..read]),
            Err(err) if err.kind() == ErrorKind::Interrupted => continue,
            Err(err) => return Err(err),
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => {
                return Ok(Ok(Request {
                    method: request.method.unwrap_or_default().into(),
                    target: request.path.unwrap_or_default().into(),
                }));
            }
            Ok(httparse::Status::Partial) if head.len() < MAX_HEAD => {}
            Ok(httparse::Status::Partial)
            | Err(httparse::Error::TooManyHeaders) => {
                return Ok(Err("431 Request Header Fields Too Large"));
            }
            Err(_) => return Ok(Err("400 Bad Request")),
        }
    }
}

/// What is sent back: the head, the body, and how the connection ends.
struct Reply {
    head: String,
    /// Not sent when the request was `HEAD`.
    body: Body,
    end: End,
    /// Head and text are sent one byte at a time.
    slow: bool,
}

enum Body {
    Text(String),
    /// So many bytes of no meaning.
    Filler(u64),
    /// The same text again and again, with a pause after each.
    Forever(&'static str, Duration),
}

enum End {
    /// In good order.
    Close,
    /// As if the machine had crashed.
    Reset,
    /// Not before the client closes.
    Silence,
}

impl Reply {
    /// A correct reply. Each of `headers` ends with `\r\n`.
    fn new(status: &str, headers: &str, body: String) -> Reply {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        Reply::raw(head, Body::Text(body))
    }

    fn page(title: &str, content: &str) -> Reply {
        Reply::new("200 OK", HTML, document(title, content))
    }

    fn error(status: &str) -> Reply {
        Reply::new(status, HTML, document(status, ""))
    }

    /// What is sent is the caller's affair.
    fn raw(head: impl Into<String>, body: Body) -> Reply {
        Reply { head: head.into(), body, end: End::Close, slow: false }
    }
}

fn document(title: &str, content: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n\
         <head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body>\n<h1>{title}</h1>\n{content}\n</body>\n</html>\n"
    )
}

fn link(href: &str, text: &str) -> String {
    format!("<a href=\"{href}\">{text}</a>")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    /// Longer than anything here takes, so that a failure ends.
    const DEADLINE: Duration = Duration::from_secs(10);

    /// A site whose plain pages come at once.
    pub(super) fn quick_site() -> Site {
        let delay = Duration::ZERO;
        Site::start(&SiteOptions { delay, ..Default::default() }).unwrap()
    }

    /// A client that has sent `request`.
    pub(super) fn client(site: &Site, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// A client that has asked for `path`.
    pub(super) fn visitor(site: &Site, path: &str) -> TcpStream {
        client(site, &format!("GET {path} HTTP/1.1\r\nHost: site\r\n\r\n"))
    }

    /// What the client receives, and the error that ended it, if any.
    pub(super) fn receive(
        mut stream: TcpStream,
    ) -> (String, Option<io::Error>) {
        let mut bytes = Vec::new();
        let error = stream.read_to_end(&mut bytes).err();
        (String::from_utf8(bytes).unwrap(), error)
    }

    /// The whole answer, which has to end well.
    pub(super) fn get(site: &Site, path: &str) -> String {
        let (answer, error) = receive(visitor(site, path));
        assert!(error.is_none(), "{path}: {error:?} after {answer}");
        answer
    }

    fn wait_until(what: impl Fn() -> bool) {
        let start = Instant::now();
        while !what() {
            assert!(start.elapsed() < DEADLINE, "it never happens");
            thread::yield_now();
        }
    }

    #[test]
    fn a_plain_page_links_to_all_plain_pages_and_nothing_else() {
        let site = quick_site();
        let answer = get(&site, "/3");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
        let length = format!("\r\nContent-Length: {}\r\n", body.len());
        assert!(head.contains(&length), "{head}");
        for path in &site.shared.pages {
            assert!(body.contains(&format!("href=\"{path}\"")), "{body}");
        }
        assert_eq!(body.matches("href").count(), 10);
    }

    #[test]
    fn a_page_that_does_not_exist_is_not_found() {
        let site = quick_site();
        for path in ["/10", "/01", "/+1", "/x", "/zoo", "/zoo/x", "*"] {
            let answer = get(&site, path);
            assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        }
    }

    #[test]
    fn robots_are_kept_out_of_private() {
        let site = quick_site();
        let robots = get(&site, "/robots.txt");
        assert!(robots.ends_with(ROBOTS), "{robots}");
        assert!(get(&site, "/private/").starts_with("HTTP/1.1 200 OK\r\n"));
    }

    #[test]
    fn head_has_the_head_of_get_and_no_body() {
        let site = quick_site();
        for path in ["/", "/zoo/large", "/zoo/never-ends", "/zoo/trickle"] {
            let request = format!("HEAD {path} HTTP/1.1\r\nHost: s\r\n\r\n");
            let (head, error) = receive(client(&site, &request));
            assert!(error.is_none(), "{path}: {error:?}");
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(head.ends_with("\r\n\r\n"), "{head}");
        }
    }

    #[test]
    fn other_methods_are_refused() {
        let site = quick_site();
        let request = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi";
        let (answer, error) = receive(client(&site, request));
        assert!(error.is_none(), "{error:?}");
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains("\r\nAllow: GET, HEAD\r\n"), "{answer}");
    }

    #[test]
    fn a_request_may_come_in_pieces() {
        let site = quick_site();
        let mut stream = client(&site, "");
        stream.set_nodelay(true).unwrap();
        for byte in b"GET / HTTP/1.1\r\nHost: site\r\n\r\n" {
            stream.write_all(&[*byte]).unwrap();
        }
        let (answer, _) = receive(stream);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    #[test]
    fn what_is_not_http_is_a_bad_request() {
        let site = quick_site();
        let (answer, _) = receive(client(&site, "what is this?\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }

    #[test]
    fn a_request_head_may_not_be_long() {
        let site = quick_site();
        let more = "A: b\r\n".repeat(65);
        let longer = format!("A: {}\r\n", "b".repeat(3 * MAX_HEAD));
        for headers in [more, longer] {
            let request = format!("GET / HTTP/1.1\r\n{headers}\r\n");
            let (answer, error) = receive(client(&site, &request));
            assert!(error.is_none(), "{error:?}");
            assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
    }

    #[test]
    fn requests_are_counted_by_path_and_query() {
        let site = quick_site();
        assert_eq!((site.connections(), site.max_in_flight()), (0, 0));
        get(&site, "/1?a=b");
        get(&site, "/1");
        get(&site, "/1");
        assert_eq!(site.hits("/1"), 2);
        assert_eq!(site.hits("/1?a=b"), 1);
        assert_eq!(site.hits("/2"), 0);
        assert_eq!((site.connections(), site.max_in_flight()), (3, 1));
    }

    #[test]
    fn a_gate_opens_when_enough_wait_and_shuts_again() {
        let site = quick_site();
        for _ in 0..2 {
            let visit = |id| visitor(&site, &format!("/zoo/gate/3/{id}"));
            for stream in [1, 2, 3].map(visit) {
                let (answer, _) = receive(stream);
                assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            }
        }
        assert_eq!(site.max_in_flight(), 3);
    }

    #[test]
    fn clients_that_go_away_leave_nothing_behind() {
        let site = quick_site();
        let paths = ["/", "/zoo/never-ends", "/zoo/endless", "/zoo/silent"];
        for path in paths.into_iter().chain(["/zoo/big-head", "/zoo/large"]) {
            drop(visitor(&site, path));
        }
        drop(client(&site, "GET /"));
        let closed = || site.shared.lock().open.is_empty();
        wait_until(|| site.connections() == 7 && closed());
        assert_eq!(site.shared.lock().in_flight, 0);
    }

    #[test]
    fn dropping_the_site_ends_everything() {
        let delay = Duration::from_secs(3600);
        let options = SiteOptions { delay, ..Default::default() };
        let site = Site::start(&options).unwrap();
        let address = site.address();
        let mut clients = vec![client(&site, ""), client(&site, "GET /")];
        let animals = ["silent", "never-ends", "endless", "gate/2/x"];
        for path in animals.map(|name| format!("/zoo/{name}")) {
            clients.push(visitor(&site, &path));
            wait_until(|| site.hits(&path) == 1);
        }
        clients.push(visitor(&site, "/"));
        wait_until(|| site.hits("/") == 1);

        let (sender, dropped) = mpsc::channel();
        thread::spawn(move || {
            drop(site);
            sender.send(()).unwrap();
        });
        dropped.recv_timeout(DEADLINE).expect("the site does not stop");
        for mut stream in clients {
            // Its end, or the reset of what was on its way.
            if let Err(err) = io::copy(&mut stream, &mut io::sink()) {
                assert_eq!(err.kind(), ErrorKind::ConnectionReset);
            }
        }
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_port_in_use_is_named() {
        let site = quick_site();
        let port = site.address().port();
        let options = SiteOptions { port, ..Default::default() };
        let err = Site::start(&options).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::AddrInUse);
        let address = site.address().to_string();
        assert!(err.to_string().contains(&address), "{err}");
    }
}
