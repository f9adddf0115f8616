//! What stage 1's loop does for one fetch and for one echo, event by event.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use support::{CrawlOptions, EchoOptions, Interrupt, Trace};
use tests::deadline::within_deadline;
use url::Url;

#[test]
fn one_fetch() {
    within_deadline(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(response).unwrap();
            // Leave the end of the connection to the crawler.
            assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
        });

        let log = Log::default();
        let url = Url::parse(&format!("http://{address}/")).unwrap();
        let options = CrawlOptions {
            ignore_robots: true,
            trace: Trace::json(log.clone()),
            ..CrawlOptions::new([url])
        };
        let summary = stage1_callbacks::crawl(
            &options,
            &mut |page| assert_eq!(page.size, 2),
            &Interrupt::new(),
        );
        server.join().unwrap();
        assert_eq!(summary.unwrap().errors, 0);
        assert_eq!(
            log.events(),
            [
                "timer_set 1 closure in Fetch::start",
                &format!("state waiting for a connection to {address}"),
                "register 0 writable Fetch::connected",
                "turn 1",
                "wait",
                "ready 0",
                "call Fetch::connected",
                "state waiting for room to send the request",
                "state waiting for the end of the response head",
                "register 0 readable Fetch::read_response",
                "turn 2",
                "wait",
                "ready 0",
                "call Fetch::read_response",
                "timer_cancelled 1",
            ]
        );
    });
}

#[test]
fn one_echo() {
    within_deadline(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // Everything that the client does is there before the server looks.
        let mut client = TcpStream::connect(address).unwrap();
        let peer = client.local_addr().unwrap();
        client.write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();

        let log = Log::default();
        let options = EchoOptions {
            trace: Trace::json(log.clone()),
            ..EchoOptions::default()
        };
        let interrupt = Interrupt::new();
        let end = interrupt.clone();
        let server = thread::spawn(move || {
            stage1_callbacks::serve(vec![listener], &options, &end)
        });
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HELLO");
        // What the end of the server adds comes after this.
        let events = log.events();
        interrupt.trigger();
        server.join().unwrap().unwrap();
        assert_eq!(
            events[..17],
            [
                "register 0 readable closure in Server::listen",
                "turn 1",
                "wait",
                "ready 0",
                "call closure in Server::listen",
                &format!("state accepted from {peer}"),
                "register 1 readable Connection::read",
                "register 0 readable closure in Server::listen",
                "turn 2",
                "wait",
                "ready 1",
                "call Connection::read",
                "state echoing 5 bytes",
                "register 1 readable Connection::read",
                "turn 3",
                "wait",
                "ready 1",
            ]
        );
    });
}

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
}

/// A trace in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The events in order, without times.
    fn events(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        let lines = bytes.split_inclusive(|b| *b == b'\n');
        lines
            .filter(|line| line.ends_with(b"\n"))
            .map(|line| event(&serde_json::from_slice(line).unwrap()))
            .collect()
    }
}

fn event(line: &Value) -> String {
    assert_eq!(line["v"], 1);
    let fields = ["event", "turn", "source", "timer", "interest", "name"];
    let fields = fields.iter().chain(&["state"]);
    let texts = fields.filter_map(|field| match &line[*field] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    });
    texts.collect::<Vec<_>>().join(" ")
}
