//! Where the book stands, and how its problems are told.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::config::Config;

/// A book and the repository around it.
#[derive(Debug)]
pub struct Project {
    /// The folder with `book.toml`.
    pub root: PathBuf,
    /// The repository: paths of listings begin here, commands run here.
    pub repository: PathBuf,
    /// What stands in `book.toml`.
    pub config: Config,
}

impl Project {
    /// Opens the book in the folder `root`.
    ///
    /// # Errors
    ///
    /// `book.toml` is missing or not valid.
    pub fn open(root: &Path) -> Result<Project> {
        let root = fs::canonicalize(root)
            .with_context(|| format!("no book in {}", root.display()))?;
        let config = Config::from_disk(root.join("book.toml"))?;
        let is_workspace = |folder: &&Path| {
            fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|manifest| manifest.contains("[workspace]"))
        };
        let above = root.parent().context("the book is the whole disk")?;
        let repository = above.ancestors().find(is_workspace).unwrap_or(above);
        let repository = repository.to_path_buf();
        Ok(Project { root, repository, config })
    }

    /// The folder of the chapters.
    pub fn src(&self) -> PathBuf {
        self.root.join(&self.config.book.src)
    }

    /// The recorded output of a run.
    pub fn output_file(&self, run: &str) -> PathBuf {
        self.root.join("outputs").join(format!("{run}.txt"))
    }

    /// The repository on a git host, if there is one.
    pub fn git_host(&self) -> Option<String> {
        self.config.html_config()?.git_repository_url
    }

    /// A path as the reader of a message knows it.
    pub fn shown(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.repository).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    }

    /// A problem in a file of the book.
    pub fn problem(
        &self,
        file: &Path,
        line: usize,
        text: impl Into<String>,
    ) -> Problem {
        Problem { file: self.shown(file), line, text: text.into() }
    }
}

/// Something that is wrong in the book.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file to mend, from the root of the repository.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// All that is wrong, as one error: a line for each problem.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        let s = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{s}", self.0.len())
    }
}

impl std::error::Error for Problems {}
