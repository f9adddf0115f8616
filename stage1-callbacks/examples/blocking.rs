//! The crawler before any idea: one page after another, each read waits.
//!
//! `cargo run -p stage1-callbacks --example blocking`

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use support::site::{Site, SiteOptions};

// ANCHOR: main
fn main() -> io::Result<()> {
    let site = Site::start(&SiteOptions::default())?;
    let start = Instant::now();
    for path in site.paths() {
        let response = fetch(site.address(), path)?;
        println!("{path}: {} bytes", response.len());
    }
    println!("ten pages in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: fetch
fn fetch(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?; // waits
    write!(stream, "GET {path} HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?; // waits for a second
    Ok(response)
}
// ANCHOR_END: fetch
