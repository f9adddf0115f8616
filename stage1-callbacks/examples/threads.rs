//! The first cure: one thread a page. And what it costs: the memory of a
//! thousand threads that do nothing but wait.
//!
//! `cargo run -p stage1-callbacks --example threads`

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use support::site::{Site, SiteOptions};

// ANCHOR: main
fn main() -> io::Result<()> {
    let site = Site::start(&SiteOptions::default())?;
    let address = site.address();
    let start = Instant::now();
    let mut threads = Vec::new();
    for path in site.paths().to_vec() {
        threads.push(thread::spawn(move || {
            let response = fetch(address, &path)?;
            println!("{path}: {} bytes", response.len());
            io::Result::Ok(())
        }));
    }
    for thread in threads {
        thread.join().expect("fetch does not panic")?;
    }
    println!("ten pages in {:.1} s", start.elapsed().as_secs_f64());
    what_threads_cost()
}
// ANCHOR_END: main

fn fetch(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?; // this thread waits
    write!(stream, "GET {path} HTTP/1.0\r\nHost: example.com\r\n\r\n")?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?; // and here
    Ok(response)
}

// ANCHOR: cost
fn what_threads_cost() -> io::Result<()> {
    const THREADS: usize = 1000;
    let before = memory_kib();
    let start = Instant::now();
    let all_wait = Arc::new(Barrier::new(THREADS + 1));
    let all_end = Arc::new(Barrier::new(THREADS + 1));
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let (all_wait, all_end) = (all_wait.clone(), all_end.clone());
        threads.push(thread::Builder::new().spawn(move || {
            all_wait.wait();
            all_end.wait();
        })?);
    }
    all_wait.wait();
    println!("{THREADS} more threads in {:.0?}", start.elapsed());
    match (before, memory_kib()) {
        (Some(before), Some(after)) => println!(
            "each takes {} KiB of its 2 MiB stack, and more in the kernel",
            after.saturating_sub(before) / THREADS
        ),
        _ => println!("(only Linux tells what memory they take)"),
    }
    all_end.wait();
    for thread in threads {
        thread.join().expect("waiting does not panic");
    }
    Ok(())
}
// ANCHOR_END: cost

/// The memory this process occupies, in KiB.
fn memory_kib() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
