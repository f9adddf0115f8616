//! Pages that are in order: each is fetched once and reported at once.

use std::thread;

use support::cli::Crawl;

use super::help::{Running, get, options, quick_site, run, visit};
use super::web::{Web, page};
use crate::suite::SMALL_STACK;

/// Ten pages that link to each other: ten reports with every field right.
pub fn each_page_is_fetched_once_and_reported_in_full(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/"]));
    // A second site of the same kind, so that its hits do not count.
    let model = quick_site();
    for path in site.paths() {
        let page = report.page(&site.url(path));
        let answer = get(model.address(), path);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(page.status, Some(200));
        assert_eq!(
            page.content_type.as_deref(),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(page.size, body.len());
        assert_eq!(page.links, 10);
        assert_eq!(page.new_links, if path == "/" { 9 } else { 0 });
        assert_eq!(page.redirect, None);
        assert_eq!(page.error, None);
        assert_eq!(page.tries, 1);
        assert_eq!(site.hits(path), 1);
    }
    assert_eq!(report.paths()[0], "/");
    assert_eq!(report.summary.pages, 10);
    assert_eq!(report.summary.disallowed, 0);
    assert_eq!(site.hits("/robots.txt"), 1);
    assert_eq!(site.connections(), 11);
}

/// A page that waits holds nobody up, and pages are reported one by one.
pub fn pages_are_reported_in_order_of_completion(crawl: Crawl) {
    let site = quick_site();
    let running =
        Running::start(crawl, &visit(&site, ["/zoo/gate/2/slow", "/"]));
    let mut paths: Vec<_> =
        (0..10).map(|_| running.next_page().url.path().to_string()).collect();
    assert_eq!(paths[0], "/");
    paths.sort();
    assert_eq!(paths, site.paths());
    // Only now is the second guest at the gate, and the first gets in.
    get(site.address(), "/zoo/gate/2/us");
    let rest = running.finish();
    assert_eq!(rest.paths(), ["/zoo/gate/2/slow"]);
    assert_eq!(rest.pages[0].status, Some(200));
    assert_eq!(rest.summary.pages, 11);
}

/// Roots that differ in their fragment alone are one URL.
pub fn roots_are_fetched_once_each(crawl: Crawl) {
    let site = quick_site();
    let roots = ["/zoo/links/b#1", "/zoo/links/a", "/zoo/links/b#2"];
    let report = run(crawl, &visit(&site, roots));
    assert_eq!(report.sorted_paths(), ["/zoo/links/a", "/zoo/links/b"]);
    assert!(report.pages.iter().all(|page| page.url.fragment().is_none()));
    assert_eq!(site.hits("/zoo/links/b"), 1);
}

/// A query belongs to the URL.
pub fn urls_that_differ_in_the_query_are_different(crawl: Crawl) {
    let site = quick_site();
    let roots = ["/zoo/links/a?1", "/zoo/links/a?2", "/zoo/links/a"];
    let report = run(crawl, &visit(&site, roots));
    let mut expected = roots;
    expected.sort_unstable();
    assert_eq!(report.sorted_paths(), expected);
    assert!(roots.iter().all(|path| site.hits(path) == 1));
}

/// Nothing to do is done at once.
pub fn no_roots_no_pages(crawl: Crawl) {
    let report = run(crawl, &options([""; 0]));
    assert_eq!(report.summary.pages, 0);
    assert_eq!(report.summary.max_in_flight, 0);
}

/// What goes over the wire.
pub fn the_request_names_host_target_and_crawler(crawl: Crawl) {
    let web = Web::start([("/a?b=c", page(""))]);
    let report = run(crawl, &options([web.url("/a?b=c#d")]));
    assert_eq!(report.pages[0].status, Some(200));
    let requests = web.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].starts_with("GET /robots.txt HTTP/1.1\r\n"));
    assert!(requests[1].starts_with("GET /a?b=c HTTP/1.1\r\n"));
    for request in requests {
        let host = format!("\r\nHost: {}\r\n", web.address);
        assert!(request.contains(&host), "{request}");
        let name = format!("\r\nUser-Agent: {}", support::http::ROBOT_NAME);
        assert!(request.contains(&name), "{request}");
    }
}

/// A request that the socket does not take at once is sent to its end.
pub fn a_long_request_is_sent_whole(crawl: Crawl) {
    let web = Web::start([("/", page(""))]);
    // More than the send buffer of a socket may have, by default.
    let query = "q".repeat(6 * 1024 * 1024);
    let mut options = options([web.url(&format!("/?{query}"))]);
    options.ignore_robots = true;
    let report = run(crawl, &options);
    assert_eq!(report.pages[0].status, Some(404));
    let requests = web.requests();
    assert_eq!(requests.len(), 1);
    let line = format!("GET /?{query} HTTP/1.1\r\n");
    // No `assert_eq`: it would print it all.
    assert!(requests[0].starts_with(&line), "it does not arrive as sent");
}

/// A crawl needs no more stack than a small thread has.
pub fn a_small_stack_is_enough(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/", "/zoo/links", "/zoo/chunked"]);
    let name = format!("http://localhost:{}/", site.address().port());
    options.roots.push(name.parse().unwrap());
    let crawl = move || run(crawl, &options);
    let thread = thread::Builder::new().stack_size(SMALL_STACK).spawn(crawl);
    let report = thread.unwrap().join().unwrap();
    assert_eq!(report.summary.errors, 0, "{:#?}", report.pages);
}

/// Two crawls on two threads do not wait for each other: the gate opens only
/// when both are there.
pub fn two_crawls_run_at_once(crawl: Crawl) {
    let site = quick_site();
    let crawls = ["/zoo/gate/2/a", "/zoo/gate/2/b"]
        .map(|path| Running::start(crawl, &visit(&site, [path])));
    for report in crawls.map(Running::finish) {
        assert_eq!(report.pages[0].status, Some(200));
        assert_eq!(report.summary.pages, 1);
    }
}
