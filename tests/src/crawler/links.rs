//! Where links and redirects lead, and which of them are followed.

use support::cli::Crawl;
use support::crawl::ErrorKind;
use support::site::Site;

use super::help::{exclude, options, quick_site, run, visit};
use super::web::{Web, answer, page};

/// Every way to write a link is understood, and what is none is not followed.
pub fn every_way_to_write_a_link(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/links"]));
    let mut expected = [
        "",
        "%C3%A9",
        "absolute",
        "area",
        "entities?a=1&b=2",
        "link-next",
        "parent",
        "percent%20encoded",
        "protocol-relative",
        "relative",
        "same",
        "single-quoted",
        "unquoted",
        "upper-case",
        "white-space",
    ]
    .map(|name| format!("/zoo/links/{name}"))
    .to_vec();
    let page = report.page(&site.url("/zoo/links"));
    assert_eq!((page.links, page.new_links), (15, 15));
    assert!(expected.iter().all(|path| site.hits(path) == 1));
    expected.insert(0, "/zoo/links".to_string());
    assert_eq!(report.sorted_paths(), expected);
    assert_eq!(report.summary.errors, 0, "{:#?}", report.pages);
}

/// Pages that link in a circle, with other fragments at each visit: the end
/// comes all the same.
pub fn a_circle_of_links_ends(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/cycle/a"]));
    let circle = ["/zoo/cycle/a", "/zoo/cycle/b", "/zoo/cycle/c"];
    assert_eq!(report.paths(), circle);
    for (path, new_links) in circle.into_iter().zip([1, 1, 0]) {
        let page = report.page(&site.url(path));
        assert_eq!((page.links, page.new_links), (1, new_links));
        assert_eq!(site.hits(path), 1);
    }
}

/// Other hosts are counted as links and left alone. The same machine under
/// another name is another host, and so is another port.
pub fn other_hosts_are_not_followed(crawl: Crawl) {
    let site = quick_site();
    let other = quick_site();
    let web =
        Web::start([("/", page(&format!("<a href={}>", other.url("/"))))]);
    let mut options = visit(&site, ["/zoo/other-hosts", "/zoo/idn"]);
    options.roots.push(web.url("/").parse().unwrap());
    // The same host with TLS: what comes of that differs between the stages.
    exclude(&mut options, &["^https:"]);
    let report = run(crawl, &options);
    assert_eq!(
        report.sorted_paths(),
        ["/", "/zoo/idn", "/zoo/links/local", "/zoo/other-hosts"]
    );
    let links = |url: &str| {
        let page = report.page(url);
        (page.links, page.new_links)
    };
    assert_eq!(links(&site.url("/zoo/other-hosts")), (5, 1));
    assert_eq!(links(&site.url("/zoo/idn")), (1, 0));
    assert_eq!(links(&web.url("/")), (1, 0));
    assert_eq!(site.hits("/zoo/links/end"), 0);
    assert_eq!(other.connections(), 0);
}

/// Each host that a root names may be crawled, from wherever it is linked.
pub fn the_hosts_of_all_roots_are_followed(crawl: Crawl) {
    let site = quick_site();
    let link = format!("<a href={}>", site.url("/zoo/links/a"));
    let web = Web::start([("/", page(&link))]);
    let mut options = visit(&site, ["/zoo/links/b"]);
    options.roots.push(web.url("/").parse().unwrap());
    let report = run(crawl, &options);
    assert_eq!(report.page(&web.url("/")).new_links, 1);
    assert_eq!(report.page(&site.url("/zoo/links/a")).status, Some(200));
}

/// What matches a pattern is not followed, by link or by redirect.
pub fn excluded_urls_are_not_followed(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/", "/zoo/redirect/1"]);
    exclude(&mut options, &["/[135]$", "redirect/0"]);
    let report = run(crawl, &options);
    assert_eq!(
        report.sorted_paths(),
        ["/", "/2", "/4", "/6", "/7", "/8", "/9", "/zoo/redirect/1"]
    );
    let page = report.page(&site.url("/"));
    assert_eq!((page.links, page.new_links), (10, 6));
    let redirect = report.page(&site.url("/zoo/redirect/1"));
    assert_eq!((redirect.status, &redirect.error), (Some(302), &None));
    assert_eq!(site.hits("/zoo/redirect/0"), 0);
}

/// Every hop of a chain is reported, in order, and its end fetched.
pub fn redirects_are_followed_hop_by_hop(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/redirect/3"]));
    assert_eq!(report.paths(), chain(3, 0));
    for hop in 1..=3 {
        let page = report.page(&chain_url(&site, hop));
        assert_eq!((page.status, page.tries), (Some(302), 1));
        let target = page.redirect.as_ref().unwrap().as_str();
        assert_eq!(target, chain_url(&site, hop - 1));
        // The link in its body is the redirect's target, and not counted.
        assert_eq!((page.links, page.new_links), (0, 0));
    }
    let end = report.page(&chain_url(&site, 0));
    assert_eq!((end.status, end.redirect.as_ref()), (Some(200), None));
    assert_eq!(report.summary.errors, 0);
}

/// One redirect more than allowed is an error on the URL that sends it, and
/// its target is left alone. Exactly as many are fine.
pub fn a_chain_may_not_be_longer_than_the_limit(crawl: Crawl) {
    for (limit, last) in [(0, 3), (2, 1), (3, 0)] {
        let site = quick_site();
        let mut options = visit(&site, ["/zoo/redirect/3"]);
        options.max_redirects = limit;
        let report = run(crawl, &options);
        assert_eq!(report.paths(), chain(3, last));
        if limit == 3 {
            assert_eq!(report.summary.errors, 0);
            continue;
        }
        let url = chain_url(&site, last);
        let why = report.error(&url, ErrorKind::TooManyRedirects);
        assert!(why.contains(&format!("more than {limit} redirects")), "{why}");
        assert!(why.contains(&chain_url(&site, 3)), "{why}");
        let next = report.page(&url).redirect.as_ref().unwrap().as_str();
        assert_eq!(next, chain_url(&site, last - 1));
        assert_eq!(report.summary.errors, 1);
        assert_eq!(site.hits(&format!("/zoo/redirect/{}", last - 1)), 0);
    }
}

/// The limit that stands in the documentation.
pub fn the_default_limit_is_10_redirects(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/redirect/20"]));
    assert_eq!(report.paths(), chain(20, 10));
    report.error(&chain_url(&site, 10), ErrorKind::TooManyRedirects);
}

/// A redirect to where it began ends there.
pub fn a_loop_of_redirects_is_an_error(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/loop/a"]));
    assert_eq!(report.paths(), ["/zoo/loop/a", "/zoo/loop/b"]);
    let why = report.error(&site.url("/zoo/loop/b"), ErrorKind::RedirectLoop);
    assert!(why.contains(&site.url("/zoo/loop/a")), "{why}");
    assert_eq!(report.page(&site.url("/zoo/loop/a")).error, None);
    assert_eq!((site.hits("/zoo/loop/a"), site.hits("/zoo/loop/b")), (1, 1));
}

/// A redirect may lead to another host, which is then reported and not
/// followed, or to nothing at all, which is an error.
pub fn redirects_that_lead_away(crawl: Crawl) {
    let to = |target: &str| {
        answer("302 Found", &format!("Location: {target}\r\n"), "")
    };
    let web = Web::start([
        ("/away", to("http://other.invalid/x#y")),
        ("/nowhere", to("http://[/")),
        ("/self", to("/self#again")),
        ("/fragment", to("end#part")),
        ("/without", answer("302 Found", "", "")),
        ("/end", page("")),
    ]);
    let roots = ["/away", "/nowhere", "/self", "/fragment", "/without"];
    let report = run(crawl, &options(roots.map(|path| web.url(path))));
    let redirect = |path: &str| {
        let page = report.page(&web.url(path));
        page.redirect.as_ref().map(|target| target.as_str().to_string())
    };
    assert_eq!(redirect("/away").unwrap(), "http://other.invalid/x");
    assert_eq!(redirect("/fragment"), Some(web.url("/end")));
    assert_eq!(redirect("/without"), None);
    report.error(&web.url("/nowhere"), ErrorKind::Malformed);
    report.error(&web.url("/self"), ErrorKind::RedirectLoop);
    assert_eq!(report.page(&web.url("/end")).status, Some(200));
    assert_eq!(report.summary.errors, 2);
    assert_eq!(report.summary.pages, 6);
}

fn chain(from: usize, to: usize) -> Vec<String> {
    (to..=from).rev().map(|hop| format!("/zoo/redirect/{hop}")).collect()
}

fn chain_url(site: &Site, hop: usize) -> String {
    site.url(&format!("/zoo/redirect/{hop}"))
}
