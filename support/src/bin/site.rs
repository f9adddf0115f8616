//! The practice site on a port of its own, to crawl it from another terminal.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use support::cli;
use support::site::{Site, SiteOptions};

/// A web site to practise crawling on.
#[derive(Debug, Parser)]
#[command(name = "site", version)]
struct SiteArgs {
    /// The port to listen on; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 8000)]
    port: u16,
    /// How long each plain page waits before it is answered: 1s, 50ms
    #[arg(long, default_value = "1s", value_parser = cli::duration)]
    delay: Duration,
    /// How many plain pages there are
    #[arg(long, value_name = "N", default_value_t = 10)]
    pages: usize,
}

fn main() -> ExitCode {
    match run(SiteArgs::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("site: {err}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: SiteArgs) -> io::Result<()> {
    let SiteArgs { port, delay, pages } = args;
    let site = Site::start(&SiteOptions { port, delay, pages })?;
    let (home, zoo) = (site.url("/"), site.url("/zoo/"));
    let mut stdout = io::stdout();
    writeln!(stdout, "practice site on {home} (the zoo: {zoo})")?;
    writeln!(stdout, "try: cargo run -p stage1-callbacks --bin crawler {zoo}")?;
    site.wait();
    Ok(())
}
