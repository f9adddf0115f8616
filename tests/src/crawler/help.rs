//! What the crawler's tests share: a site, options, and a crawl to watch.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use support::cli::Crawl;
use support::crawl::ErrorKind;
use support::site::{Site, SiteOptions};
use support::{CrawlOptions, Interrupt, Page, Summary};
use url::{Position, Url};

/// How long to wait for what another thread does.
const PATIENCE: Duration = Duration::from_secs(10);

/// A site whose ten plain pages come at once.
pub(crate) fn quick_site() -> Site {
    slow_site(Duration::ZERO)
}

/// A site whose ten plain pages take this long each.
pub(crate) fn slow_site(delay: Duration) -> Site {
    Site::start(&SiteOptions { delay, ..Default::default() }).unwrap()
}

/// A crawl from these URLs, with the defaults of the command line.
pub(crate) fn options<U: AsRef<str>>(
    roots: impl IntoIterator<Item = U>,
) -> CrawlOptions {
    CrawlOptions::new(roots.into_iter().map(|root| url(root.as_ref())))
}

/// A crawl from these paths of the site.
pub(crate) fn visit<P: AsRef<str>>(
    site: &Site,
    paths: impl IntoIterator<Item = P>,
) -> CrawlOptions {
    options(paths.into_iter().map(|path| site.url(path.as_ref())))
}

/// Has these patterns not be followed.
pub(crate) fn exclude(options: &mut CrawlOptions, patterns: &[&str]) {
    options.exclude = patterns.iter().map(|p| p.parse().unwrap()).collect();
}

pub(crate) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// What a crawl has said.
#[derive(Debug)]
pub(crate) struct Report {
    /// In the order in which they were reported.
    pub(crate) pages: Vec<Page>,
    pub(crate) summary: Summary,
}

impl Report {
    /// The only page with this URL.
    #[track_caller]
    pub(crate) fn page(&self, url: &str) -> &Page {
        let found: Vec<_> =
            self.pages.iter().filter(|p| p.url.as_str() == url).collect();
        assert_eq!(found.len(), 1, "{url} in {:#?}", self.pages);
        found[0]
    }

    /// What failed on this URL, in words; it must be of this kind.
    #[track_caller]
    pub(crate) fn error(&self, url: &str, kind: ErrorKind) -> &str {
        let page = self.page(url);
        let error = page.error.as_ref();
        assert_eq!(error.map(|e| e.kind), Some(kind), "{page:#?}");
        error.map_or("", |e| &e.message)
    }

    /// Path and query of every page, in the order of the reports.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.pages
            .iter()
            .map(|page| &page.url[Position::BeforePath..])
            .collect()
    }

    /// The same, sorted.
    pub(crate) fn sorted_paths(&self) -> Vec<&str> {
        let mut paths = self.paths();
        paths.sort_unstable();
        paths
    }

    /// The totals must be those of the pages.
    #[track_caller]
    fn check_totals(&self) {
        let Report { pages, summary } = self;
        let mut statuses = BTreeMap::new();
        for status in pages.iter().filter_map(|page| page.status) {
            *statuses.entry(status).or_insert(0) += 1;
        }
        assert_eq!(summary.statuses, statuses);
        assert_eq!(summary.pages, pages.len());
        let failed = pages.iter().filter(|page| page.error.is_some());
        assert_eq!(summary.errors, failed.count());
        let bytes: usize = pages.iter().map(|page| page.size).sum();
        assert_eq!(summary.bytes, bytes as u64);
        // What it has more is the time for `robots.txt`.
        let in_flight: Duration = pages.iter().map(|page| page.elapsed).sum();
        assert!(summary.sequential >= in_flight, "{summary:?}");
    }
}

/// Crawls to the end.
#[track_caller]
pub(crate) fn run(crawl: Crawl, options: &CrawlOptions) -> Report {
    let mut pages = Vec::new();
    let mut on_page = |page: &Page| pages.push(page.clone());
    let summary = crawl(options, &mut on_page, &Interrupt::new()).unwrap();
    assert!(!summary.interrupted, "{summary:?}");
    assert_eq!(summary.waiting, []);
    let report = Report { pages, summary };
    report.check_totals();
    report
}

/// Crawls and triggers the interrupt in `on_page`, at the first page.
#[track_caller]
pub(crate) fn run_to_first_page(
    crawl: Crawl,
    options: &CrawlOptions,
) -> Report {
    let interrupt = Interrupt::new();
    let mut pages = Vec::new();
    let mut on_page = |page: &Page| {
        pages.push(page.clone());
        interrupt.trigger();
    };
    let summary = crawl(options, &mut on_page, &interrupt).unwrap();
    assert!(summary.interrupted, "{summary:?}");
    let report = Report { pages, summary };
    report.check_totals();
    report
}

/// A crawl on a thread of its own.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) interrupt: Interrupt,
    pages: Receiver<Page>,
    thread: JoinHandle<io::Result<Summary>>,
}

impl Running {
    pub(crate) fn start(crawl: Crawl, options: &CrawlOptions) -> Running {
        Running::with(crawl, options, &Interrupt::new())
    }

    pub(crate) fn with(
        crawl: Crawl,
        options: &CrawlOptions,
        interrupt: &Interrupt,
    ) -> Running {
        let (sender, pages) = mpsc::channel();
        let options = options.clone();
        let switch = interrupt.clone();
        let thread = thread::spawn(move || {
            // A test that has failed receives no longer.
            let mut on_page = |page: &Page| drop(sender.send(page.clone()));
            crawl(&options, &mut on_page, &switch)
        });
        Running { interrupt: interrupt.clone(), pages, thread }
    }

    /// The next page, as soon as it is reported.
    #[track_caller]
    pub(crate) fn next_page(&self) -> Page {
        self.pages.recv().expect("a page before the crawl ends")
    }

    /// Waits for the end. Pages that were taken before are not in the report.
    #[track_caller]
    pub(crate) fn finish(self) -> Report {
        let pages = self.pages.iter().collect();
        let summary = self.thread.join().expect("no panic").unwrap();
        Report { pages, summary }
    }
}

/// What a plain client gets: the whole answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits for what another thread does.
#[track_caller]
pub(crate) fn wait_until(what: &str, happens: impl Fn() -> bool) {
    let start = Instant::now();
    while !happens() {
        assert!(start.elapsed() < PATIENCE, "it never happens: {what}");
        thread::yield_now();
    }
}
