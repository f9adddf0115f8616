//! Networks and servers that fail: what is tried again, and how often.

use std::net::{Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use support::cli::Crawl;
use support::crawl::ErrorKind;

use super::help::{options, quick_site, run, visit};
use super::web::Refusing;

/// Connections that break are tried again, as often as allowed.
pub fn broken_connections_are_tried_again(crawl: Crawl) {
    let site = quick_site();
    let animals = [
        ("/zoo/reset/head", ErrorKind::Network, "waiting for the end of the"),
        ("/zoo/reset/body", ErrorKind::Network, "waiting for the end of the"),
        ("/zoo/short", ErrorKind::Closed, "100 bytes so far"),
    ];
    let paths = animals.map(|(path, ..)| path);
    for (max_tries, hits) in [(1, 1), (4, 1 + 4)] {
        let mut options = visit(&site, paths.iter().chain(&["/"]));
        options.max_tries = max_tries;
        let report = run(crawl, &options);
        for (path, kind, what) in animals {
            let why = report.error(&site.url(path), kind);
            assert!(why.contains(what), "{path}: {why}");
            let page = report.page(&site.url(path));
            assert_eq!((page.status, page.size), (None, 0), "{path}");
            assert_eq!(page.tries, max_tries, "{path}");
            assert_eq!(site.hits(path), hits, "{path}");
        }
        assert_eq!(report.summary.errors, 3);
        assert_eq!(report.summary.statuses[&200], 10);
    }
}

/// What works at the second try is no error.
pub fn a_second_try_may_succeed(crawl: Crawl) {
    let site = quick_site();
    let report = run(crawl, &visit(&site, ["/zoo/reset/once"]));
    let page = &report.pages[0];
    assert_eq!((page.status, page.tries), (Some(200), 2));
    assert_eq!(page.error, None);
    assert_eq!(report.summary.errors, 0);
    assert_eq!(site.hits("/zoo/reset/once"), 2);
}

/// A port where nobody listens: the address is named.
pub fn a_refused_connection_names_the_address(crawl: Crawl) {
    let refusing = Refusing::start();
    let site = quick_site();
    let url = format!("http://{}/", refusing.address);
    let mut options = visit(&site, ["/"]);
    options.roots.push(url.parse().unwrap());
    options.ignore_robots = true;
    let report = run(crawl, &options);
    let why = report.error(&url, ErrorKind::Connect);
    let what = format!("cannot connect to {}", refusing.address);
    assert!(why.contains(&what), "{why}");
    assert_eq!(report.page(&url).tries, 4);
    assert_eq!(report.page(&url).status, None);
    // Nobody else is held up.
    assert_eq!(report.summary.statuses[&200], 10);
}

/// A name that does not exist is named, and holds nobody up. The top-level
/// domain `invalid` is reserved for this.
pub fn an_unknown_host_is_named(crawl: Crawl) {
    let site = quick_site();
    let url = "http://no-such-host.invalid/";
    let mut options = visit(&site, ["/"]);
    options.roots.push(url.parse().unwrap());
    options.max_tries = 2;
    let report = run(crawl, &options);
    let why = report.error(url, ErrorKind::Resolve);
    assert!(why.contains("no-such-host.invalid"), "{why}");
    assert_eq!(report.page(url).tries, 2);
    assert_eq!(report.summary.statuses[&200], 10);
}

/// `localhost` is `::1` first on most machines, and nobody listens there: the
/// next address is tried. Names and addresses are different hosts.
pub fn each_address_of_a_name_is_tried(crawl: Crawl) {
    let site = quick_site();
    let port = site.address().port();
    // Keep others from listening on this port of `::1`, if there is one.
    let _held = hold(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    let named = |path| format!("http://localhost:{port}{path}");
    let report = run(crawl, &options([named("/zoo/other-hosts")]));
    let page = report.page(&named("/zoo/other-hosts"));
    assert_eq!((page.status, page.tries), (Some(200), 1));
    // It links to both; the link to 127.0.0.1 is not followed.
    report.page(&named("/zoo/links/end"));
    report.page(&named("/zoo/links/local"));
    assert_eq!((report.summary.pages, report.summary.errors), (3, 0));
}

/// Success and failure side by side add up.
pub fn the_totals_add_up(crawl: Crawl) {
    let site = quick_site();
    let refusing = Refusing::start();
    let paths = ["/zoo/size/1000", "/zoo/size/24", "/zoo/status/304"];
    let mut options = visit(&site, paths);
    options.roots.push(site.url("/zoo/reset/head").parse().unwrap());
    options.roots.push(site.url("/private/").parse().unwrap());
    let refused = format!("http://{}/", refusing.address);
    options.roots.push(refused.parse().unwrap());
    let summary = run(crawl, &options).summary;
    assert_eq!((summary.pages, summary.errors), (6, 3));
    assert_eq!(summary.bytes, 1024);
    assert_eq!(summary.disallowed, 1);
    assert_eq!(
        summary.statuses.into_iter().collect::<Vec<_>>(),
        [(200, 2), (304, 1)]
    );
}

/// Binds a port and does not listen, as [`Refusing`] does, if it can.
fn hold(address: SocketAddr) -> Option<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).ok()?;
    socket.bind(&address.into()).ok()?;
    Some(socket)
}
