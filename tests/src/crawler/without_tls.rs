//! What a stage without TLS says to `https`.

use std::io;

use support::Interrupt;
use support::cli::Crawl;
use support::crawl::ErrorKind;

use super::help::{quick_site, run, visit};

/// A link to `https` is an error on that URL alone, in one line, at once.
pub fn https_is_an_error_on_that_url_alone(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/zoo/other-hosts"]);
    options.roots.push("https://tls.invalid/".parse().unwrap());
    let report = run(crawl, &options);
    let link = format!("https://{}/", site.address());
    for url in [&link, "https://tls.invalid/"] {
        let why = report.error(url, ErrorKind::Unsupported);
        assert!(why.contains("TLS") && !why.contains('\n'), "{why}");
        assert_eq!(report.page(url).tries, 1);
    }
    assert_eq!(report.summary.errors, 2);
    assert_eq!(report.page(&site.url("/zoo/links/local")).status, Some(200));
    // It did not even knock: `robots.txt` and the two pages.
    assert_eq!(site.connections(), 3);
}

/// A root certificate to trust is refused before anything is fetched.
pub fn a_root_certificate_is_refused(crawl: Crawl) {
    let site = quick_site();
    let mut options = visit(&site, ["/"]);
    options.ca_file = Some("ca.pem".into());
    let error = crawl(&options, &mut |_| {}, &Interrupt::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("--ca-file"), "{error}");
    assert_eq!(site.connections(), 0);
}
