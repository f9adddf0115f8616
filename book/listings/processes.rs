//! Ten pages at once, each fetched by a process of its own.
//!
//! `cargo run -p book --example processes`

use std::env;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use support::site::{Site, SiteOptions};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => parent(),
        [address, path] => child(address, path),
        _ => Err(io::Error::other("usage: processes [ADDRESS PATH]")),
    }
}

// ANCHOR: parent
fn parent() -> io::Result<()> {
    let site = Site::start(&SiteOptions::default())?;
    let address = site.address().to_string();
    let start = Instant::now();
    let mut children = Vec::new();
    for path in site.paths() {
        // This program once more, with arguments.
        let mut child = Command::new(env::current_exe()?);
        child.args([&address, path]).stdout(Stdio::piped());
        children.push((path, child.spawn()?));
    }
    println!("ten processes begun in {:.0?}", start.elapsed());
    if let Some(kib) = memory_kib(&children[0].1) {
        println!("one of them takes {kib} KiB of memory");
    }
    for (path, child) in children {
        // A process shares no memory with us: its answer comes in a pipe.
        let answer = child.wait_with_output()?.stdout;
        print!("{path}: {}", String::from_utf8_lossy(&answer));
    }
    println!("ten pages in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
// ANCHOR_END: parent

// ANCHOR: child
fn child(address: &str, path: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    println!("{} bytes", response.len());
    Ok(())
}
// ANCHOR_END: child

/// The memory that a process occupies; only Linux tells.
fn memory_kib(child: &Child) -> Option<usize> {
    let file = format!("/proc/{}/status", child.id());
    let status = std::fs::read_to_string(file).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
