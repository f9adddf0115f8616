//! How many at once, how many at all, and for how long.

use std::io::{self, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use support::cli::Crawl;
use support::crawl::ErrorKind;

use super::help::{Running, options, quick_site, run, slow_site, visit};

/// As many fetches are in flight as allowed: the gates open for nobody
/// before.
pub fn max_tasks_are_in_flight_at_once(crawl: Crawl) {
    for max_tasks in [1, 2, 10, 50] {
        let site = quick_site();
        let gates =
            (0..2 * max_tasks).map(|n| format!("/zoo/gate/{max_tasks}/{n}"));
        let mut options = visit(&site, gates);
        options.max_tasks = max_tasks;
        let report = run(crawl, &options);
        assert_eq!(report.summary.errors, 0, "{:#?}", report.pages);
        assert_eq!(report.summary.pages, 2 * max_tasks);
        assert_eq!(report.summary.max_in_flight, max_tasks);
        assert_eq!(site.max_in_flight(), max_tasks);
    }
}

/// And never more, however many there are to do and however long they take.
pub fn max_tasks_are_never_exceeded(crawl: Crawl) {
    let site = slow_site(Duration::from_millis(20));
    let mut options = visit(&site, site.paths());
    options.max_tasks = 3;
    let report = run(crawl, &options);
    assert_eq!(report.summary.pages, 10);
    assert_eq!(report.summary.max_in_flight, 3);
    assert!(site.max_in_flight() <= 3, "{}", site.max_in_flight());
}

/// One task does one thing after another, in the order given.
pub fn one_task_keeps_the_order(crawl: Crawl) {
    let site = slow_site(Duration::from_millis(1));
    let mut options = visit(&site, site.paths());
    options.max_tasks = 1;
    let report = run(crawl, &options);
    assert_eq!(report.paths(), site.paths());
    assert_eq!(report.summary.max_in_flight, 1);
    assert_eq!(site.max_in_flight(), 1);
}

/// Not one page more than asked for. `robots.txt` is not counted.
pub fn max_pages_is_exact(crawl: Crawl) {
    for (max_pages, pages) in [(1, 1), (3, 3), (10, 10), (11, 10)] {
        let site = quick_site();
        let mut options = visit(&site, ["/"]);
        options.max_pages = Some(max_pages);
        let report = run(crawl, &options);
        assert_eq!(report.summary.pages, pages);
        let fetched = site.paths().iter().map(|path| site.hits(path));
        assert_eq!(fetched.sum::<usize>(), pages);
    }
}

/// A hop of a redirect is a page, a second try is none.
pub fn max_pages_counts_urls(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/redirect/3", "/zoo/reset/once"]);
    options.max_tasks = 1;
    options.max_pages = Some(3);
    let report = run(crawl, &options);
    assert_eq!(
        report.sorted_paths(),
        ["/zoo/redirect/2", "/zoo/redirect/3", "/zoo/reset/once"]
    );
    assert_eq!(site.hits("/zoo/reset/once"), 2);
    assert_eq!(report.summary.errors, 0);
}

/// A fetch that makes progress all the time is over all the same when its
/// time is: the time is for the whole fetch, not for one wait.
pub fn the_time_out_covers_the_whole_fetch(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/trickle"]);
    options.ignore_robots = true;
    // It takes a millisecond a byte at least, and has 400 bytes.
    options.timeout = Duration::from_millis(100);
    options.max_tries = 2;
    let report = run(crawl, &options);
    let url = site.url("/zoo/trickle");
    let why = report.error(&url, ErrorKind::Timeout);
    assert!(why.contains("over after 100ms, waiting for"), "{why}");
    let page = report.page(&url);
    assert_eq!((page.status, page.size, page.tries), (None, 0, 2));
    assert_eq!(site.hits("/zoo/trickle/end"), 0);
}

/// Nor does it matter how fast the bytes come: here there is always one more.
pub fn the_time_out_ends_a_flood(crawl: Crawl) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let flood = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.write_all(head).unwrap();
        // Small chunks: much work for the crawler, and little body.
        let chunks = b"1\r\nx\r\n".repeat(1000);
        while connection.write_all(&chunks).is_ok() {}
    });
    let mut options = options([&url]);
    options.ignore_robots = true;
    options.timeout = Duration::from_millis(100);
    options.max_tries = 1;
    let report = run(crawl, &options);
    report.error(&url, ErrorKind::Timeout);
    flood.join().unwrap();
}

/// A fetch whose time is over leaves no connection behind, however long the
/// crawl goes on: this one tries again and again.
pub fn a_time_out_closes_the_connection(crawl: Crawl) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut options = options([url]);
    options.ignore_robots = true;
    options.timeout = Duration::from_millis(50);
    options.max_tries = usize::MAX;
    let running = Running::start(crawl, &options);
    for _ in 0..3 {
        let (mut connection, _) = listener.accept().unwrap();
        // The end: nothing else is waited for.
        io::copy(&mut connection, &mut io::sink()).unwrap();
    }
    running.interrupt.trigger();
    let report = running.finish();
    assert_eq!(report.pages, []);
    assert!(report.summary.interrupted);
}

/// No time at all is over at once, for every URL.
pub fn a_time_out_of_zero_ends(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/silent?1", "/zoo/silent?2"]);
    options.ignore_robots = true;
    options.timeout = Duration::ZERO;
    let report = run(crawl, &options);
    for page in &report.pages {
        report.error(page.url.as_str(), ErrorKind::Timeout);
        assert_eq!(page.tries, 4);
    }
    assert_eq!(report.summary.pages, 2);
}

/// A time-out too long to count is none.
pub fn a_time_out_may_be_endless(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/"]);
    options.timeout = Duration::MAX;
    assert_eq!(run(crawl, &options).summary.statuses[&200], 10);
}

/// The time-out ends a connection that is neither made nor refused, and names
/// its address.
#[cfg(target_os = "linux")]
pub fn the_time_out_covers_connecting(crawl: Crawl) {
    let full = super::web::Full::start();
    let url = format!("http://{}/", full.address);
    let mut options = options([&url]);
    options.ignore_robots = true;
    options.timeout = Duration::from_millis(100);
    options.max_tries = 2;
    let report = run(crawl, &options);
    let why = report.error(&url, ErrorKind::Timeout);
    let what = format!("waiting for a connection to {}", full.address);
    assert!(why.contains(&what), "{why}");
    assert_eq!(report.page(&url).tries, 2);
}
