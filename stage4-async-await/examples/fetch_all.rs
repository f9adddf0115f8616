//! The documents' asyncio crawler: ten pages at once with `gather`, in the
//! time of one.
//!
//! `cargo run -q -p stage4-async-await --example fetch_all`

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stage4_async_await as aio;
use support::site::{Site, SiteOptions};

// ANCHOR: fetch
async fn fetch(site: SocketAddr, url: &str) -> io::Result<Vec<u8>> {
    let stream = aio::net::TcpStream::connect(site).await?;
    let get = format!("GET {url} HTTP/1.0\r\nHost: example.com\r\n\r\n");
    stream.send_all(get.as_bytes()).await?;
    let mut response = Vec::new();
    loop {
        let chunk = stream.recv(4096).await?;
        if chunk.is_empty() {
            return Ok(response);
        }
        response.extend(chunk);
    }
}
// ANCHOR_END: fetch

// ANCHOR: main
fn main() -> io::Result<()> {
    let delay = Duration::from_millis(100);
    let options = SiteOptions { delay, ..SiteOptions::default() };
    let site = Site::start(&options)?;
    let urls = site.paths();
    let start = Instant::now();

    let fetches = urls.iter().map(|url| Box::pin(fetch(site.address(), url)));
    let responses = aio::run(aio::gather(fetches));

    for (url, response) in urls.iter().zip(responses) {
        println!("{url}: {} bytes", response?.len());
    }
    let times = start.elapsed().div_duration_f64(delay) as u32;
    println!("{} pages in the time of {times}", urls.len());
    Ok(())
}
// ANCHOR_END: main
