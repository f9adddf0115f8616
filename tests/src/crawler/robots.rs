//! `robots.txt`: asked for first, once a host, and honoured.

use support::cli::Crawl;
use support::crawl::ErrorKind;

use super::help::{exclude, options, quick_site, run, visit};
use super::web::{Refusing, Web, answer, page};

/// A link that `robots.txt` forbids is not followed, and that is counted.
pub fn forbidden_links_are_not_followed(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/"]);
    // Of all that the index links to, leave `/private/` only.
    exclude(&mut options, &["/zoo/."]);
    let report = run(crawl, &options);
    assert_eq!(report.paths(), ["/zoo/"]);
    assert_eq!(report.pages[0].new_links, 1);
    assert_eq!(report.summary.disallowed, 1);
    assert_eq!(report.summary.errors, 0);
    assert_eq!(site.hits("/private/"), 0);
}

/// Whoever asks for a forbidden URL is told why it is not fetched.
pub fn a_forbidden_root_is_an_error(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/private/", "/zoo/links/a"]));
    let url = site.url("/private/");
    let why = report.error(&url, ErrorKind::Robots);
    assert!(why.contains("--ignore-robots"), "{why}");
    let page = report.page(&url);
    assert_eq!((page.status, page.tries), (None, 0));
    assert_eq!(report.page(&site.url("/zoo/links/a")).status, Some(200));
    assert_eq!((report.summary.disallowed, report.summary.errors), (1, 1));
    assert_eq!(site.hits("/private/"), 0);
}

/// Whoever does not want to know is not asked to wait for it either.
pub fn ignored_robots_are_not_even_asked_for(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/private/"]);
    options.ignore_robots = true;
    let report = run(crawl, &options);
    assert_eq!(report.pages[0].status, Some(200));
    assert_eq!(report.summary.disallowed, 0);
    assert_eq!(site.hits("/robots.txt"), 0);
    assert_eq!(site.hits("/private/"), 1);
}

/// However many URLs wait for it. Another name is another host.
pub fn robots_are_asked_for_once_a_host(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, site.paths()));
    assert_eq!(report.summary.pages, 10);
    assert_eq!(site.hits("/robots.txt"), 1);

    let other = format!("http://localhost:{}/1", site.address().port());
    let mut options = visit(&site, ["/1"]);
    options.max_pages = Some(2);
    options.roots.push(other.parse().unwrap());
    let report = run(crawl, &options);
    assert_eq!(report.summary.pages, 2);
    assert_eq!(site.hits("/robots.txt"), 1 + 2);
}

/// `robots.txt` may speak to this crawler by its name; it comes first, and it
/// is no page of the report.
pub fn the_rules_for_this_crawler_apply(crawl: Crawl) {
    let rules = format!(
        "User-agent: *\nDisallow: /a\n\n\
         User-agent: {}\nDisallow: /b\n",
        support::http::ROBOT_NAME
    );
    let web = Web::start([
        ("/robots.txt", answer("200 OK", "", &rules)),
        ("/", page("<a href=a></a><a href=b></a>")),
        ("/a", page("")),
    ]);
    let report = run(crawl, &options([web.url("/")]));
    assert_eq!(report.paths(), ["/", "/a"]);
    assert_eq!(report.summary.disallowed, 1);
    assert_eq!(web.targets(), ["/robots.txt", "/", "/a"]);
}

/// No `robots.txt`, or one that is no HTTP: everything is allowed.
pub fn without_robots_everything_is_allowed(crawl: Crawl) {
    for no_robots in [
        answer("404 Not Found", "", "Disallow: /"),
        answer("410 Gone", "", ""),
        answer("403 Forbidden", "", ""),
        "SSH-2.0-OpenSSH_9.9\r\n".to_string(),
    ] {
        let web = Web::start([("/robots.txt", no_robots), ("/", page(""))]);
        let report = run(crawl, &options([web.url("/")]));
        assert_eq!(report.paths(), ["/"]);
        assert_eq!(report.pages[0].status, Some(200));
        assert_eq!(web.targets(), ["/robots.txt", "/"]);
    }
}

/// A server that cannot say what is allowed allows nothing.
pub fn robots_of_a_server_in_trouble_forbid_everything(crawl: Crawl) {
    let trouble = answer("503 Service Unavailable", "", "");
    let web = Web::start([("/robots.txt", trouble)]);
    let urls = ["/a", "/b"].map(|path| web.url(path));
    let report = run(crawl, &options(&urls));
    for url in &urls {
        let why = report.error(url, ErrorKind::Robots);
        let what = format!("{} answered 503", web.url("/robots.txt"));
        assert!(why.contains(&what), "{why}");
        assert_eq!(report.page(url).status, None);
    }
    assert_eq!(report.summary.errors, 2);
    assert_eq!(web.targets(), ["/robots.txt"]);
}

/// A host that cannot be reached is reported on each of its URLs, with the
/// tries that it took.
pub fn robots_that_cannot_be_reached_are_each_urls_error(crawl: Crawl) {
    let refusing = Refusing::start();
    let web = Web::start([("/robots.txt", "")]);
    let host = format!("http://{}", refusing.address);
    let urls = [host.clone() + "/a", host + "/b", web.url("/c")];
    let kinds = [ErrorKind::Connect, ErrorKind::Connect, ErrorKind::Closed];
    let mut options = options(&urls);
    options.max_tries = 3;
    let report = run(crawl, &options);
    for (url, kind) in urls.iter().zip(kinds) {
        report.error(url, kind);
        assert_eq!(report.page(url).tries, 3);
    }
    assert_eq!(report.summary.pages, 3);
    assert_eq!(web.targets(), ["/robots.txt"; 3]);
}

/// A redirect of `robots.txt` is followed, and not reported.
pub fn redirects_of_robots_are_followed(crawl: Crawl) {
    let to =
        |target| answer("301 Moved", &format!("Location: {target}\r\n"), "");
    let web = Web::start([
        ("/robots.txt", to("/first")),
        ("/first", to("http://ADDRESS/rules")),
        ("/rules", answer("200 OK", "", "User-agent: *\nDisallow: /a")),
        ("/", page("<a href=a>")),
    ]);
    let report = run(crawl, &options([web.url("/")]));
    assert_eq!(report.paths(), ["/"]);
    assert_eq!(report.summary.disallowed, 1);
    assert_eq!(web.targets(), ["/robots.txt", "/first", "/rules", "/"]);
}

/// A loop of such redirects ends, at the limit for redirects.
pub fn a_loop_of_redirects_of_robots_ends(crawl: Crawl) {
    let around = answer("301 Moved", "Location: /robots.txt\r\n", "");
    let web = Web::start([("/robots.txt", around), ("/", page(""))]);
    let mut options = options([web.url("/")]);
    options.max_redirects = 2;
    let report = run(crawl, &options);
    assert_eq!(report.pages[0].status, Some(200));
    let asked = ["/robots.txt", "/robots.txt", "/robots.txt", "/"];
    assert_eq!(web.targets(), asked);
}
