//! What Ctrl-C does to both programs.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};
use support::site::Site;
use tests::programs::{
    DEADLINE, Finished, Running, Stage, TempDir, each_stage, until,
};

use crate::{connect, echo_server, json_lines, quick_site};

/// Interrupts a crawl that waits for a page that never comes; all others
/// have been reported.
fn interrupted_crawl(stage: &Stage, args: &[&str]) -> (Site, Finished) {
    signalled_crawl(stage, "INT", args)
}

fn signalled_crawl(
    stage: &Stage,
    signal: &str,
    args: &[&str],
) -> (Site, Finished) {
    let site = quick_site();
    let silent = site.url("/zoo/silent");
    let mut command = stage.crawler();
    command.args(args).args(["--exclude=/[0-9]$", &site.url("/"), &silent]);
    let mut crawler = Running::start(&mut command);
    assert!(crawler.line().contains(&site.url("/")));
    until("the page is asked for", || site.hits("/zoo/silent") == 1);
    crawler.signal(signal);
    (site, crawler.finish())
}

#[test]
fn sigterm_does_the_same() {
    each_stage(|stage| {
        let (_, ended) = signalled_crawl(stage, "TERM", &[]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""));
        assert!(ended.stdout.contains("\ninterrupted, 1 still"), "{ended}");

        let (server, _) = echo_server::start(stage, &[]);
        server.signal("TERM");
        let ended = server.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains("\n0 connections, "), "{ended}");
    });
}

/// What breaks in the last moment is nobody's mistake.
#[test]
fn connections_that_break_at_the_end_are_no_errors() {
    each_stage(|stage| {
        let (server, address) = echo_server::start(stage, &[]);
        let mut clients: Vec<_> = (0..20).map(|_| connect(address)).collect();
        for client in &mut clients {
            client.write_all(b"a").unwrap();
            client.read_exact(&mut [0]).unwrap();
            // It closes with a reset.
            SockRef::from(&*client).set_linger(Some(Duration::ZERO)).unwrap();
        }
        clients.truncate(10);
        server.signal("INT");
        drop(clients);
        let ended = server.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    });
}

#[test]
fn the_report_so_far_is_printed_and_what_is_waited_for() {
    each_stage(|stage| {
        let (site, ended) = interrupted_crawl(stage, &[]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""));
        let waiting = ended.stdout.lines().nth(1).unwrap_or_default();
        let url = site.url("/zoo/silent");
        assert!(waiting.starts_with(&format!("... {url}  for ")), "{ended}");
        assert!(waiting.contains("waiting for the end of the response head"));
        assert!(ended.stdout.contains("\ninterrupted, 1 still"), "{ended}");
        let last = ended.stdout.lines().last().unwrap_or_default();
        assert!(last.starts_with("1 page in "), "{ended}");
    });
}

#[test]
fn json_has_it_all_too() {
    each_stage(|stage| {
        let (site, ended) = interrupted_crawl(stage, &["--format=json"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""));
        let lines = json_lines(&ended.stdout);
        assert_eq!(lines.len(), 3, "{ended}");
        assert_eq!(lines[0]["url"], site.url("/"));
        assert_eq!(lines[1]["waiting"], true);
        assert_eq!(lines[1]["url"], site.url("/zoo/silent"));
        assert_eq!(lines[1]["waiting_for"], "the end of the response head");
        assert!(lines[1]["elapsed_s"].is_f64(), "{ended}");
        assert_eq!(lines[2]["summary"], true);
        assert_eq!(lines[2]["interrupted"], true);
        assert_eq!(lines[2]["pages"], 1);
    });
}

/// A task knows the line in which it waits: in stage 4, where it has one.
#[test]
fn the_line_that_waits_is_named_where_a_stage_knows_it() {
    each_stage(|stage| {
        let knows = stage.name == "stage4-async-await";
        let start = "recv at stage4-async-await/src/crawler.rs:";
        let (_, ended) = interrupted_crawl(stage, &["--format=json"]);
        let lines = json_lines(&ended.stdout);
        match &lines[1]["at"] {
            Value::String(at) if knows => assert_line(at, start),
            at => assert!(!knows && at.is_null(), "{ended}"),
        }

        let (_, ended) = interrupted_crawl(stage, &[]);
        let line = ended.stdout.lines().nth(1).unwrap_or_default();
        match line.split_once("response head, in ") {
            Some((_, at)) if knows => assert_line(at, start),
            at => assert!(!knows && at.is_none(), "{ended}"),
        }
    });
}

/// Whether `at` is `start` and the number of a line.
#[track_caller]
fn assert_line(at: &str, start: &str) {
    let line = at.strip_prefix(start).and_then(|line| line.parse().ok());
    assert!(line.is_some_and(|line: u32| line > 0), "{at}");
}

#[test]
fn the_trace_is_complete() {
    each_stage(|stage| {
        let dir = TempDir::new();
        let file = dir.path().join("trace");
        let path = file.to_str().expect("it is ASCII");
        let (_, ended) = interrupted_crawl(stage, &["--trace", path]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""));
        let events = json_lines(&fs::read_to_string(file).expect("a file"));
        assert!(events.iter().any(|e| is_state(e, "response head")));
    });
}

/// Whether the event says that the page that never comes is waited for.
fn is_state(event: &Value, state: &str) -> bool {
    let has = |field: &str, text| {
        event[field].as_str().is_some_and(|value| value.contains(text))
    };
    has("machine", "/zoo/silent") && has("state", state)
}

#[test]
fn the_echo_server_prints_its_totals() {
    each_stage(|stage| {
        let dir = TempDir::new();
        let file = dir.path().join("trace");
        let path = file.to_str().expect("it is ASCII");
        let (mut server, address) =
            echo_server::start(stage, &["--trace", path]);
        let mut first = connect(address);
        for stream in [&mut first, &mut connect(address)] {
            stream.write_all(b"abc").expect("it reads");
            let mut answer = [0; 3];
            stream.read_exact(&mut answer).expect("it answers");
        }
        // Without pending output an open connection is no reason to wait.
        server.interrupt();
        let line = server.line();
        assert_eq!(line, "2 connections, 6 bytes, at most 2 at once");
        let ended = server.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert_eq!(first.read(&mut [0; 1]).expect("the end"), 0);

        let events = json_lines(&fs::read_to_string(file).expect("a file"));
        assert!(events.iter().any(|e| e["turn"] == 1));
        drop(dir);
    });
}

#[test]
fn the_echo_server_lets_pending_output_go_out() {
    each_stage(|stage| {
        let (mut server, mut client, others) =
            server_with_pending_output(stage);
        server.interrupt();
        let mut received = Vec::new();
        // A connection that is reset would be an error here.
        client.read_to_end(&mut received).expect("the end, in good order");
        assert!(received.iter().all(|byte| *byte == b'X'));

        let line = server.line();
        let bytes = received.len() + others;
        assert!(line.starts_with("2 connections, "), "{line}");
        assert!(line.contains(&format!(" {bytes} bytes")), "{line}: {bytes}");
        let ended = server.finish();
        assert_eq!(ended.code, Some(0), "{ended}");
    });
}

#[test]
fn a_second_one_ends_it_at_once() {
    each_stage(|stage| {
        // Its client does not read: one alone would take the grace time.
        let (mut server, _client, _) = server_with_pending_output(stage);
        until("the end", || {
            if !server.has_ended() {
                server.interrupt();
            }
            server.has_ended()
        });
        let ended = server.finish();
        assert_eq!(ended.code, Some(130), "{ended}");
    });
}

/// A server that has more to write than its client has room for. The client
/// writes on, on a thread, until somebody ends that. Returned, too, is how
/// many bytes were echoed to somebody else.
///
/// That the output is pending is seen by that other client: the server
/// answers it again and again, and takes nothing more of the first one.
fn server_with_pending_output(stage: &Stage) -> (Running, TcpStream, usize) {
    let (server, address) = echo_server::start(stage, &[]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
    let socket = socket.expect("a socket");
    // The less room it has, the sooner output is pending.
    socket.set_recv_buffer_size(4096).expect("a hint");
    socket.connect(&address.into()).expect("it listens");
    let mut client = TcpStream::from(socket);
    let portion = [b'x'; 64 * 1024];
    let (mut other, mut others, mut turns) = (connect(address), 0, 0);
    client.set_nonblocking(true).expect("a socket");
    while turns < 100 {
        match client.write(&portion) {
            Ok(_) => turns = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                other.write_all(b"turn").expect("it reads");
                other.read_exact(&mut [0; 4]).expect("it answers");
                others += 4;
                turns += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    client.set_nonblocking(false).expect("a socket");
    client.set_read_timeout(Some(DEADLINE)).expect("not zero");
    let mut writer = client.try_clone().expect("a descriptor");
    thread::spawn(move || {
        // More than any system has buffers for; an error is the server's end.
        for _ in 0..4096 {
            if writer.write_all(&portion).is_err() {
                return;
            }
        }
        let _ = writer.shutdown(Shutdown::Write);
    });
    (server, client, others)
}
