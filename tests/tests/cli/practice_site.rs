//! The practice site's own program.

use std::process::Command;

use support::site::{Site, SiteOptions};
use tests::programs::{Profile, Running, program, run};

use crate::{assert_usage_error, get, only_line};

fn site() -> Command {
    Command::new(program("support", "site", Profile::of_the_tests()))
}

#[test]
fn it_prints_its_address_and_serves_its_pages() {
    let mut command = site();
    command.args(["--port=0", "--delay=0s", "--pages=3"]);
    let mut site = Running::start(&mut command);
    let line = site.line();
    let url = line.split(' ').find_map(|word| word.strip_prefix("http://"));
    let address = url.and_then(|url| url.trim_end_matches('/').parse().ok());
    let address = address.unwrap_or_else(|| panic!("no address: {line}"));

    let answer = get(address, "/2");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(answer.matches("<a href").count(), 3, "{answer}");
    assert!(get(address, "/3").starts_with("HTTP/1.1 404 "));
    assert!(get(address, "/zoo/").starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_port_in_use_is_named() {
    let other = Site::start(&SiteOptions::default()).expect("a free port");
    let address = other.address();
    let ended = run(site().arg(format!("--port={}", address.port())));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let line = only_line(&ended.stderr);
    assert!(line.contains(&address.to_string()), "{line}");
}

#[test]
fn wrong_arguments_are_named() {
    assert_usage_error(site().arg("--port=70000"), &["--port", "'70000'"]);
    assert_usage_error(site().arg("--delay=soon"), &["--delay", "'soon'"]);
    assert_usage_error(site().arg("--pages=-1"), &["--pages", "'-1'"]);
    let help = run(site().arg("--help"));
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{help}");
}
