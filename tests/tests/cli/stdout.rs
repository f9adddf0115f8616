//! What the programs do when nobody reads what they print, or nobody can.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use tests::programs::{DEADLINE, Running, each_stage, until};

use crate::echo_server::echo;
use crate::{closed_port, quick_site};

#[test]
fn a_closed_stdout_ends_the_crawler_quietly() {
    each_stage(|stage| {
        let site = quick_site();
        let (reader, writer) = io::pipe().expect("a pipe");
        // One page never comes. The others are more lines than fit into a
        // pipe: the crawler is still at it when the pipe is closed.
        let urls = ["/zoo/silent", "/zoo/redirect/5000"];
        let mut command = stage.crawler();
        command.arg("--max-redirects=5000").args(urls.map(|p| site.url(p)));
        let crawler = Running::start_with_stdout(&mut command, writer);
        let line = first_line_then_close(reader);
        assert!(line.starts_with("302 "), "{line}");

        let ended = crawler.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(site.connections() < 5000);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_report_is_an_error() {
    each_stage(|stage| {
        for format in ["text", "json"] {
            let site = quick_site();
            let full = File::create("/dev/full").expect("Linux has it");
            let mut command = stage.crawler();
            command.args(["--format", format, &site.url("/")]);
            let ended = Running::start_with_stdout(&mut command, full).finish();
            assert_eq!(ended.code, Some(1), "{ended}");
            let line = crate::only_line(&ended.stderr);
            assert!(line.contains("stdout"), "{line}");
        }
    });
}

#[test]
fn a_closed_stdout_does_not_end_the_echo_server() {
    each_stage(|stage| {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let address = closed_port();
        let mut command = stage.echo_server();
        command.arg(format!("--listen={address}"));
        let server = Running::start_with_stdout(&mut command, writer);
        until("it listens", || TcpStream::connect(address).is_ok());
        assert_eq!(echo(address, b"all the same"), b"ALL THE SAME");
        #[cfg(unix)]
        {
            server.interrupt();
            let ended = server.finish();
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        }
        #[cfg(not(unix))]
        drop(server);
    });
}

/// The first line that comes; nobody reads a second one.
fn first_line_then_close(reader: PipeReader) -> String {
    let (sender, first) = mpsc::channel();
    thread::spawn(move || {
        let line = BufReader::new(reader).lines().next();
        // The pipe is closed by now.
        let _ = sender.send(line);
    });
    let line = first.recv_timeout(DEADLINE).expect("something comes in time");
    line.expect("a line").expect("UTF-8")
}
