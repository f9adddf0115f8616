//! Clients of the echo server that nobody here wrote.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use tests::programs::{Running, Stage, each_stage, run, skip};

use crate::servers::{is_here, script};

const CONNECTIONS: &str = "100";
const BYTES: &str = "100000";

fn start(stage: &Stage) -> (Running, SocketAddr) {
    let mut command = Command::new(stage.released("echo-server"));
    let mut server = Running::start(command.args(["--listen", "127.0.0.1:0"]));
    let line = server.line();
    let address = line.strip_prefix("listening on ").expect(&line);
    (server, address.parse().expect(address))
}

/// A hundred connections of `client`, byte for byte.
fn check(client: &str, file: &str) {
    each_stage(|stage| {
        let (server, address) = start(stage);
        let mut command = Command::new(client);
        command.arg(script(file)).arg(address.ip().to_string());
        command.args([&address.port().to_string(), CONNECTIONS, BYTES]);
        let ended = run(&mut command);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert_eq!(ended.stdout, "100 connections, 10000000 bytes\n");

        server.interrupt();
        let ended = server.finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let totals = "\n100 connections, 10000000 bytes, ";
        assert!(ended.stdout.contains(totals), "{ended}");
    });
}

#[test]
fn asyncio_streams() {
    if is_here("python3", "-V") {
        check("python3", "echo_client.py");
    }
}

#[test]
fn node_net() {
    if is_here("node", "-v") {
        check("node", "echo_client.js");
    }
}

#[test]
fn netcat() {
    // There are many, with different options and none that all have.
    if let Err(error) = Command::new("nc").arg("-h").output() {
        return skip(&format!("nc: {error}"));
    }
    each_stage(|stage| {
        let (_server, address) = start(stage);
        let mut command = Command::new("nc");
        command.args([address.ip().to_string(), address.port().to_string()]);
        let mut client = Running::start(command.stdin(Stdio::piped()));
        let mut stdin = client.child().stdin.take().expect("a pipe");
        for word in ["hello", "again"] {
            writeln!(stdin, "{word}").expect("it reads");
            assert_eq!(client.line(), word.to_uppercase());
        }
    });
}
