//! What the crawler prints: one line a URL, then the totals. Text for people
//! or JSON for programs, on stdout; the progress bar is on stderr.

use std::io::{self, Write};
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::crawl::{Page, Summary, Waiting};

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line, the summary last.
    Json,
}

/// How much a program says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Nothing but errors.
    Quiet,
    /// What the documentation shows.
    #[default]
    Normal,
    /// More.
    Verbose,
}

/// Writes the report of one crawl.
#[derive(Debug)]
pub struct Reporter<W> {
    out: W,
    format: Format,
    verbosity: Verbosity,
    progress: ProgressBar,
}

impl<W: Write> Reporter<W> {
    /// A report written to `out`. The progress bar shows only where stderr
    /// is a terminal and `progress` is wanted.
    pub fn new(
        out: W,
        format: Format,
        verbosity: Verbosity,
        progress: bool,
    ) -> Reporter<W> {
        let progress = match progress && verbosity > Verbosity::Quiet {
            true => ProgressBar::new_spinner().with_message("pages"),
            false => ProgressBar::hidden(),
        };
        if !progress.is_hidden() {
            progress.set_style(
                ProgressStyle::with_template(
                    "{spinner} {pos} {msg}, {elapsed}",
                )
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            progress.enable_steady_tick(Duration::from_millis(100));
        }
        Reporter { out, format, verbosity, progress }
    }

    /// Writes the line of one URL.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn page(&mut self, page: &Page) -> io::Result<()> {
        self.progress.inc(1);
        if self.verbosity == Verbosity::Quiet && page.error.is_none() {
            return Ok(());
        }
        self.line(&match self.format {
            Format::Json => page_json(page),
            Format::Text => page_text(page, self.verbosity),
        })
    }

    /// Writes the totals, and after an interrupt what was waited for.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        self.progress.finish_and_clear();
        match (self.verbosity, self.format) {
            (Verbosity::Quiet, _) => {}
            (_, Format::Json) => {
                for waiting in &summary.waiting {
                    self.line(&waiting_json(waiting))?;
                }
                self.line(&summary_json(summary))?;
            }
            (_, Format::Text) => {
                for waiting in &summary.waiting {
                    self.line(&waiting_text(waiting))?;
                }
                self.line("")?;
                for line in totals(summary) {
                    self.line(&line)?;
                }
            }
        }
        self.out.flush()
    }

    /// Writes `line` to the report, out of the way of the progress bar.
    fn line(&mut self, line: &str) -> io::Result<()> {
        let out = &mut self.out;
        self.progress.suspend(|| writeln!(out, "{line}"))
    }
}

fn page_text(page: &Page, verbosity: Verbosity) -> String {
    let status = match page.status {
        Some(status) => status.to_string(),
        None => "---".to_string(),
    };
    let mut line = format!("{status} {}", page.url);
    if page.status.is_some() {
        let kind = page.content_type.as_deref().unwrap_or("no type");
        line += &format!("  {kind}, {}", bytes(page.size as u64));
    }
    if page.links > 0 {
        line += &format!(", {} of {} links new", page.new_links, page.links);
    }
    if let Some(target) = &page.redirect {
        line += &format!("  -> {target}");
    }
    if let Some(error) = &page.error {
        line += &format!("  {}: {error}", error.kind.as_str());
    }
    if page.tries > 1 {
        line += &format!("  ({} tries)", page.tries);
    }
    if verbosity == Verbosity::Verbose {
        line += &format!("  in {}", seconds(page.elapsed));
    }
    match page.error {
        Some(_) => style(line).red().to_string(),
        None => line,
    }
}

fn waiting_text(waiting: &Waiting) -> String {
    let at = waiting.at.as_ref().map(|at| format!(", in {at}"));
    format!(
        "... {}  for {}, waiting for {}{}",
        waiting.url,
        seconds(waiting.elapsed),
        waiting.waiting_for,
        at.unwrap_or_default()
    )
}

fn totals(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    for (status, count) in &summary.statuses {
        lines.push(format!("status {status}: {count}"));
    }
    lines.push(format!("bytes: {}", bytes(summary.bytes)));
    if summary.disallowed > 0 {
        lines.push(format!("skipped for robots.txt: {}", summary.disallowed));
    }
    if summary.errors > 0 {
        lines.push(format!("failed: {}", summary.errors));
    }
    if summary.interrupted {
        lines.push(format!(
            "interrupted, {} still under way",
            summary.waiting.len()
        ));
    }
    lines.push(format!(
        "{} {} in {}; one after another: {}; at most {} in flight",
        summary.pages,
        if summary.pages == 1 { "page" } else { "pages" },
        seconds(summary.elapsed),
        seconds(summary.sequential),
        summary.max_in_flight
    ));
    lines
}

fn page_json(page: &Page) -> String {
    json!({
        "url": page.url.as_str(),
        "status": page.status,
        "content_type": page.content_type,
        "size": page.size,
        "links": page.links,
        "new_links": page.new_links,
        "redirect": page.redirect.as_ref().map(|url| url.as_str()),
        "error": page.error.as_ref().map(|error| json!({
            "kind": error.kind.as_str(),
            "message": error.message,
        })),
        "tries": page.tries,
        "elapsed_s": page.elapsed.as_secs_f64(),
    })
    .to_string()
}

fn waiting_json(waiting: &Waiting) -> String {
    json!({
        "waiting": true,
        "url": waiting.url.as_str(),
        "waiting_for": waiting.waiting_for,
        "at": waiting.at,
        "elapsed_s": waiting.elapsed.as_secs_f64(),
    })
    .to_string()
}

fn summary_json(summary: &Summary) -> String {
    json!({
        "summary": true,
        "pages": summary.pages,
        "errors": summary.errors,
        "bytes": summary.bytes,
        "elapsed_s": summary.elapsed.as_secs_f64(),
        "sequential_s": summary.sequential.as_secs_f64(),
        "max_in_flight": summary.max_in_flight,
        "disallowed": summary.disallowed,
        "interrupted": summary.interrupted,
    })
    .to_string()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn bytes(n: u64) -> String {
    match n {
        0..1024 => format!("{n} B"),
        _ => indicatif::BinaryBytes(n).to_string(),
    }
}
