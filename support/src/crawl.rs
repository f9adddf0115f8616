//! The policy of a crawl as plain data: what to fetch next, and what a
//! finished fetch means. It never touches a socket or a clock.
//!
//! A stage's `crawler.rs` asks [`Frontier::next`] for jobs, fetches them in
//! its own way, and hands each back to [`Frontier::finish`].

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use regex_lite::Regex;
use url::Url;

use crate::http::Progress;
use crate::trace::Trace;

mod frontier;
#[cfg(test)]
mod tests;

pub use frontier::{Frontier, Job, Outcome};

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
                "--ca-file needs TLS, which this stage does not speak",
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
    /// The line of code where it waits, if its stage knows.
    pub at: Option<String>,
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

    /// The system said no while the fetch was waiting for `state`.
    pub fn network(state: FetchState, error: &io::Error) -> FetchError {
        if let FetchState::Connecting(address) = state {
            return FetchError::connect(address, error);
        }
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
        let message = "https needs TLS, which this stage does not speak";
        FetchError::new(ErrorKind::Unsupported, message)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FetchError {}

impl Waiting {
    /// What is said of a suspended job `now`.
    pub fn new(job: &Job, state: FetchState, now: Instant) -> Waiting {
        Waiting {
            url: job.url.clone(),
            waiting_for: state.to_string(),
            at: None,
            elapsed: now.saturating_duration_since(job.started),
        }
    }
}

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
