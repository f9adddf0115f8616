//! The interrupt: nothing new begins, what has been done is reported, and
//! what was suspended says what it waits for.

use support::Interrupt;
use support::cli::Crawl;

use super::help::{
    Report, Running, options, quick_site, run, run_to_first_page, visit,
    wait_until,
};
use super::web::{Web, answer};

/// Triggered before the start: nothing is fetched.
pub fn an_interrupted_crawl_does_not_begin(crawl: Crawl) {
    let site = quick_site();
    let interrupt = Interrupt::new();
    interrupt.trigger();
    let running = Running::with(crawl, &visit(&site, ["/"]), &interrupt);
    let report = running.finish();
    assert_eq!(report.pages, []);
    assert!(report.summary.interrupted);
    assert_eq!(report.summary.pages, 0);
    assert_eq!(report.summary.waiting, []);
    assert_eq!(site.connections(), 0);
}

/// Triggered by another thread while nothing else happens: the crawl wakes
/// up, ends, and says what it was waiting for.
pub fn another_thread_can_end_a_crawl_that_waits(crawl: Crawl) {
    let site = quick_site();
    let running = Running::start(crawl, &visit(&site, ["/", "/zoo/silent"]));
    let pages: Vec<_> = (0..10).map(|_| running.next_page()).collect();
    assert!(pages.iter().all(|page| page.status == Some(200)));
    wait_until("a request", || site.hits("/zoo/silent") == 1);
    running.interrupt.trigger();
    let report = running.finish();
    assert_eq!(report.pages, []);
    assert!(report.summary.interrupted);
    assert_eq!(report.summary.pages, 10);
    assert_eq!(report.summary.errors, 0);
    let what = "the end of the response head".to_string();
    assert_eq!(waiting(&report), [(site.url("/zoo/silent"), what)]);
    assert!(report.summary.waiting[0].elapsed <= report.summary.elapsed);
}

/// Triggered by the report itself: no further fetch begins. The next one may
/// have begun already, because a crawl does not wait for its report.
pub fn on_page_can_end_the_crawl(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/"]);
    options.max_tasks = 1;
    let report = run_to_first_page(crawl, &options);
    assert_eq!(report.paths(), ["/"]);
    assert_eq!(report.pages[0].new_links, 9);
    let begun = report.summary.waiting.len();
    assert!(begun <= 1, "{:?}", report.summary.waiting);
    let hits = site.paths().iter().map(|path| site.hits(path));
    assert!(hits.sum::<usize>() <= 1 + begun);
}

/// What is in flight then is listed, in the order in which it began.
pub fn what_is_in_flight_is_listed(crawl: Crawl) {
    let site = quick_site();
    let silent = ["/zoo/silent?1", "/zoo/silent?2", "/zoo/silent?3"];
    let page = "/zoo/links/a";
    let report =
        run_to_first_page(crawl, &visit(&site, silent.iter().chain(&[page])));
    assert_eq!(report.paths(), [page]);
    let urls: Vec<_> =
        waiting(&report).into_iter().map(|(url, _)| url).collect();
    assert_eq!(urls, silent.map(|path| site.url(path)));
    assert_eq!(report.summary.max_in_flight, 4);
}

/// A fetch that waits for its connection says for which.
#[cfg(target_os = "linux")]
pub fn a_connection_that_is_not_made_is_named(crawl: Crawl) {
    let site = quick_site();
    let full = super::web::Full::start();
    let url = format!("http://{}/", full.address);
    let mut options = options([&url, &site.url("/zoo/links/a")]);
    options.ignore_robots = true;
    let report = run_to_first_page(crawl, &options);
    let what = format!("a connection to {}", full.address);
    assert_eq!(waiting(&report), [(url, what)]);
}

/// `robots.txt` is a fetch like any other.
pub fn robots_can_be_interrupted(crawl: Crawl) {
    let site = quick_site();
    let location = format!("Location: {}\r\n", site.url("/zoo/silent"));
    let moved = answer("301 Moved", &location, "");
    let web = Web::start([("/robots.txt", moved)]);
    let options = options([web.url("/")]);
    let running = Running::start(crawl, &options);
    wait_until("a request", || site.hits("/zoo/silent") == 1);
    running.interrupt.trigger();
    let report = running.finish();
    assert_eq!(report.pages, []);
    assert!(report.summary.interrupted);
    assert_eq!(waiting(&report)[0].0, site.url("/zoo/silent"));
    assert_eq!(report.summary.waiting.len(), 1);
}

/// One interrupt may belong to two crawls.
pub fn one_interrupt_ends_two_crawls(crawl: Crawl) {
    let site = quick_site();
    let interrupt = Interrupt::new();
    let crawls = ["/zoo/silent?1", "/zoo/silent?2"]
        .map(|path| Running::with(crawl, &visit(&site, [path]), &interrupt));
    let hits = || site.hits("/zoo/silent?1") + site.hits("/zoo/silent?2");
    wait_until("two requests", || hits() == 2);
    interrupt.trigger();
    for report in crawls.map(Running::finish) {
        assert!(report.summary.interrupted);
        assert_eq!(report.summary.waiting.len(), 1);
    }
}

/// An interrupt outlives its crawls, and comes too late for them.
pub fn an_interrupt_after_the_end_does_no_harm(crawl: Crawl) {
    let site = quick_site();
    let interrupt = Interrupt::new();
    for _ in 0..2 {
        let options = visit(&site, ["/"]);
        let report = Running::with(crawl, &options, &interrupt).finish();
        assert!(!report.summary.interrupted);
        assert_eq!(report.summary.waiting, []);
        assert_eq!(report.summary.pages, 10);
    }
    interrupt.trigger();
    // Other crawls have interrupts of their own.
    assert_eq!(run(crawl, &visit(&site, ["/"])).summary.pages, 10);
}

/// What was suspended, and what it was waiting for.
fn waiting(report: &Report) -> Vec<(String, String)> {
    let waiting = report.summary.waiting.iter();
    waiting.map(|w| (w.url.to_string(), w.waiting_for.clone())).collect()
}
