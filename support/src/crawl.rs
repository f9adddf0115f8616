//! The policy of a crawl as plain data: what to fetch next, and what a
//! finished fetch means. It never touches a socket or a clock.
//!
//! A stage's `crawler.rs` asks [`Frontier::next`] for jobs, fetches them in
//! its own way, and hands each back to [`Frontier::finish`].

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use regex_lite::Regex;
use url::{Host, Position, Url};

use crate::http::{Progress, ROBOT_NAME, Response};
use crate::links;
use crate::trace::Trace;

/// What to crawl, and within which limits.
#[derive(Clone, Debug)]
pub struct CrawlOptions {
    /// Where the crawl starts; their hosts are the ones it stays on.
    pub roots: Vec<Url>,
    /// The most fetches in flight at once; at least 1.
    pub max_tasks: usize,
    /// The most redirects to follow one after another.
    pub max_redirects: usize,
    /// How often to try a URL whose fetch fails on the network; at least 1.
    pub max_tries: usize,
    /// The time for one try, from the name's lookup to the last byte.
    pub timeout: Duration,
    /// The most bytes of one body; the rest is cut off.
    pub max_body: usize,
    /// Fetch no more URLs than this.
    pub max_pages: Option<usize>,
    /// URLs that match any of these are not followed.
    pub exclude: Vec<Regex>,
    /// Follow hosts that share the last two labels with a root's, too.
    pub lenient: bool,
    /// Fetch what `robots.txt` forbids.
    pub ignore_robots: bool,
    /// A file of root certificates to trust; only stage 4 speaks TLS.
    pub ca_file: Option<PathBuf>,
    /// Where to record what the loop does.
    pub trace: Trace,
}

impl CrawlOptions {
    /// The defaults of the command line, for a crawl that starts at `roots`.
    pub fn new(roots: impl IntoIterator<Item = Url>) -> CrawlOptions {
        CrawlOptions {
            roots: roots.into_iter().collect(),
            max_tasks: 10,
            max_redirects: 10,
            max_tries: 4,
            timeout: Duration::from_secs(30),
            max_body: 10 * 1024 * 1024,
            max_pages: None,
            exclude: Vec::new(),
            lenient: false,
            ignore_robots: false,
            ca_file: None,
            trace: Trace::off(),
        }
    }

    /// What a crawler without TLS says to an option that needs it.
    ///
    /// # Errors
    ///
    /// `Unsupported`, naming the option.
    pub fn refuse_tls(&self) -> io::Result<()> {
        match &self.ca_file {
            None => Ok(()),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "--ca-file needs TLS, which only stage 4 speaks",
            )),
        }
    }
}

/// One line of the report: what became of one URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The URL, without fragment.
    pub url: Url,
    /// The status code, if a response came.
    pub status: Option<u16>,
    /// The content type, if the response has one.
    pub content_type: Option<String>,
    /// The bytes of the body.
    pub size: usize,
    /// Distinct links in the body.
    pub links: usize,
    /// Those of them that nobody had linked to before and that are followed.
    pub new_links: usize,
    /// Where the response redirects to.
    pub redirect: Option<Url>,
    /// Why the URL counts as failed.
    pub error: Option<FetchError>,
    /// How often the URL was tried.
    pub tries: usize,
    /// The time in flight, all tries together.
    pub elapsed: Duration,
}

/// A suspended fetch, when a crawl was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What is being fetched.
    pub url: Url,
    /// What the fetch is waiting for, in words.
    pub waiting_for: String,
    /// How long ago this try began.
    pub elapsed: Duration,
}

/// The totals of a crawl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// URLs reported, the failed ones included.
    pub pages: usize,
    /// Those of them that failed: no response, or a status of 400 and above.
    pub errors: usize,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// How many URLs got which status.
    pub statuses: BTreeMap<u16, usize>,
    /// URLs that were not fetched because `robots.txt` forbids it.
    pub disallowed: usize,
    /// From the start to the end.
    pub elapsed: Duration,
    /// The same fetches one after another: the sum of their times.
    pub sequential: Duration,
    /// The most fetches that were in flight at once, `robots.txt` included.
    pub max_in_flight: usize,
    /// An [`Interrupt`](crate::Interrupt) ended the crawl before its end.
    pub interrupted: bool,
    /// The fetches that were suspended then.
    pub waiting: Vec<Waiting>,
}

/// Why a URL counts as failed, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The host's name has no address.
    Resolve,
    /// No address of the host accepted a connection.
    Connect,
    /// The connection broke: a reset, a network that went away.
    Network,
    /// The connection was closed before the response was complete.
    Closed,
    /// The time for one try was over.
    Timeout,
    /// What came is not HTTP.
    Malformed,
    /// What came, or was asked for, is nothing this crawler can do.
    Unsupported,
    /// More redirects in a row than allowed.
    TooManyRedirects,
    /// A redirect to a URL that led here.
    RedirectLoop,
    /// The body was longer than allowed and has been cut off.
    TooLarge,
    /// The server answered with a status of 400 or above.
    Status,
    /// `robots.txt` forbids the URL.
    Robots,
}

impl ErrorKind {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Resolve => "resolve",
            ErrorKind::Connect => "connect",
            ErrorKind::Network => "network",
            ErrorKind::Closed => "closed",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Malformed => "malformed",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::TooManyRedirects => "too_many_redirects",
            ErrorKind::RedirectLoop => "redirect_loop",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::Status => "status",
            ErrorKind::Robots => "robots",
        }
    }

    /// Whether another try may end better: after errors of the network.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            ErrorKind::Resolve
                | ErrorKind::Connect
                | ErrorKind::Network
                | ErrorKind::Closed
                | ErrorKind::Timeout
        )
    }
}

/// Why a URL counts as failed, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    /// What sort of failure it is.
    pub kind: ErrorKind,
    /// One line that names what failed.
    pub message: String,
}

impl FetchError {
    /// An error of this kind with this one line of text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> FetchError {
        FetchError { kind, message: message.into() }
    }

    /// No connection to `address`.
    pub fn connect(address: SocketAddr, error: &io::Error) -> FetchError {
        let message = format!("cannot connect to {address}: {error}");
        FetchError::new(ErrorKind::Connect, message)
    }

    /// The connection broke while the fetch was waiting for `state`.
    pub fn network(state: FetchState, error: &io::Error) -> FetchError {
        let message = format!("{error}, waiting for {state}");
        FetchError::new(ErrorKind::Network, message)
    }

    /// The time for one try ended while the fetch was waiting for `state`.
    pub fn timeout(state: FetchState, limit: Duration) -> FetchError {
        let message = format!("over after {limit:?}, waiting for {state}");
        FetchError::new(ErrorKind::Timeout, message)
    }

    /// This crawler does not speak TLS.
    pub fn no_tls() -> FetchError {
        let message = "https needs TLS, which only stage 4 speaks";
        FetchError::new(ErrorKind::Unsupported, message)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FetchError {}

/// What a fetch is waiting for, in the order in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchState {
    /// The addresses of the host's name.
    LookingUp,
    /// A connection to this address.
    Connecting(SocketAddr),
    /// Room for the rest of the request.
    Sending,
    /// The rest of the response.
    Reading(Progress),
}

impl fmt::Display for FetchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchState::LookingUp => write!(f, "the address of the host"),
            FetchState::Connecting(address) => {
                write!(f, "a connection to {address}")
            }
            FetchState::Sending => write!(f, "room to send the request"),
            FetchState::Reading(progress) => write!(f, "{progress}"),
        }
    }
}

/// What came of one try.
pub type Outcome = Result<Response, FetchError>;

/// One fetch that a stage is asked to do, to be handed back when done.
#[derive(Debug)]
pub struct Job {
    url: Url,
    purpose: Purpose,
    /// How often it has been tried, this time included.
    tries: usize,
    /// The time that earlier tries took.
    elapsed: Duration,
    /// When this try began.
    started: Instant,
    /// The URLs that redirected here, the first one first.
    redirected_from: Vec<Url>,
}

#[derive(Debug)]
enum Purpose {
    /// A URL the crawl was started with: said why if it is not fetched.
    Root,
    /// A URL found in a page or a redirect.
    Found,
    /// The `robots.txt` of this host: decides about others, not reported.
    Robots(Site),
}

impl Job {
    /// What to fetch.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// When this try was handed out.
    pub fn started(&self) -> Instant {
        self.started
    }
}

/// A scheme, a host name and a port: what one `robots.txt` speaks for.
type Site = String;

fn site(url: &Url) -> Site {
    url[..Position::BeforePath].to_string()
}

/// What is known of a site's `robots.txt`.
#[derive(Debug)]
enum Robots {
    /// On its way; these jobs wait for it.
    Asked(Vec<Job>),
    /// Its text; empty if there is none.
    Rules(String),
    /// It cannot be had, so nothing may be fetched: why, after how many tries.
    Unreachable(FetchError, usize),
}

/// The state of a crawl: what to do, what is being done, what has been seen.
#[derive(Debug)]
pub struct Frontier {
    options: CrawlOptions,
    queue: VecDeque<Job>,
    /// Every URL that was ever queued.
    seen: HashSet<Url>,
    robots: HashMap<Site, Robots>,
    in_flight: usize,
    /// URLs handed out so far, further tries and `robots.txt` aside.
    fetched: usize,
    /// Finished, to be reported.
    pages: VecDeque<Page>,
    summary: Summary,
    started: Instant,
}

impl Frontier {
    /// A crawl that begins `now`, with the roots to do.
    pub fn new(options: &CrawlOptions, now: Instant) -> Frontier {
        let mut frontier = Frontier {
            options: options.clone(),
            queue: VecDeque::new(),
            seen: HashSet::new(),
            robots: HashMap::new(),
            in_flight: 0,
            fetched: 0,
            pages: VecDeque::new(),
            summary: Summary::default(),
            started: now,
        };
        for root in &options.roots {
            let mut url = root.clone();
            url.set_fragment(None);
            frontier.add(url, Purpose::Root, Vec::new());
        }
        frontier
    }

    /// The next job to begin `now`; `None` while there is nothing to begin.
    /// More may come after a [`finish`](Self::finish).
    pub fn next(&mut self, now: Instant) -> Option<Job> {
        if self.in_flight >= self.options.max_tasks.max(1) {
            return None;
        }
        while let Some(job) = self.queue.pop_front() {
            if let Some(mut job) = self.admit(job) {
                self.in_flight += 1;
                let most = &mut self.summary.max_in_flight;
                *most = self.in_flight.max(*most);
                job.tries += 1;
                job.started = now;
                return Some(job);
            }
        }
        None
    }

    /// Takes back a job that ended `now`.
    pub fn finish(&mut self, mut job: Job, outcome: Outcome, now: Instant) {
        self.in_flight -= 1;
        job.elapsed += now.saturating_duration_since(job.started);
        match outcome {
            Err(error)
                if error.kind.is_transient()
                    && job.tries < self.options.max_tries =>
            {
                self.queue.push_back(job);
            }
            outcome => match job.purpose {
                Purpose::Robots(_) => self.finish_robots(job, outcome),
                _ => self.finish_page(job, outcome),
            },
        }
    }

    /// The next finished page to report, in order of completion.
    pub fn take_page(&mut self) -> Option<Page> {
        self.pages.pop_front()
    }

    /// Whether nothing is left to do and nothing is being done.
    pub fn is_finished(&self) -> bool {
        self.queue.is_empty() && self.in_flight == 0
    }

    /// The totals of what has been done until `now`, and the jobs that a
    /// crawl which ends before [`is_finished`](Self::is_finished) leaves.
    pub fn summary(&self, now: Instant, waiting: Vec<Waiting>) -> Summary {
        Summary {
            elapsed: now.saturating_duration_since(self.started),
            interrupted: !self.is_finished(),
            waiting,
            ..self.summary.clone()
        }
    }

    /// Queues `url` unless it has been queued before.
    fn add(&mut self, url: Url, purpose: Purpose, redirected_from: Vec<Url>) {
        if self.seen.insert(url.clone()) {
            self.queue.push_back(self.job(url, purpose, redirected_from));
        }
    }

    fn job(
        &self,
        url: Url,
        purpose: Purpose,
        redirected_from: Vec<Url>,
    ) -> Job {
        Job {
            url,
            purpose,
            tries: 0,
            elapsed: Duration::ZERO,
            started: self.started,
            redirected_from,
        }
    }

    /// Gives `job` back if it may be fetched now; else gives the fetch of
    /// the `robots.txt` that it must wait for, or nothing.
    fn admit(&mut self, job: Job) -> Option<Job> {
        if job.tries > 0 || matches!(job.purpose, Purpose::Robots(_)) {
            return Some(job);
        }
        if self.options.max_pages.is_some_and(|max| self.fetched >= max) {
            return None;
        }
        if !self.options.ignore_robots {
            let site = site(&job.url);
            match self.robots.get_mut(&site) {
                None => {
                    let url = job.url.join("/robots.txt").ok()?;
                    self.robots.insert(site.clone(), Robots::Asked(vec![job]));
                    return Some(self.job(url, Purpose::Robots(site), vec![]));
                }
                Some(Robots::Asked(waiting)) => {
                    waiting.push(job);
                    return None;
                }
                Some(Robots::Rules(text)) => {
                    if !robots_allow(text, &job.url) {
                        self.disallowed(job);
                        return None;
                    }
                }
                Some(Robots::Unreachable(error, tries)) => {
                    let mut page = empty_page(&job);
                    page.error = Some(error.clone());
                    page.tries = *tries;
                    self.fetched += 1;
                    self.report(page);
                    return None;
                }
            }
        }
        self.fetched += 1;
        Some(job)
    }

    /// Leaves out what `robots.txt` forbids; says so if it was asked for.
    fn disallowed(&mut self, job: Job) {
        self.summary.disallowed += 1;
        if let Purpose::Root = job.purpose {
            let mut page = empty_page(&job);
            page.error = Some(FetchError::new(
                ErrorKind::Robots,
                "robots.txt forbids it (--ignore-robots fetches it)",
            ));
            self.fetched += 1;
            self.report(page);
        }
    }

    /// What a `robots.txt` that did or did not come means (RFC 9309, 2.3.1).
    fn finish_robots(&mut self, mut job: Job, outcome: Outcome) {
        self.summary.sequential += job.elapsed;
        let tries = job.tries;
        let robots = match outcome {
            Err(error) if error.kind.is_transient() => {
                Robots::Unreachable(error, tries)
            }
            // Nothing that could be understood: no rules.
            Err(_) => Robots::Rules(String::new()),
            Ok(response) => {
                if let Some(Ok(target)) = redirect(&job.url, &response)
                    && job.redirected_from.len() < self.options.max_redirects
                {
                    job.redirected_from.push(job.url);
                    job.url = target;
                    job.tries = 0;
                    job.elapsed = Duration::ZERO;
                    self.queue.push_front(job);
                    return;
                }
                match response.status {
                    200..300 => Robots::Rules(
                        String::from_utf8_lossy(&response.body).into(),
                    ),
                    500.. => Robots::Unreachable(
                        FetchError::new(
                            ErrorKind::Robots,
                            format!(
                                "{} answered {}, so nothing may be fetched",
                                job.url,
                                status_line(&response)
                            ),
                        ),
                        tries,
                    ),
                    _ => Robots::Rules(String::new()),
                }
            }
        };
        let Purpose::Robots(site) = job.purpose else { return };
        if let Some(Robots::Asked(waiting)) = self.robots.insert(site, robots) {
            for job in waiting.into_iter().rev() {
                self.queue.push_front(job);
            }
        }
    }

    fn finish_page(&mut self, job: Job, outcome: Outcome) {
        let mut page = empty_page(&job);
        match outcome {
            Err(error) => page.error = Some(error),
            Ok(response) => self.read_response(&job, response, &mut page),
        }
        self.report(page);
    }

    /// Fills `page` from the response and queues what it leads to.
    fn read_response(
        &mut self,
        job: &Job,
        response: Response,
        page: &mut Page,
    ) {
        page.status = Some(response.status);
        page.size = response.body.len();
        if let Some(target) = redirect(&job.url, &response) {
            match target {
                Ok(target) => self.follow_redirect(job, target, page),
                Err(error) => page.error = Some(error),
            }
        } else if response.status >= 400 {
            let message = status_line(&response);
            page.error = Some(FetchError::new(ErrorKind::Status, message));
        } else if is_html(&response) {
            for link in links::links(&job.url, &response.body) {
                page.links += 1;
                if self.allows(&link) && !self.seen.contains(&link) {
                    page.new_links += 1;
                    self.add(link, Purpose::Found, Vec::new());
                }
            }
        }
        if response.cut_off {
            let max = self.options.max_body;
            page.error = Some(FetchError::new(
                ErrorKind::TooLarge,
                format!("body cut off at {max} bytes"),
            ));
        }
        page.content_type = response.content_type;
    }

    fn follow_redirect(&mut self, job: &Job, target: Url, page: &mut Page) {
        let mut from = job.redirected_from.clone();
        from.push(job.url.clone());
        page.redirect = Some(target.clone());
        if from.contains(&target) {
            page.error = Some(FetchError::new(
                ErrorKind::RedirectLoop,
                format!("redirects back to {target}"),
            ));
        } else if from.len() > self.options.max_redirects {
            page.error = Some(FetchError::new(
                ErrorKind::TooManyRedirects,
                format!(
                    "more than {} redirects from {}",
                    self.options.max_redirects, from[0]
                ),
            ));
        } else if self.allows(&target) {
            self.add(target, Purpose::Found, from);
        }
    }

    /// Whether a link to `url` is followed.
    fn allows(&self, url: &Url) -> bool {
        let near = |root| is_near(url, root, self.options.lenient);
        links::is_web(url)
            && self.options.roots.iter().any(near)
            && !self.options.exclude.iter().any(|e| e.is_match(url.as_str()))
    }

    fn report(&mut self, page: Page) {
        let summary = &mut self.summary;
        summary.pages += 1;
        summary.errors += usize::from(page.error.is_some());
        summary.bytes += page.size as u64;
        summary.sequential += page.elapsed;
        if let Some(status) = page.status {
            *summary.statuses.entry(status).or_default() += 1;
        }
        self.pages.push_back(page);
    }
}

fn empty_page(job: &Job) -> Page {
    Page {
        url: job.url.clone(),
        status: None,
        content_type: None,
        size: 0,
        links: 0,
        new_links: 0,
        redirect: None,
        error: None,
        tries: job.tries,
        elapsed: job.elapsed,
    }
}

/// Where `response` sends the reader of `url`, if it does.
fn redirect(url: &Url, response: &Response) -> Option<Result<Url, FetchError>> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.location.as_deref()?;
    Some(match url.join(location) {
        Ok(mut target) => {
            target.set_fragment(None);
            Ok(target)
        }
        Err(error) => Err(FetchError::new(
            ErrorKind::Malformed,
            format!("redirects to {location:?}: {error}"),
        )),
    })
}

fn is_html(response: &Response) -> bool {
    let whole = response.content_type.as_deref().unwrap_or_default();
    let kind = whole.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html")
        || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

fn status_line(response: &Response) -> String {
    format!("{} {}", response.status, response.reason).trim_end().to_string()
}

fn robots_allow(text: &str, url: &Url) -> bool {
    text.is_empty()
        || robotstxt::DefaultMatcher::default().one_agent_allowed_by_robots(
            text,
            ROBOT_NAME,
            url.as_str(),
        )
}

/// Whether `url` is on the host of `root`, or near enough. A host is a name
/// and a port; the standard ports of http and https count as one.
fn is_near(url: &Url, root: &Url, lenient: bool) -> bool {
    if url.port() != root.port() {
        return false;
    }
    match (url.host(), root.host()) {
        (Some(Host::Domain(a)), Some(Host::Domain(b))) if lenient => {
            last_two_labels(a) == last_two_labels(b)
        }
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => {
            without_www(a) == without_www(b)
        }
        (a, b) => a == b,
    }
}

fn without_www(name: &str) -> &str {
    name.strip_prefix("www.").unwrap_or(name)
}

fn last_two_labels(name: &str) -> &str {
    match name.rmatch_indices('.').nth(1) {
        Some((dot, _)) => &name[dot + 1..],
        None => name,
    }
}
