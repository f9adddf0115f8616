//! What a command line shows of the programs: arguments, report, exit
//! status. Every test runs for each stage.

mod crawler;
#[cfg(unix)]
mod ctrl_c;
mod echo_server;
mod practice_site;
mod report;
mod stdout;
mod trace;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::site::{Site, SiteOptions};
use tests::programs::{DEADLINE, Finished, Stage, run};

/// A site whose plain pages come at once.
fn quick_site() -> Site {
    let delay = Duration::ZERO;
    let options = SiteOptions { delay, ..SiteOptions::default() };
    Site::start(&options).expect("a free port")
}

/// Runs the stage's crawler to its end.
fn crawl(stage: &Stage, args: &[&str]) -> Finished {
    run(stage.crawler().args(args))
}

/// The one line in `text`.
#[track_caller]
fn only_line(text: &str) -> &str {
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0]
}

/// Each line as JSON.
#[track_caller]
fn json_lines(text: &str) -> Vec<Value> {
    assert!(text.ends_with('\n'), "the last line is cut off: {text:?}");
    let parse = |line| match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => panic!("{error}: {line:?}"),
    };
    text.lines().map(parse).collect()
}

/// A `command` with wrong arguments: it does nothing but say what is wrong.
#[track_caller]
fn assert_usage_error(command: &mut Command, parts: &[&str]) {
    let ended = run(command);
    assert_eq!(ended.code, Some(2), "{command:?}: {ended}");
    assert_eq!(ended.stdout, "", "{command:?}");
    let line = ended.stderr.lines().next().unwrap_or_default();
    for part in parts {
        assert!(line.contains(part), "no {part:?} in {line:?}");
    }
}

/// A port that nobody listens on.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// A connection that fails rather than wait forever.
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, DEADLINE);
    let stream = stream.expect("somebody listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("not zero");
    stream
}

/// What a server answers to a request for `path`.
fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}
