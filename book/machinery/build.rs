//! Builds the book with mdBook, as a library or as its preprocessor.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use mdbook_driver::MDBook;
use mdbook_driver::book::Book;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext, parse_input};
use tracing_subscriber::filter::LevelFilter;

use crate::expand::{Expanded, expand};
use crate::project::{Problems, Project};
use crate::source_page;

/// The name of this program in `book.toml`.
const NAME: &str = "machinery";

/// Reads the book without expanding anything.
pub fn load(project: &Project) -> Result<MDBook> {
    MDBook::load_with_config(project.root.clone(), project.config.clone())
}

/// Where the built book goes.
pub fn build_folder(project: &Project) -> PathBuf {
    project.root.join(&project.config.build.build_dir)
}

/// Builds the book into the folder that `book.toml` names.
///
/// # Errors
///
/// Something in the chapters cannot be expanded: all problems are told, and
/// what was built before stays.
pub fn build(project: &Project) -> Result<PathBuf> {
    let mut book = load(project)?;
    let expanded = expand(project, &mut book.book);
    if !expanded.problems.is_empty() {
        bail!(Problems(expanded.problems));
    }
    let folder = build_folder(project);
    for warning in render(project, book, &expanded, &folder)? {
        eprintln!("{warning}");
    }
    Ok(folder.canonicalize()?)
}

/// Writes the expanded book as HTML; gives mdBook's warnings.
pub fn render(
    project: &Project,
    mut book: MDBook,
    expanded: &Expanded,
    folder: &Path,
) -> Result<Vec<String>> {
    source_page::write_all(project, &expanded.sources)?;
    book.config.build.build_dir = folder.to_path_buf();
    book.with_preprocessor(Expansion);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_writer(move || writer.clone())
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, || book.build())?;
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(|line| line.trim().to_string()).collect())
}

/// Stands where `book.toml` has this program as a preprocessor: the book is
/// expanded already.
struct Expansion;

impl Preprocessor for Expansion {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, _: &PreprocessorContext, book: Book) -> Result<Book> {
        Ok(book)
    }
}

/// What mdBook logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `mdbook build` calls: a book comes in as JSON and goes out expanded.
///
/// # Errors
///
/// As [`build`].
pub fn preprocess(input: impl io::Read, output: impl Write) -> Result<()> {
    let (context, mut book) = parse_input(input)?;
    let mut project = Project::open(&context.root)?;
    project.config = context.config;
    let expanded = expand(&project, &mut book);
    if !expanded.problems.is_empty() {
        bail!(Problems(expanded.problems));
    }
    source_page::write_all(&project, &expanded.sources)?;
    Ok(serde_json::to_writer(output, &book)?)
}
