//! The arguments of the programs, and the `main` that all stages' binaries
//! share: what differs between the stages is only the code inside.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, LineWriter, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use regex_lite::Regex;
use url::Url;

use crate::crawl::{CrawlOptions, Page, Summary};
use crate::echo::{EchoOptions, EchoStats};
use crate::interrupt::{EXIT_INTERRUPTED, Interrupt};
use crate::links::is_web;
use crate::report::{Format, Reporter, Verbosity};
use crate::site::{Site, SiteOptions};
use crate::trace::Trace;

/// `crawl` of every stage: fetches what `options` ask for, calls the closure
/// for each finished URL, and ends early when the interrupt is triggered.
pub type Crawl =
    fn(&CrawlOptions, &mut dyn FnMut(&Page), &Interrupt) -> io::Result<Summary>;

/// `serve` of every stage: echoes on the listeners until the interrupt.
pub type Serve =
    fn(Vec<TcpListener>, &EchoOptions, &Interrupt) -> io::Result<EchoStats>;

/// Wrong arguments, as clap has it.
const EXIT_USAGE: u8 = 2;

/// Crawls web sites; without a URL, a practice site of its own.
#[derive(Debug, Parser)]
#[command(name = "crawler", version)]
struct CrawlerArgs {
    /// Where to start; a missing scheme means http://
    #[arg(value_name = "URL", value_parser = url)]
    urls: Vec<Url>,
    /// Fetches in flight at once
    #[arg(long, value_name = "N", default_value = "10", value_parser = positive)]
    max_tasks: usize,
    /// Redirects followed one after another
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_redirects: usize,
    /// Tries per URL, on network errors and time-outs
    #[arg(long, value_name = "N", default_value = "4", value_parser = positive)]
    max_tries: usize,
    /// Time for one fetch, from its look-up to its last byte: 30s, 500ms
    #[arg(long, default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// A longer body is cut off: 4096, 64KiB, 10MiB
    #[arg(long, value_name = "BYTES", default_value = "10MiB", value_parser = bytes)]
    max_body: usize,
    /// Stop after so many URLs
    #[arg(long, value_name = "N", value_parser = positive)]
    max_pages: Option<usize>,
    /// Skip URLs that match (may be repeated)
    #[arg(long, value_name = "REGEX")]
    exclude: Vec<Regex>,
    /// Also follow hosts that share the last two labels
    #[arg(long)]
    lenient: bool,
    /// The form of the report on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Record what the event loop did, as JSON lines; "-" prints it as text
    /// on stderr
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Fetch what robots.txt forbids
    #[arg(long)]
    ignore_robots: bool,
    /// A root certificate to trust (stage 4 only)
    #[arg(long, value_name = "FILE", requires = "urls")]
    ca_file: Option<PathBuf>,
    /// Report more, and tell on stderr what each fetch waits for
    #[arg(short, long)]
    verbose: bool,
    /// Report nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

/// Answers every byte with its ASCII upper case.
#[derive(Debug, Parser)]
#[command(name = "echo-server", version)]
struct EchoArgs {
    /// Where to listen; port 0 picks a free one (may be repeated)
    #[arg(
        long,
        value_name = "ADDR",
        default_values = ["127.0.0.1:8080", "127.0.0.1:8081"]
    )]
    listen: Vec<SocketAddr>,
    /// Connections served at once; further ones wait
    #[arg(long, value_name = "N", value_parser = positive)]
    max_connections: Option<usize>,
    /// Record what the event loop did, as JSON lines; "-" prints it as text
    /// on stderr
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Tell on stderr what each connection does
    #[arg(short, long)]
    verbose: bool,
    /// Report nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

/// The whole program `crawler`: arguments in, exit status out.
///
/// 0 all fetched, 1 some URL failed, 2 wrong arguments, 130 Ctrl-C.
pub fn crawler(crawl: Crawl) -> ExitCode {
    let args = CrawlerArgs::parse();
    match run_crawler(args, crawl) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            complain("crawler", &error);
            ExitCode::from(EXIT_USAGE)
        }
        Err(error) => {
            complain("crawler", &error);
            ExitCode::FAILURE
        }
    }
}

fn run_crawler(args: CrawlerArgs, crawl: Crawl) -> io::Result<ExitCode> {
    let verbosity = verbosity(args.verbose, args.quiet);
    let mut options = CrawlOptions {
        roots: args.urls,
        max_tasks: args.max_tasks,
        max_redirects: args.max_redirects,
        max_tries: args.max_tries,
        timeout: args.timeout,
        max_body: args.max_body,
        max_pages: args.max_pages,
        exclude: args.exclude,
        lenient: args.lenient,
        ignore_robots: args.ignore_robots,
        ca_file: args.ca_file,
        trace: open_trace(args.trace.as_ref(), verbosity)?,
    };
    // The practice site lives until the crawl is over.
    let _site = match options.roots.is_empty() {
        true => Some(practice(&mut options, verbosity)?),
        false => None,
    };
    // It would be torn apart by other lines on stderr.
    let to_stderr = args.trace.is_some_and(|path| path.as_os_str() == "-");
    let bar = !to_stderr && verbosity < Verbosity::Verbose;
    let mut report = Reporter::new(io::stdout(), args.format, verbosity, bar);
    let interrupt = Interrupt::ctrl_c()?;
    let mut written = Ok(());
    let summary = crawl(
        &options,
        &mut |page| {
            if written.is_ok() {
                written = report.page(page);
            }
            // Nobody reads on: no reason to fetch on.
            if written.is_err() {
                interrupt.trigger();
            }
        },
        &interrupt,
    )?;
    written = written.and_then(|()| report.summary(&summary));
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            return Err(named("stdout", &error));
        }
        Ok(()) if summary.interrupted => {
            return Ok(ExitCode::from(EXIT_INTERRUPTED));
        }
        Ok(()) => {}
    }
    Ok(ExitCode::from(u8::from(summary.errors > 0)))
}

/// Starts the practice site and makes all its pages the roots.
fn practice(
    options: &mut CrawlOptions,
    verbosity: Verbosity,
) -> io::Result<Site> {
    let site_options = SiteOptions::default();
    let site = Site::start(&site_options)?;
    for path in site.paths() {
        options.roots.push(url(&site.url(path)).map_err(io::Error::other)?);
    }
    if verbosity > Verbosity::Quiet {
        note(&format!(
            "no URL given: crawling a practice site at {}, {} pages of {:?}",
            site.url("/"),
            site_options.pages,
            site_options.delay
        ));
    }
    Ok(site)
}

/// The whole program `echo-server`: arguments in, exit status out.
///
/// 0 after Ctrl-C, 1 if it cannot listen, 2 wrong arguments.
pub fn echo_server(serve: Serve) -> ExitCode {
    let args = EchoArgs::parse();
    match run_echo_server(&args, serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain("echo-server", &error);
            ExitCode::FAILURE
        }
    }
}

fn run_echo_server(args: &EchoArgs, serve: Serve) -> io::Result<()> {
    let verbosity = verbosity(args.verbose, args.quiet);
    let options = EchoOptions {
        max_connections: args.max_connections,
        trace: open_trace(args.trace.as_ref(), verbosity)?,
        ..EchoOptions::default()
    };
    let interrupt = Interrupt::ctrl_c()?;
    let mut listeners = Vec::new();
    for address in &args.listen {
        let listener =
            TcpListener::bind(address).map_err(|e| named(address, &e))?;
        listeners.push(listener);
    }
    // The addresses are the program's answer, so -q keeps them. A reader
    // who has seen enough may close stdout; the server goes on.
    for listener in &listeners {
        let _ =
            writeln!(io::stdout(), "listening on {}", listener.local_addr()?);
    }
    let stats = serve(listeners, &options, &interrupt)?;
    if verbosity > Verbosity::Quiet {
        let unit = match stats.connections {
            1 => "connection",
            _ => "connections",
        };
        let _ = writeln!(
            io::stdout(),
            "{} {unit}, {} bytes, at most {} at once",
            stats.connections,
            stats.bytes,
            stats.peak
        );
    }
    Ok(())
}

fn open_trace(
    path: Option<&PathBuf>,
    verbosity: Verbosity,
) -> io::Result<Trace> {
    let stderr = LineWriter::new(io::stderr());
    match path {
        None if verbosity == Verbosity::Verbose => Ok(Trace::states(stderr)),
        None => Ok(Trace::off()),
        Some(path) if path.as_os_str() == "-" => Ok(Trace::text(stderr)),
        Some(path) => {
            let file =
                File::create(path).map_err(|e| named(path.display(), &e))?;
            Ok(Trace::json(BufWriter::new(file)))
        }
    }
}

fn verbosity(verbose: bool, quiet: bool) -> Verbosity {
    match (verbose, quiet) {
        (true, _) => Verbosity::Verbose,
        (_, true) => Verbosity::Quiet,
        _ => Verbosity::Normal,
    }
}

/// The same error with the name of what failed in front.
fn named(what: impl Display, error: &dyn Display) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

/// A line on stderr. Its failure has nobody to be told to.
fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn complain(program: &str, error: &io::Error) {
    note(&format!("{program}: {error}"));
}

/// Parses a URL as a person types it: a missing scheme means `http://`.
///
/// # Errors
///
/// One line that says what is wrong with it.
pub fn url(text: &str) -> Result<Url, String> {
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    }
    .map_err(|error| error.to_string())?;
    match is_web(&url) {
        true => Ok(url),
        false => Err(format!("{}: only http and https", url.scheme())),
    }
}

/// Parses a time span: `500ms`, `30s`, `1.5m`; a bare number is seconds.
///
/// # Errors
///
/// One line that says what is allowed.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 500ms, 30s or 2m".to_string();
    let (number, unit) = split_unit(text);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" => number * 60.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Parses a number of bytes: `4096`, `64KiB`, `10MiB`, `1GiB`.
fn bytes(text: &str) -> Result<usize, String> {
    let wrong = || "expected bytes such as 4096, 64KiB or 10MiB".to_string();
    let (number, unit) = split_unit(text);
    let number: usize = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}

fn split_unit(text: &str) -> (&str, &str) {
    let unit = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    (text[..unit].trim_end(), &text[unit..])
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("expected a whole number above 0".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        CrawlerArgs::command().debug_assert();
        EchoArgs::command().debug_assert();
    }

    #[test]
    fn a_missing_scheme_means_http() {
        for (text, expected) in [
            ("example.com", "http://example.com/"),
            ("localhost:8000/a", "http://localhost:8000/a"),
            ("https://example.com/x", "https://example.com/x"),
            ("[::1]:80", "http://[::1]/"),
            ("bücher.example", "http://xn--bcher-kva.example/"),
        ] {
            assert_eq!(url(text).unwrap().as_str(), expected);
        }
        for text in ["", "ftp://example.com", "http://", "http://a b/"] {
            assert!(url(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1.5m", 90_000),
            ("2", 2000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
        }
        for text in ["", "s", "-1s", "1h", "1e400s", "nan", "inf"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("10MiB"), Ok(10_485_760));
        for text in ["", "-1", "1.5MiB", "1MB", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text:?}");
        }
    }
}
