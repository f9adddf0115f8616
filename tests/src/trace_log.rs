//! What a stage's loop does for one small fetch and for one echo, event by
//! event, as its trace has it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use support::cli::{Crawl, Serve};
use support::{CrawlOptions, EchoOptions, Interrupt, Trace};
use url::Url;

/// Fetches one page from a server that answers at once. Returns its address
/// and the events of the whole crawl.
///
/// # Panics
///
/// If the fetch fails.
pub fn one_fetch(crawl: Crawl) -> (SocketAddr, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let log = TraceLog::default();
    let seen = log.clone();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        // Else a crawler that tries to read first would find it, or not.
        while seen.events().last().is_none_or(|event| event != "wait") {
            thread::yield_now();
        }
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(response).unwrap();
        // Leave the end of the connection to the crawler.
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    });

    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let options = CrawlOptions {
        ignore_robots: true,
        max_tasks: 1, // another worker would find nothing to do
        trace: Trace::json(log.clone()),
        ..CrawlOptions::new([url])
    };
    let summary = crawl(
        &options,
        &mut |page| assert_eq!(page.size, 2),
        &Interrupt::new(),
    );
    server.join().unwrap();
    assert_eq!(summary.unwrap().errors, 0);
    (address, log.events())
}

/// Has one message echoed to a client that then ends its output. Returns the
/// client's address and the events up to the end of its connection.
///
/// # Panics
///
/// If the echo fails.
pub fn one_echo(serve: Serve) -> (SocketAddr, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Everything that the client does is there before the server looks.
    let mut client =
        TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let peer = client.local_addr().unwrap();
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();

    let log = TraceLog::default();
    let options =
        EchoOptions { trace: Trace::json(log.clone()), ..Default::default() };
    let interrupt = Interrupt::new();
    let end = interrupt.clone();
    let server = thread::spawn(move || serve(vec![listener], &options, &end));
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "HELLO");
    // What the end of the server adds comes after this.
    let events = log.events();
    interrupt.trigger();
    server.join().unwrap().unwrap();
    (peer, events)
}

/// A trace in memory, as JSON.
#[derive(Clone, Default)]
struct TraceLog(Arc<Mutex<Vec<u8>>>);

impl Write for TraceLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TraceLog {
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

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
}
