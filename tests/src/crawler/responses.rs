//! What a server can answer, right or wrong, and how a body ends.

use support::cli::Crawl;
use support::crawl::ErrorKind;

use super::help::{options, quick_site, run, visit};
use super::web::{Web, answer};

/// Head and body one byte at a time are a page like any other.
pub fn a_trickle_is_read_to_its_end(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/trickle"]));
    let page = report.page(&site.url("/zoo/trickle"));
    assert_eq!((page.links, page.new_links, page.tries), (1, 1, 1));
    let end = report.page(&site.url("/zoo/trickle/end"));
    assert_eq!(end.status, Some(200));
}

/// Chunks with extensions, and trailers behind: the link that a chunk cuts in
/// two is found.
pub fn chunks_are_joined(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/chunked"]);
    let web = Web::start([(
        "/",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         5;name=value\r\nhello\r\n1\r\n \r\n5 ; x\r\nworld\r\n0\r\n\
         Trailer: seen\r\n\r\n",
    )]);
    options.roots.push(web.url("/").parse().unwrap());
    let report = run(crawl, &options);
    let page = report.page(&site.url("/zoo/chunked"));
    assert_eq!((page.status, page.links, page.new_links), (Some(200), 1, 1));
    report.page(&site.url("/zoo/chunked/end"));
    assert_eq!(report.page(&web.url("/")).size, 11);
    assert_eq!(report.summary.errors, 0);
}

/// Without a length the body ends with the connection.
pub fn a_body_may_end_with_the_connection(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/no-length"]);
    let web = Web::start([("/", "HTTP/1.0 200 OK\r\n\r\nhello")]);
    options.roots.push(web.url("/").parse().unwrap());
    let report = run(crawl, &options);
    let page = report.page(&site.url("/zoo/no-length"));
    assert_eq!((page.status, page.tries), (Some(200), 1));
    assert!(page.size > 0, "{page:?}");
    assert_eq!(report.page(&web.url("/")).size, 5);
    assert_eq!(report.summary.errors, 0);
}

/// What comes behind the promised length is not part of the body.
pub fn a_body_ends_at_its_length(crawl: Crawl) {
    let web = Web::start([("/", answer("200 OK", "", "hello") + " world")]);
    let report = run(crawl, &options([web.url("/")]));
    assert_eq!(report.pages[0].size, 5);
    assert_eq!(report.pages[0].error, None);
}

/// A body without end is cut off, and that is said; so is one that is a byte
/// too long. One that just fits is whole.
pub fn a_body_is_cut_off_at_its_limit(crawl: Crawl) {
    let site = quick_site();
    let paths = ["/zoo/endless", "/zoo/size/100001", "/zoo/size/100000"];
    let mut options = visit(&site, paths);
    options.max_body = 100_000;
    let report = run(crawl, &options);
    for path in paths {
        let page = report.page(&site.url(path));
        assert_eq!((page.status, page.size), (Some(200), 100_000), "{path}");
        assert_eq!((page.tries, site.hits(path)), (1, 1), "{path}");
    }
    for path in &paths[..2] {
        let why = report.error(&site.url(path), ErrorKind::TooLarge);
        assert!(why.contains("100000 bytes"), "{why}");
    }
    assert_eq!(report.page(&site.url(paths[2])).error, None);
}

/// The limit that stands in the documentation.
pub fn the_default_limit_is_10_mib(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/large"]));
    let url = site.url("/zoo/large");
    report.error(&url, ErrorKind::TooLarge);
    assert_eq!(report.page(&url).size, 10 * 1024 * 1024);
}

/// A cut-off page still leads on.
pub fn links_before_the_cut_are_followed(crawl: Crawl) {
    let link = "<a href=/next></a>";
    let html = link.to_string() + &" ".repeat(100);
    let web = Web::start([("/", super::web::page(&html))]);
    let mut options = options([web.url("/")]);
    options.max_body = link.len();
    let report = run(crawl, &options);
    report.error(&web.url("/"), ErrorKind::TooLarge);
    assert_eq!(report.page(&web.url("/next")).status, Some(404));
}

/// 204 and 304 have no body and are no errors.
pub fn answers_without_a_body(crawl: Crawl) {
    let site = quick_site();
    for status in [204, 304] {
        let path = format!("/zoo/status/{status}");
        let report = run(crawl, &visit(&site, [&path]));
        let page = &report.pages[0];
        assert_eq!((page.status, page.size), (Some(status), 0));
        assert_eq!((page.tries, page.error.as_ref()), (1, None));
    }
}

/// The server's "no" is an error, has a body, and is not asked for again.
pub fn error_statuses_are_errors_and_are_not_retried(crawl: Crawl) {
    let site = quick_site();
    let statuses = [404, 410, 500, 503];
    let paths = statuses.map(|status| format!("/zoo/status/{status}"));
    let report = run(crawl, &visit(&site, &paths));
    for (status, path) in statuses.into_iter().zip(&paths) {
        let why = report.error(&site.url(path), ErrorKind::Status);
        assert!(why.starts_with(&status.to_string()), "{why}");
        let page = report.page(&site.url(path));
        assert_eq!((page.status, page.tries), (Some(status), 1));
        assert!(page.size > 0, "{page:?}");
        assert_eq!(site.hits(path), 1);
    }
    assert_eq!(report.summary.errors, 4);
}

/// 100 and 103 come before the answer and are not it.
pub fn interim_answers_are_skipped(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/continue"]));
    let page = &report.pages[0];
    assert_eq!((page.status, page.tries), (Some(200), 1));
    assert!(page.size > 0, "{page:?}");
}

/// What is not HTTP is an error that says where, and is not asked for again.
pub fn malformed_answers_are_errors_and_are_not_retried(crawl: Crawl) {
    let site = quick_site();
    let animals = [
        ("/zoo/malformed/status", "head"),
        ("/zoo/malformed/header", "head"),
        ("/zoo/malformed/length", "Content-Length \"twelve\""),
        ("/zoo/malformed/chunk", "chunk size"),
        ("/zoo/malformed/garbage", "head"),
        ("/zoo/big-head", "head"),
    ];
    let paths = animals.map(|(path, _)| path);
    let report = run(crawl, &visit(&site, paths.iter().chain(&["/"])));
    for (path, what) in animals {
        let why = report.error(&site.url(path), ErrorKind::Malformed);
        assert!(why.contains(what), "{path}: {why}");
        let page = report.page(&site.url(path));
        assert_eq!((page.status, page.tries), (None, 1), "{path}");
        assert_eq!(site.hits(path), 1, "{path}");
    }
    // The others are none the worse for it.
    assert_eq!(report.summary.statuses[&200], 10);
}

/// A head has its bounds, in lines and in bytes.
pub fn a_head_is_bounded(crawl: Crawl) {
    let lines = "X: y\r\n".repeat(10_000);
    let line = format!("X: {}\r\n", "y".repeat(1_000_000));
    let web = Web::start([
        ("/lines", answer("200 OK", &lines, "")),
        ("/line", answer("200 OK", &line, "")),
    ]);
    let report = run(crawl, &options(["/lines", "/line"].map(|p| web.url(p))));
    for page in &report.pages {
        report.error(page.url.as_str(), ErrorKind::Malformed);
        assert_eq!((page.tries, page.size), (1, 0));
    }
    assert_eq!(report.summary.errors, 2);
}

/// A content type decides whether there are links to look for.
pub fn only_html_has_links(crawl: Crawl) {
    let html = "<a href=/zoo/links/a></a>";
    let typed = |kind: &str| {
        answer("200 OK", &format!("Content-Type: {kind}\r\n"), html)
    };
    let web = Web::start([
        ("/html", typed("Text/HTML ; charset=utf-8")),
        ("/xhtml", typed("application/xhtml+xml")),
        ("/text", typed("text/plain")),
        ("/none", answer("200 OK", "", html)),
    ]);
    let mut options =
        options(["/html", "/xhtml", "/text", "/none"].map(|p| web.url(p)));
    options.max_tasks = 1;
    let report = run(crawl, &options);
    let links = |path| report.page(&web.url(path)).links;
    assert_eq!((links("/html"), links("/xhtml")), (1, 1));
    assert_eq!((links("/text"), links("/none")), (0, 0));
    assert_eq!(report.page(&web.url("/xhtml")).new_links, 0);
    let kind = report.page(&web.url("/text")).content_type.as_deref();
    assert_eq!(kind, Some("text/plain"));
}
