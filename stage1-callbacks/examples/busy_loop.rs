//! The second cure: sockets that do not wait, and one thread that asks all
//! of them again and again. It works, and it burns a processor: count the
//! calls that were told "not yet".
//!
//! `cargo run -p stage1-callbacks --example busy_loop`

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use support::net::{interrupted, start_connect, would_block};
use support::site::{Site, SiteOptions};

/// One page on its way.
struct Fetch {
    path: String,
    stream: TcpStream,
    /// What is left to send; a connection takes it once it is made.
    request: Vec<u8>,
    response: Vec<u8>,
}

// ANCHOR: main
fn main() -> io::Result<()> {
    let site = Site::start(&SiteOptions::default())?;
    let start = Instant::now();
    let mut fetches = Vec::new();
    for path in site.paths().to_vec() {
        let stream = start_connect(site.address())?;
        let request =
            format!("GET {path} HTTP/1.0\r\nHost: example.com\r\n\r\n");
        let request = request.into_bytes();
        fetches.push(Fetch { path, stream, request, response: Vec::new() });
    }

    let mut wasted: u64 = 0;
    while !fetches.is_empty() {
        let mut still_waiting = Vec::new();
        for mut fetch in fetches {
            match fetch.go_on() {
                Ok(true) => {
                    let size = fetch.response.len();
                    println!("{}: {size} bytes", fetch.path);
                }
                Ok(false) => still_waiting.push(fetch),
                Err(error) if not_yet(&error) => {
                    wasted += 1;
                    still_waiting.push(fetch);
                }
                Err(error) => return Err(error),
            }
        }
        fetches = still_waiting;
    }
    println!(
        "ten pages in {:.1} s, and {wasted} calls in vain",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
// ANCHOR_END: main

impl Fetch {
    // ANCHOR: go_on
    /// Makes one call. True when the response is complete.
    fn go_on(&mut self) -> io::Result<bool> {
        if !self.request.is_empty() {
            let sent = self.stream.write(&self.request)?;
            self.request.drain(..sent);
            return Ok(false);
        }
        let mut buffer = [0; 4096];
        let received = self.stream.read(&mut buffer)?;
        self.response.extend_from_slice(&buffer[..received]);
        Ok(received == 0)
    }
    // ANCHOR_END: go_on
}

// ANCHOR: not_yet
/// The call has nothing to do yet; also while the connection is being made.
fn not_yet(error: &io::Error) -> bool {
    would_block(error)
        || interrupted(error)
        || error.kind() == io::ErrorKind::NotConnected
}
// ANCHOR_END: not_yet
