//! The policy, without any socket: jobs are answered from a table.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use regex_lite::Regex;
use url::Url;

use super::{
    CrawlOptions, ErrorKind, FetchError, Frontier, Job, Page, Summary,
};
use crate::http::Response;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn options(root: &str) -> CrawlOptions {
    CrawlOptions::new([url(root)])
}

fn html(body: &str) -> Response {
    Response {
        status: 200,
        reason: "OK".into(),
        content_type: Some("text/html; charset=utf-8".into()),
        body: body.into(),
        ..Response::default()
    }
}

fn status(status: u16, reason: &str) -> Response {
    Response { status, reason: reason.into(), ..Response::default() }
}

fn redirect(location: &str) -> Response {
    Response { location: Some(location.into()), ..status(302, "Found") }
}

fn refused() -> FetchError {
    FetchError::new(ErrorKind::Connect, "refused")
}

/// Crawls a world in which fetches take no time: a URL that is not in the
/// table is 404. Also gives the URLs in the order in which they were asked.
fn crawl_world(
    options: &CrawlOptions,
    world: &[(&str, Response)],
) -> (Vec<Page>, Summary, Vec<String>) {
    let world: BTreeMap<&str, &Response> =
        world.iter().map(|(url, response)| (*url, response)).collect();
    crawl_with(options, |job| {
        let found = world.get(job.url.as_str());
        Ok(found.map_or(status(404, "Not Found"), |r| (*r).clone()))
    })
}

fn crawl_with(
    options: &CrawlOptions,
    mut fetch: impl FnMut(&Job) -> super::Outcome,
) -> (Vec<Page>, Summary, Vec<String>) {
    let now = Instant::now();
    let mut frontier = Frontier::new(options, now);
    let mut pages = Vec::new();
    let mut asked = Vec::new();
    while let Some(job) = frontier.next(now) {
        asked.push(job.url.to_string());
        let outcome = fetch(&job);
        frontier.finish(job.id, outcome, now);
        pages.extend(frontier.take_pages());
    }
    pages.extend(frontier.take_pages());
    assert!(frontier.is_finished());
    (pages, frontier.summary(now, Vec::new()), asked)
}

fn urls(pages: &[Page]) -> Vec<&str> {
    pages.iter().map(|page| page.url.as_str()).collect()
}

fn error(page: &Page) -> Option<ErrorKind> {
    page.error.as_ref().map(|error| error.kind)
}

#[test]
fn links_are_followed_once_and_counted() {
    let world = [
        ("http://a/", html("<a href=/x><a href=/x#y><a href=/><a href=z>")),
        ("http://a/x", html("<a href=/z><a href=/new>")),
        ("http://a/z", html("")),
        ("http://a/new", html("")),
    ];
    let (pages, summary, _) = crawl_world(&options("http://a/#top"), &world);
    assert_eq!(
        urls(&pages),
        ["http://a/", "http://a/x", "http://a/z", "http://a/new"]
    );
    assert_eq!((pages[0].links, pages[0].new_links), (3, 2));
    assert_eq!((pages[1].links, pages[1].new_links), (2, 1));
    assert_eq!(summary.pages, 4);
    assert_eq!(summary.errors, 0);
    assert_eq!(summary.statuses, BTreeMap::from([(200, 4)]));
    assert!(!summary.interrupted);
}

#[test]
fn only_html_is_searched_for_links() {
    let mut text = html("<a href=/x>");
    text.content_type = Some("text/plain".into());
    let (pages, ..) =
        crawl_world(&options("http://a/"), &[("http://a/", text)]);
    assert_eq!(pages[0].links, 0);
    let mut none = html("<a href=/x>");
    none.content_type = None;
    let (pages, ..) =
        crawl_world(&options("http://a/"), &[("http://a/", none)]);
    assert_eq!(pages[0].links, 0);
    let mut xhtml = html("<a href=/x>");
    xhtml.content_type = Some("Application/XHTML+xml ;charset=x".into());
    let (pages, ..) =
        crawl_world(&options("http://a/"), &[("http://a/", xhtml)]);
    assert_eq!(pages[0].links, 1);
}

#[test]
fn the_limit_of_tasks_holds_and_is_reached() {
    let now = Instant::now();
    let mut options = options("http://a/0");
    options.roots = (0..5).map(|n| url(&format!("http://a/{n}"))).collect();
    options.max_tasks = 2;
    options.ignore_robots = true;
    let mut frontier = Frontier::new(&options, now);
    let first = frontier.next(now).unwrap();
    let _second = frontier.next(now).unwrap();
    assert!(frontier.next(now).is_none());
    frontier.finish(first.id, Ok(html("")), now);
    assert!(frontier.next(now).is_some());
    assert!(frontier.next(now).is_none());
    assert_eq!(frontier.summary(now, Vec::new()).max_in_flight, 2);
    // To finish a job twice, after a time-out say, does nothing.
    frontier.finish(first.id, Ok(html("")), now);
    assert!(frontier.next(now).is_none());
    assert!(frontier.summary(now, Vec::new()).interrupted);
}

#[test]
fn network_errors_are_tried_again_and_http_errors_are_not() {
    let mut options = options("http://a/");
    options.ignore_robots = true;
    options.max_tries = 3;
    let (pages, summary, asked) = crawl_with(&options, |_| Err(refused()));
    assert_eq!(asked.len(), 3);
    assert_eq!(pages[0].tries, 3);
    assert_eq!(error(&pages[0]), Some(ErrorKind::Connect));
    assert_eq!((summary.pages, summary.errors), (1, 1));

    let mut answers = vec![Ok(html("")), Err(refused())];
    let (pages, ..) = crawl_with(&options, |_| answers.pop().unwrap());
    assert_eq!((pages[0].tries, error(&pages[0])), (2, None));

    for kind in [ErrorKind::Malformed, ErrorKind::Unsupported] {
        let (pages, _, asked) =
            crawl_with(&options, |_| Err(FetchError::new(kind, "x")));
        assert_eq!((asked.len(), error(&pages[0])), (1, Some(kind)));
    }
    let (pages, _, asked) =
        crawl_with(&options, |_| Ok(status(503, "Service Unavailable")));
    assert_eq!((asked.len(), pages[0].status), (1, Some(503)));
    let message = &pages[0].error.as_ref().unwrap().message;
    assert_eq!(message, "503 Service Unavailable");
}

#[test]
fn time_is_summed_over_tries_and_pages() {
    let now = Instant::now();
    let mut options = options("http://a/");
    options.ignore_robots = true;
    let mut frontier = Frontier::new(&options, now);
    let second = Duration::from_secs(1);
    let job = frontier.next(now).unwrap();
    frontier.finish(job.id, Err(refused()), now + second);
    let job = frontier.next(now + 5 * second).unwrap();
    frontier.finish(job.id, Ok(html("")), now + 7 * second);
    assert_eq!(frontier.take_pages()[0].elapsed, 3 * second);
    let summary = frontier.summary(now + 8 * second, Vec::new());
    assert_eq!(summary.sequential, 3 * second);
    assert_eq!(summary.elapsed, 8 * second);
}

#[test]
fn each_redirect_is_a_line_and_its_target_a_url_of_its_own() {
    let world = [
        ("http://a/1", redirect("2#x")),
        ("http://a/2", redirect("http://a/3")),
        ("http://a/3", html("")),
    ];
    let (pages, ..) = crawl_world(&options("http://a/1"), &world);
    assert_eq!(urls(&pages), ["http://a/1", "http://a/2", "http://a/3"]);
    assert_eq!(pages[0].redirect, Some(url("http://a/2")));
    assert_eq!(pages[2].redirect, None);
    assert!(pages.iter().all(|page| page.error.is_none()));
}

#[test]
fn redirects_are_limited() {
    let world: Vec<(String, Response)> = (0..9)
        .map(|n| (format!("http://a/{n}"), redirect(&format!("{}", n + 1))))
        .collect();
    let world: Vec<_> =
        world.iter().map(|(url, r)| (url.as_str(), r.clone())).collect();
    for limit in [0, 3] {
        let mut options = options("http://a/0");
        options.max_redirects = limit;
        let (pages, ..) = crawl_world(&options, &world);
        assert_eq!(pages.len(), limit + 1);
        let last = &pages[limit];
        assert_eq!(error(last), Some(ErrorKind::TooManyRedirects));
        let message = &last.error.as_ref().unwrap().message;
        assert!(message.contains("http://a/0"), "{message}");
    }
}

#[test]
fn a_redirect_loop_is_an_error_where_it_closes() {
    let world =
        [("http://a/a", redirect("/b")), ("http://a/b", redirect("/a"))];
    let (pages, ..) = crawl_world(&options("http://a/a"), &world);
    let errors: Vec<_> = pages.iter().map(error).collect();
    assert_eq!(errors, [None, Some(ErrorKind::RedirectLoop)]);
    let itself = [("http://a/a", redirect("/a"))];
    let (pages, ..) = crawl_world(&options("http://a/a"), &itself);
    assert_eq!(error(&pages[0]), Some(ErrorKind::RedirectLoop));
}

#[test]
fn a_redirect_without_or_with_a_broken_location() {
    let (pages, ..) = crawl_world(
        &options("http://a/"),
        &[("http://a/", status(302, "Found"))],
    );
    assert_eq!((error(&pages[0]), pages[0].status), (None, Some(302)));
    let world = [("http://a/", redirect("http://[/"))];
    let (pages, ..) = crawl_world(&options("http://a/"), &world);
    assert_eq!(error(&pages[0]), Some(ErrorKind::Malformed));
}

#[test]
fn a_redirect_to_another_host_is_reported_and_not_followed() {
    let world = [("http://a/", redirect("http://b/"))];
    let (pages, ..) = crawl_world(&options("http://a/"), &world);
    assert_eq!(urls(&pages), ["http://a/"]);
    assert_eq!(pages[0].redirect, Some(url("http://b/")));
    assert_eq!(error(&pages[0]), None);
}

#[test]
fn hosts_near_a_root() {
    for (root, link, strict, lenient) in [
        ("http://a.com/", "http://a.com/x", true, true),
        ("http://a.com/", "http://www.a.com/x", true, true),
        ("http://www.a.com/", "http://a.com/x", true, true),
        ("http://a.com/", "https://a.com/x", true, true),
        ("http://a.com/", "http://b.a.com/x", false, true),
        ("http://b.a.com/", "http://c.a.com/x", false, true),
        ("http://a.com/", "http://nota.com/x", false, false),
        ("http://a.com/", "http://a.com:81/x", false, false),
        ("http://a.com:81/", "http://a.com:81/x", true, true),
        ("http://1.2.3.4/", "http://1.2.3.4/x", true, true),
        ("http://1.2.3.4/", "http://9.9.3.4/x", false, false),
        ("http://localhost/", "http://localhost/x", true, true),
    ] {
        let page = html(&format!("<a href='{link}'>"));
        for (is_lenient, expected) in [(false, strict), (true, lenient)] {
            let mut options = options(root);
            options.lenient = is_lenient;
            let (pages, ..) = crawl_world(&options, &[(root, page.clone())]);
            let followed = pages.len() == 2;
            assert_eq!(followed, expected, "{root} {link} {is_lenient}");
        }
    }
}

#[test]
fn excluded_urls_are_not_followed() {
    let mut options = options("http://a/");
    options.exclude = vec![Regex::new("/no").unwrap()];
    options.exclude.push(Regex::new(r"\.css$").unwrap());
    let page = html("<a href=/no/1><a href=/x.css><a href=/yes>");
    let (pages, ..) = crawl_world(&options, &[("http://a/", page)]);
    assert_eq!(urls(&pages), ["http://a/", "http://a/yes"]);
    assert_eq!((pages[0].links, pages[0].new_links), (3, 1));
}

#[test]
fn the_limit_of_pages_is_exact() {
    let mut options = options("http://a/");
    options.max_pages = Some(2);
    let page = html("<a href=/1><a href=/2><a href=/3>");
    let (pages, summary, asked) = crawl_world(&options, &[("http://a/", page)]);
    assert_eq!(pages.len(), 2);
    assert_eq!(asked, ["http://a/robots.txt", "http://a/", "http://a/1"]);
    assert!(!summary.interrupted);
}

#[test]
fn robots_txt_comes_first_once_per_site_and_is_not_reported() {
    let mut options = options("http://a/");
    options.roots.push(url("http://b/"));
    let world = [
        ("http://a/robots.txt", html("User-agent: *\nDisallow: /private")),
        ("http://a/", html("<a href=/private/x><a href=/x>")),
    ];
    let (pages, summary, asked) = crawl_world(&options, &world);
    assert_eq!(urls(&pages), ["http://a/", "http://b/", "http://a/x"]);
    assert_eq!(
        asked,
        [
            "http://a/robots.txt",
            "http://a/",
            "http://b/robots.txt",
            "http://b/",
            "http://a/x"
        ]
    );
    assert_eq!((summary.disallowed, summary.pages), (1, 3));
}

#[test]
fn other_jobs_wait_for_robots_txt() {
    let now = Instant::now();
    let mut options = options("http://a/1");
    options.roots.push(url("http://a/2"));
    let mut frontier = Frontier::new(&options, now);
    let robots = frontier.next(now).unwrap();
    assert_eq!(robots.url.path(), "/robots.txt");
    assert!(frontier.next(now).is_none());
    assert!(!frontier.is_finished());
    frontier.finish(robots.id, Ok(status(404, "Not Found")), now);
    assert_eq!(frontier.next(now).unwrap().url.path(), "/1");
    assert_eq!(frontier.next(now).unwrap().url.path(), "/2");
}

#[test]
fn robots_txt_names_this_crawler() {
    let text = "User-agent: coroutine-crawler\nDisallow: /\n\
                User-agent: *\nAllow: /";
    let world = [("http://a/robots.txt", html(text))];
    let (pages, ..) = crawl_world(&options("http://a/"), &world);
    assert_eq!(error(&pages[0]), Some(ErrorKind::Robots));
    let mut options = options("http://a/");
    options.ignore_robots = true;
    let (pages, _, asked) = crawl_world(&options, &world);
    assert_eq!(error(&pages[0]), Some(ErrorKind::Status));
    assert_eq!(asked, ["http://a/"]);
}

#[test]
fn robots_txt_that_cannot_be_had_forbids_everything() {
    // Its error is the error of what waits for it.
    let mut options = options("http://a/1");
    options.roots.push(url("http://a/2"));
    let (pages, summary, asked) = crawl_with(&options, |_| Err(refused()));
    assert_eq!(asked, ["http://a/robots.txt"; 4]);
    assert_eq!(urls(&pages), ["http://a/1", "http://a/2"]);
    assert!(pages.iter().all(|p| error(p) == Some(ErrorKind::Connect)));
    assert!(pages.iter().all(|page| page.tries == 4));
    assert_eq!((summary.pages, summary.errors), (2, 2));

    let (pages, _, asked) = crawl_with(&options, |_| Ok(status(500, "Oops")));
    assert_eq!((asked.len(), pages.len()), (1, 2));
    assert_eq!(error(&pages[0]), Some(ErrorKind::Robots));
    let message = &pages[0].error.as_ref().unwrap().message;
    assert!(message.contains("http://a/robots.txt"), "{message}");
}

#[test]
fn robots_txt_that_says_nothing_allows_everything() {
    let malformed = || FetchError::new(ErrorKind::Malformed, "x");
    for answer in [Ok(status(403, "Forbidden")), Err(malformed())] {
        let (pages, ..) =
            crawl_with(&options("http://a/"), |job| match job.url.path() {
                "/robots.txt" => answer.clone(),
                _ => Ok(html("")),
            });
        assert_eq!(error(&pages[0]), None);
    }
}

#[test]
fn robots_txt_may_be_redirected() {
    let world = [
        ("http://a/robots.txt", redirect("http://b/rules")),
        ("http://b/rules", html("User-agent: *\nDisallow: /")),
        ("http://a/", html("")),
    ];
    let (pages, _, asked) = crawl_world(&options("http://a/"), &world);
    assert_eq!(asked, ["http://a/robots.txt", "http://b/rules"]);
    assert_eq!(error(&pages[0]), Some(ErrorKind::Robots));
    // To https, which this crawler may not speak: there may be rules.
    let (pages, ..) =
        crawl_with(&options("http://a/"), |job| match job.url.scheme() {
            "https" => Err(FetchError::no_tls()),
            _ => Ok(redirect("https://a/robots.txt")),
        });
    assert_eq!(error(&pages[0]), Some(ErrorKind::Unsupported));
    let message = &pages[0].error.as_ref().unwrap().message;
    assert!(message.starts_with("https://a/robots.txt: "), "{message}");
    // To what is no web page: there are no rules.
    let world = [
        ("http://a/robots.txt", redirect("mailto:x@y")),
        ("http://a/", html("")),
    ];
    let (pages, _, asked) = crawl_world(&options("http://a/"), &world);
    assert_eq!(asked, ["http://a/robots.txt", "http://a/"]);
    assert_eq!(error(&pages[0]), None);
    let world = [("http://a/robots.txt", redirect("/robots.txt"))];
    let (pages, ..) = crawl_world(&options("http://a/"), &world);
    assert_eq!(error(&pages[0]), Some(ErrorKind::Status));
}

#[test]
fn a_body_that_was_cut_off_is_an_error_and_its_links_count() {
    let mut page = html("<a href=/x>");
    page.cut_off = true;
    let (pages, ..) =
        crawl_world(&options("http://a/"), &[("http://a/", page)]);
    assert_eq!(error(&pages[0]), Some(ErrorKind::TooLarge));
    assert_eq!((pages.len(), pages[0].size), (2, 11));
}
