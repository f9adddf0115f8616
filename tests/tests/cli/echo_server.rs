//! The echo server's arguments, what it prints, and that it echoes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use tests::programs::{Running, Stage, each_stage, run};

use crate::{assert_usage_error, connect, only_line};

/// A server on a free port, and its address.
pub fn start(stage: &Stage, args: &[&str]) -> (Running, SocketAddr) {
    let mut command = stage.echo_server();
    command.args(["--listen", "127.0.0.1:0"]).args(args);
    let mut server = Running::start(&mut command);
    let address = address(&server.line());
    (server, address)
}

/// The address in a line that the server prints before it accepts.
pub fn address(line: &str) -> SocketAddr {
    let address = line.trim_end().strip_prefix("listening on ");
    let address = address.and_then(|address| address.parse().ok());
    address.unwrap_or_else(|| panic!("no address in {line:?}"))
}

/// What comes back for `bytes`.
pub fn echo(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(bytes).expect("it reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    answer
}

fn send(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("it reads");
}

fn receive(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).expect("it answers");
    answer
}

#[test]
fn every_address_is_printed_and_served() {
    each_stage(|stage| {
        let mut command = stage.echo_server();
        command.args(["--listen=127.0.0.1:0"; 3]);
        let mut server = Running::start(&mut command);
        let mut addresses = [(); 3].map(|()| address(&server.line()));
        assert!(addresses.iter().all(|address| address.port() != 0));
        for address in addresses {
            let answer = echo(address, "a\0z grün\r\n".as_bytes());
            assert_eq!(answer, "A\0Z GRüN\r\n".as_bytes());
        }
        addresses.sort();
        assert!(addresses.windows(2).all(|two| two[0] != two[1]));
    });
}

#[test]
fn the_documents_ports_are_the_default() {
    each_stage(|stage| {
        let help = run(stage.echo_server().arg("--help"));
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains("127.0.0.1:8080 127.0.0.1:8081"));
        for option in ["listen", "max-connections", "trace"] {
            assert!(help.stdout.contains(&format!("--{option} ")), "{help}");
        }
        let version = run(stage.echo_server().arg("--version"));
        assert_eq!(version.code, Some(0), "{version}");
        let line = only_line(&version.stdout);
        assert!(line.starts_with("echo-server 0."), "{line}");
    });
}

#[test]
fn wrong_arguments_are_named() {
    each_stage(|stage| {
        for (option, value) in [
            ("--listen", "localhost"),
            ("--listen", "127.0.0.1"),
            ("--listen", "127.0.0.1:99999"),
            ("--max-connections", "0"),
            ("--max-connections", "few"),
        ] {
            let mut command = stage.echo_server();
            command.arg(format!("{option}={value}"));
            let quoted = format!("'{value}'");
            assert_usage_error(&mut command, &["error: ", option, &quoted]);
        }
        assert_usage_error(stage.echo_server().arg("8080"), &["'8080'"]);
    });
}

#[test]
fn a_port_in_use_is_named() {
    each_stage(|stage| {
        let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = other.local_addr().expect("it is bound");
        let mut command = stage.echo_server();
        command.args(["--listen=127.0.0.1:0", &format!("--listen={taken}")]);
        let ended = run(&mut command);
        // It has not said that it listens where it can.
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        let line = only_line(&ended.stderr);
        assert!(line.contains(&taken.to_string()), "{line}");
        drop(other);
    });
}

#[test]
fn beyond_max_connections_new_ones_wait() {
    each_stage(|stage| {
        let (server, address) = start(stage, &["--max-connections=2"]);
        let [mut first, mut second, mut third] =
            [(); 3].map(|()| connect(address));
        for stream in [&mut first, &mut second, &mut third] {
            send(stream, b"a");
        }
        for stream in [&mut first, &mut second] {
            assert_eq!(receive(stream, 1), b"A");
            send(stream, b"b");
            assert_eq!(receive(stream, 1), b"B");
        }
        third.set_nonblocking(true).expect("a socket");
        let nothing = third.read(&mut [0; 1]).expect_err("it waits");
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        third.set_nonblocking(false).expect("a socket");
        drop(first);
        assert_eq!(receive(&mut third, 1), b"A");
        send(&mut second, b"c");
        assert_eq!(receive(&mut second, 1), b"C");
        #[cfg(unix)]
        {
            server.interrupt();
            let ended = server.finish();
            let totals = "3 connections, 6 bytes, at most 2 at once";
            assert!(ended.stdout.contains(totals), "{ended}");
        }
        #[cfg(not(unix))]
        drop(server);
    });
}

#[cfg(unix)]
#[test]
fn quiet_is_the_addresses_alone_and_verbose_is_more() {
    each_stage(|stage| {
        let (server, _) = start(stage, &["-q"]);
        server.interrupt();
        let ended = server.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(only_line(&ended.stdout).starts_with("listening on "));

        // What each connection does, and nothing of the loop.
        let (mut server, address) = start(stage, &["-v"]);
        assert_eq!(echo(address, b"hello"), b"HELLO");
        server.error_line_with("5 bytes");
        server.interrupt();
        let ended = server.finish();
        assert_eq!(ended.code, Some(0), "{ended}");
        assert!(!ended.stderr.contains("turn 1"), "{ended}");
        assert!(ended.stdout.contains("\n1 connection, 5 bytes"), "{ended}");
    });
}
