//! Checks everything in the book that could be wrong.

use std::fs;
use std::iter;

use anyhow::{Result, bail};

use crate::build::{self, render};
use crate::chapter::{Chapter, line_at};
use crate::execute::execute;
use crate::expand::{Expanded, expand};
use crate::pages::{self, Fault, Files};
use crate::project::{Problem, Problems, Project};
use crate::run::Run;
use crate::workspace::compiled_files;

/// Checks the whole book; says on stdout what was checked and what was not.
/// Only `with_browser` are the built pages looked at.
///
/// # Errors
///
/// [`Problems`]: all that is wrong. Others: the book cannot be read.
pub fn check(project: &Project, with_browser: bool) -> Result<()> {
    let mut book = build::load(project)?;
    let mut expanded = expand(project, &mut book.book);
    let mut check = Check { project, problems: Vec::new() };
    check.problems.append(&mut expanded.problems);
    for chapter in &expanded.chapters {
        check.blocks(chapter)?;
        if chapter.numbered {
            check.head_and_questions(chapter);
        }
    }
    check.rust_listings(&expanded)?;
    let runs = check.runs(&expanded.chapters)?;

    let folder = tempfile::tempdir()?;
    for warning in render(project, book, &expanded, folder.path())? {
        let summary = project.src().join("SUMMARY.md");
        check.problems.push(project.problem(&summary, 1, warning));
    }
    let files = pages::read(folder.path())?;
    let links = check.links(&expanded.chapters, &files);
    let pages = match with_browser {
        true => check.look(&expanded.chapters, files),
        false => Ok(0),
    };
    let pages = pages.unwrap_or_else(|error| {
        let text = format!("the look at the pages failed: {error:#}");
        let config = project.root.join("book.toml");
        check.problems.push(project.problem(&config, 1, text));
        0
    });
    println!(
        "checked {} chapters, {} listings, {runs} runs, {links} links, \
         {pages} pages",
        expanded.chapters.len(),
        expanded.listings,
    );
    check.problems.sort();
    check.problems.dedup();
    if !check.problems.is_empty() {
        bail!(Problems(check.problems));
    }
    Ok(())
}

/// What was found so far.
pub struct Check<'a> {
    pub project: &'a Project,
    pub problems: Vec<Problem>,
}

impl Check<'_> {
    pub fn add(
        &mut self,
        chapter: &Chapter,
        line: usize,
        text: impl Into<String>,
    ) {
        let problem = self.project.problem(&chapter.file, line, text);
        self.problems.push(problem);
    }

    /// Rust that is shown must be compiled.
    fn rust_listings(&mut self, expanded: &Expanded) -> Result<()> {
        if expanded.rust_listings.is_empty() {
            return Ok(());
        }
        let compiled = compiled_files(&self.project.repository)?;
        for (path, file, line) in &expanded.rust_listings {
            let Ok(path) = fs::canonicalize(self.project.repository.join(path))
            else {
                continue; // told already
            };
            if !compiled.contains(&path) {
                let path = self.project.shown(&path);
                let text = format!("{path}: no part of the workspace");
                self.problems.push(self.project.problem(file, *line, text));
            }
        }
        Ok(())
    }

    /// Runs what the book shows; gives how many runs were compared.
    fn runs(&mut self, chapters: &[Chapter]) -> Result<usize> {
        let mut runs = Run::all(chapters);
        let outputs = self.project.root.join("outputs");
        if outputs.is_dir() {
            for entry in fs::read_dir(&outputs)? {
                let file = entry?.path();
                let name = file.file_stem().unwrap_or_default();
                if !runs.iter().any(|run| *run.name == *name) {
                    let text = "no run in the book has this name";
                    self.problems.push(self.project.problem(&file, 1, text));
                }
            }
        }
        runs.extend(self.unused_python(&runs)?);
        let mut possible = Vec::new();
        for run in &runs {
            match run.obstacle() {
                Some(why) => println!("skipped run {}: {why}", run.name),
                None => possible.push(run),
            }
        }
        for (run, now) in possible.iter().zip(execute(self.project, &possible))
        {
            let text = match (now, run.recorded(self.project)) {
                (Err(error), _) => error,
                // A file in Python, or told already.
                (Ok(_), Err(_)) => continue,
                (Ok(now), Ok(before)) => match run.difference(&before, &now) {
                    Some(lines) => format!(
                        "the output of `{}` differs from what was recorded, \
                         {lines}",
                        run.name
                    ),
                    None => continue,
                },
            };
            self.problems.push(run.problem(self.project, text));
        }
        Ok(possible.len())
    }

    /// A run for each file in Python that no shown run contains.
    fn unused_python(&self, runs: &[Run]) -> Result<Vec<Run>> {
        let folder = self.project.root.join("python");
        let mut found = Vec::new();
        if !folder.is_dir() {
            return Ok(found);
        }
        for entry in fs::read_dir(folder)? {
            let file = entry?.path();
            let path = self.project.shown(&file);
            let is_run = |run: &Run| {
                run.commands.iter().any(|line| line.contains(&path))
            };
            if path.ends_with(".py") && !runs.iter().any(is_run) {
                let command = format!("$ python3 {path}");
                let run =
                    Run::parse(&format!("run {path} needs=python3"), &command);
                let mut run = run.expect("a good run");
                run.place = (file, 1);
                found.push(run);
            }
        }
        Ok(found)
    }

    /// Follows the links of the built pages; gives how many there are.
    fn links(&mut self, chapters: &[Chapter], files: &Files) -> usize {
        let (faults, count) = pages::faults(files);
        let mut others = Vec::new();
        for Fault { page, what, text } in faults {
            let chapter = chapters.iter().find(|chapter| chapter.page == page);
            match chapter {
                Some(chapter) => {
                    let line = line_of(&chapter.text, &what);
                    self.add(chapter, line, text);
                }
                None => others.push((page, text)),
            }
        }
        // The other pages repeat the chapters, so their faults come last.
        if self.problems.is_empty() {
            for (page, text) in others {
                let page = build::build_folder(self.project).join(page);
                self.problems.push(self.project.problem(&page, 1, text));
            }
        }
        count
    }
}

/// The line of a chapter in which a link of its page is written: the one
/// that has the longest end of the URL.
fn line_of(text: &str, url: &str) -> usize {
    let written = [".html", ".md", ""].map(|end| url.replace(".html", end));
    let ends = written.iter().flat_map(|url| {
        let slashes = url.match_indices('/').map(|(at, _)| at + 1);
        iter::once(0).chain(slashes).map(|at| &url[at..])
    });
    let found = ends.filter(|end| !end.is_empty() && text.contains(end));
    let longest =
        found.max_by_key(|end| end.len()).and_then(|end| text.find(end));
    longest.map_or(1, |at| line_at(text, at))
}
