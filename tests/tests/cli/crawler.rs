//! The crawler's arguments and its exit status.

use tests::programs::each_stage;

use crate::{assert_usage_error, closed_port, crawl, only_line, quick_site};

#[test]
fn without_a_url_it_crawls_a_practice_site() {
    each_stage(|stage| {
        let ended = crawl(stage, &[]);
        assert_eq!(ended.code, Some(0), "{ended}");
        assert!(only_line(&ended.stderr).contains("no URL given"), "{ended}");
        let pages = ended.stdout.lines().filter(|l| l.starts_with("200 "));
        assert_eq!(pages.count(), 10, "{ended}");

        let last = ended.stdout.lines().last().unwrap_or_default();
        assert!(last.starts_with("10 pages in "), "{last}");
        assert!(last.ends_with("; at most 10 in flight"), "{last}");
        // The site itself sees to it that each page takes a second.
        let sum = last.split(' ').skip_while(|w| *w != "another:").nth(1);
        let sum: f64 = sum.and_then(|s| s.parse().ok()).expect(last);
        assert!(sum >= 10.0, "{last}");
    });
}

#[test]
fn max_pages_is_the_most_that_are_fetched() {
    each_stage(|stage| {
        let site = quick_site();
        let ended = crawl(stage, &["--max-pages", "4", &site.url("/")]);
        assert_eq!(ended.code, Some(0), "{ended}");
        assert!(ended.stdout.contains("\n4 pages in "), "{ended}");
        let robots = 1;
        assert_eq!(site.connections(), 4 + robots);
    });
}

#[test]
fn what_matches_an_exclude_is_not_followed() {
    each_stage(|stage| {
        let site = quick_site();
        let excludes = ["--exclude", "/[3-6]$", "--exclude", "/9"];
        let ended = crawl(stage, &[&excludes[..], &[&site.url("/")]].concat());
        assert_eq!(ended.code, Some(0), "{ended}");
        let fetched = |n: &usize| site.hits(&format!("/{n}")) > 0;
        let fetched: Vec<usize> = (1..10).filter(fetched).collect();
        assert_eq!(fetched, [1, 2, 7, 8], "{ended}");
    });
}

#[test]
fn robots_txt_is_honoured_unless_it_is_to_be_ignored() {
    each_stage(|stage| {
        let site = quick_site();
        let url = site.url("/private/");
        let ended = crawl(stage, &[&url]);
        assert_eq!(ended.code, Some(1), "{ended}");
        assert!(ended.stdout.contains("robots"), "{ended}");
        assert_eq!(site.hits("/private/"), 0);
        let ended = crawl(stage, &["--ignore-robots", &url]);
        assert_eq!(ended.code, Some(0), "{ended}");
        assert_eq!(site.hits("/private/"), 1);
        assert_eq!(site.hits("/robots.txt"), 1);
    });
}

#[test]
fn wrong_arguments_are_named() {
    each_stage(|stage| {
        for (option, value) in [
            ("--exclude", "(a"),
            ("--max-tasks", "0"),
            ("--max-tasks", "many"),
            ("--max-redirects", "-1"),
            ("--max-tries", "0"),
            ("--max-pages", "1.5"),
            ("--max-body", "1MB"),
            ("--timeout", "soon"),
            ("--timeout", "-1s"),
            ("--format", "xml"),
        ] {
            let wrong = format!("{option}={value}");
            let mut command = stage.crawler();
            command.args([&wrong, "http://127.0.0.1:1/"]);
            let quoted = format!("'{value}'");
            assert_usage_error(&mut command, &["error: ", option, &quoted]);
        }
        for url in ["http://[", "ftp://127.0.0.1/", "http://", "a b"] {
            let mut command = stage.crawler();
            let quoted = format!("'{url}'");
            assert_usage_error(command.arg(url), &["error: ", &quoted]);
        }
        assert_usage_error(stage.crawler().arg("--deep"), &["'--deep'"]);
        assert_usage_error(stage.crawler().args(["-q", "-v"]), &["-q", "-v"]);
    });
}

#[test]
fn without_tls_a_root_certificate_is_refused() {
    each_stage(|stage| {
        if stage.tls {
            return;
        }
        let mut command = stage.crawler();
        command.args(["--ca-file", "x", "http://127.0.0.1:1/"]);
        assert_usage_error(&mut command, &["--ca-file", "TLS"]);
        let ended = tests::programs::run(&mut command);
        only_line(&ended.stderr);
    });
}

#[test]
fn without_tls_https_is_an_error_of_that_url_alone() {
    each_stage(|stage| {
        if stage.tls {
            return;
        }
        let site = quick_site();
        let secure = format!("https://{}/", closed_port());
        let ended = crawl(stage, &["--max-pages=2", &secure, &site.url("/")]);
        assert_eq!(ended.code, Some(1), "{ended}");
        assert_eq!(ended.stderr, "");
        let lines = |text: &str| {
            ended.stdout.lines().filter(|l| l.contains(text)).count()
        };
        assert_eq!(lines(&format!("--- {secure}  unsupported: https")), 1);
        assert_eq!(lines(&format!("200 {}", site.url("/"))), 1, "{ended}");
    });
}

#[test]
fn a_url_that_fails_makes_the_exit_status_1() {
    each_stage(|stage| {
        let site = quick_site();
        let missing = site.url("/zoo/status/404");
        let ended = crawl(stage, &[&missing]);
        assert_eq!(ended.code, Some(1), "{ended}");
        let line = format!("404 {missing}  ");
        assert!(ended.stdout.starts_with(&line), "{ended}");

        let refused = format!("http://{}/", closed_port());
        let ended = crawl(stage, &[&refused]);
        assert_eq!(ended.code, Some(1), "{ended}");
        let line = format!("--- {refused}  connect: ");
        assert!(ended.stdout.starts_with(&line), "{ended}");
        assert!(ended.stdout.contains("(4 tries)"), "{ended}");
    });
}

#[test]
fn a_missing_scheme_means_http() {
    each_stage(|stage| {
        let site = quick_site();
        let host = site.address().to_string();
        let ended = crawl(stage, &["--max-pages=1", &host]);
        assert_eq!(ended.code, Some(0), "{ended}");
        let line = format!("200 http://{host}/  ");
        assert!(ended.stdout.starts_with(&line), "{ended}");
    });
}

#[test]
fn an_international_name_is_looked_up_in_ascii() {
    each_stage(|stage| {
        // No name ends in ".invalid" (RFC 2606). Where there is no name
        // service, finding that out may take longer than the time-out.
        let limits = ["--max-tries=1", "--timeout=5s"];
        let ended = crawl(stage, &[&limits[..], &["bücher.invalid"]].concat());
        assert_eq!(ended.code, Some(1), "{ended}");
        let line = "--- http://xn--bcher-kva.invalid/  ";
        assert!(ended.stdout.starts_with(line), "{ended}");
    });
}

#[test]
fn help_and_version_are_no_errors() {
    each_stage(|stage| {
        let help = crawl(stage, &["--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{help}");
        for option in "max-tasks max-redirects max-tries timeout max-body \
             max-pages exclude lenient format trace ignore-robots ca-file"
            .split(' ')
        {
            assert!(help.stdout.contains(&format!(" --{option}")), "{option}");
        }
        let version = crawl(stage, &["--version"]);
        assert_eq!(version.code, Some(0), "{version}");
        let line = only_line(&version.stdout);
        assert!(line.starts_with("crawler 0."), "{line}");
    });
}
