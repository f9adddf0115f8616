//! A program that has ended has closed what it opened. Counting descriptors
//! needs a process in which nobody else opens any: a new stage joins with a
//! file `tests/stageN_leaks.rs` that has one test and no other.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use support::cli::{Crawl, Serve};
use support::{EchoOptions, Interrupt};

use crate::crawler::help::{
    Running, quick_site, run_to_first_page, visit, wait_until,
};
use crate::crawler::web::Refusing;
use crate::echo::help::{Buffers, Random, Server, flood};

/// How often each program runs: what leaks adds up.
const TIMES: usize = 50;

/// Crawls and serves again and again, to the end and interrupted, and expects
/// that no descriptor stays open.
pub fn every_descriptor_is_closed(crawl: Crawl, serve: Serve) {
    let parts: [(&str, &dyn Fn(usize)); 3] = [
        ("what crawls open is closed", &|times| crawl_to_the_end(crawl, times)),
        ("what interrupted crawls open is closed", &|times| {
            crawl_and_interrupt(crawl, times)
        }),
        ("what servers open is closed", &|times| {
            serve_and_interrupt(serve, times)
        }),
    ];
    for (what, part) in parts {
        // The first use of some things opens a descriptor for good.
        part(1);
        let before = open_descriptors();
        part(TIMES);
        // The last threads may be about to end.
        wait_until(what, || open_descriptors() == before);
    }
}

/// One interrupt for all: it remembers each crawl, but must hold nothing of
/// it.
fn crawl_to_the_end(crawl: Crawl, times: usize) {
    let site = quick_site();
    let refusing = Refusing::start();
    let paths = ["/", "/zoo/reset/body", "/zoo/short", "/zoo/endless"];
    let mut options = visit(&site, paths);
    options
        .roots
        .push(format!("http://{}/", refusing.address).parse().unwrap());
    let named = format!("http://localhost:{}/", site.address().port());
    options.roots.push(named.parse().unwrap());
    options.max_body = 1000;
    let interrupt = Interrupt::new();
    let before = open_descriptors();
    for _ in 0..times {
        let report = Running::with(crawl, &options, &interrupt).finish();
        assert_eq!(report.summary.pages, 24);
    }
    // The site may still be closing its ends of the connections.
    wait_until("an interrupt holds no crawl", || open_descriptors() <= before);
}

/// In the middle: some fetches wait for an answer, some for a body.
fn crawl_and_interrupt(crawl: Crawl, times: usize) {
    let site = quick_site();
    let silent = ["/zoo/silent?1", "/zoo/silent?2", "/zoo/never-ends"];
    let options = visit(&site, silent.iter().chain(&["/zoo/links/a"]));
    for _ in 0..times {
        let report = run_to_first_page(crawl, &options);
        assert_eq!(report.summary.waiting.len(), 3);
    }
}

/// With clients of all sorts: idle, stuck, and waiting for the limit.
fn serve_and_interrupt(serve: Serve, times: usize) {
    let narrow = Buffers { send: 64 * 1024, receive: 64 * 1024 };
    let bytes = Random(1).bytes(1024 * 1024);
    for _ in 0..times {
        let options = EchoOptions {
            max_connections: Some(3),
            grace: Duration::ZERO,
            ..Default::default()
        };
        let listeners = vec![narrow.listener(), narrow.listener()];
        let server = Server::on(listeners, serve, options);
        let mut idle = server.client();
        let gone = server.client();
        let mut stuck = narrow.connect(server.addresses[0]);
        let waiting: Vec<_> =
            server.addresses.iter().map(TcpStream::connect).collect();
        let sent = flood(&mut stuck, &bytes, &mut idle);
        assert!(sent < bytes.len(), "it is not stuck");
        drop(gone);
        let stats = server.stop();
        assert!(stats.connections >= 3, "{stats:?}");
        drop((idle, stuck, waiting));
    }
}

/// Of this process. Reading the folder opens one more, each time.
fn open_descriptors() -> usize {
    fs::read_dir("/dev/fd").unwrap().count()
}
