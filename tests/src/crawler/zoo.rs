//! All that the practice site's zoo has, at once.

use std::time::Duration;

use support::Page;
use support::cli::Crawl;

use super::help::{exclude, quick_site, run, visit};

/// Path, status, and for a failure its kind and the number of tries.
const ZOO: [&str; 50] = [
    "/zoo/ 200",
    "/zoo/big-head - malformed 1",
    "/zoo/chunked 200",
    "/zoo/chunked/end 200",
    "/zoo/continue 200",
    "/zoo/cycle/a 200",
    "/zoo/cycle/b 200",
    "/zoo/cycle/c 200",
    "/zoo/endless 200 too_large 1",
    "/zoo/idn 200",
    "/zoo/large 200 too_large 1",
    "/zoo/links 200",
    "/zoo/loop/a 301",
    "/zoo/loop/b 302 redirect_loop 1",
    "/zoo/malformed/chunk - malformed 1",
    "/zoo/malformed/garbage - malformed 1",
    "/zoo/malformed/header - malformed 1",
    "/zoo/malformed/length - malformed 1",
    "/zoo/malformed/status - malformed 1",
    "/zoo/never-ends - timeout 2",
    "/zoo/no-length 200",
    "/zoo/other-hosts 200",
    "/zoo/redirect/0 200",
    "/zoo/redirect/1 302",
    "/zoo/redirect/10 302 too_many_redirects 1",
    "/zoo/redirect/11 302",
    "/zoo/redirect/12 302",
    "/zoo/redirect/13 302",
    "/zoo/redirect/14 302",
    "/zoo/redirect/15 302",
    "/zoo/redirect/16 302",
    "/zoo/redirect/17 302",
    "/zoo/redirect/18 302",
    "/zoo/redirect/19 302",
    "/zoo/redirect/2 302",
    "/zoo/redirect/20 302",
    "/zoo/redirect/3 302",
    "/zoo/reset/body - network 2",
    "/zoo/reset/head - network 2",
    "/zoo/reset/once 200",
    "/zoo/short - closed 2",
    "/zoo/silent - timeout 2",
    "/zoo/status/204 204",
    "/zoo/status/304 304",
    "/zoo/status/404 404 status 1",
    "/zoo/status/410 410 status 1",
    "/zoo/status/500 500 status 1",
    "/zoo/status/503 503 status 1",
    "/zoo/trickle 200",
    "/zoo/trickle/end 200",
];

/// The whole zoo in one crawl: everything that can go wrong, at once, and
/// every page comes to its own end.
pub fn the_whole_zoo(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/"]);
    // The links' targets, and what differs between the stages.
    exclude(&mut options, &["/zoo/links/", "^https:"]);
    // Small enough for a quick end, large enough for a busy machine.
    options.timeout = Duration::from_secs(2);
    options.max_tries = 2;
    options.max_body = 1024 * 1024;
    let report = run(crawl, &options);
    let mut fates: Vec<_> = report.pages.iter().map(fate).collect();
    fates.sort();
    assert_eq!(fates, ZOO);
    assert_eq!(report.summary.disallowed, 1);
}

fn fate(page: &Page) -> String {
    let status = page.status.map_or("-".into(), |s| s.to_string());
    let fate = format!("{} {status}", page.url.path());
    match &page.error {
        None => fate,
        Some(error) => {
            format!("{fate} {} {}", error.kind.as_str(), page.tries)
        }
    }
}
