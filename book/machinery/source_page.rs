//! Source files as pages of the book, so that captions lead somewhere without
//! a git host and without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::project::Project;

/// The lines that are shown of each source file.
pub type Sources = BTreeMap<String, BTreeSet<(usize, usize)>>;

/// Writes a page for each source into `src/code/`, from where mdBook copies
/// it, and removes pages that nothing leads to any more.
pub fn write_all(project: &Project, sources: &Sources) -> Result<()> {
    let folder = project.src().join("code");
    let mut wanted = BTreeSet::new();
    if project.git_host().is_none() {
        for (path, ranges) in sources {
            let source = fs::read_to_string(project.repository.join(path))?;
            let page = folder.join(format!("{path}.html"));
            write_changed(&page, &render(path, &source, ranges))
                .with_context(|| format!("write {}", page.display()))?;
            wanted.insert(page);
        }
    }
    remove_others(&folder, &wanted)
        .with_context(|| format!("clean {}", folder.display()))
}

/// An unchanged file stays, so that nobody who watches it rebuilds.
fn write_changed(file: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(file).is_ok_and(|before| before == text) {
        return Ok(());
    }
    fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
    fs::write(file, text)
}

fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A page with an anchor for each line and for each range that is shown.
fn render(
    path: &str,
    source: &str,
    ranges: &BTreeSet<(usize, usize)>,
) -> String {
    let mut lines = String::new();
    for (number, line) in (1..).zip(source.lines()) {
        for (first, last) in ranges.iter().filter(|range| range.0 == number) {
            lines += &format!("<a id=\"L{first}-L{last}\"></a>");
        }
        let line = escape(line);
        lines += &format!("<span id=\"L{number}\">{line}\n</span>");
    }
    let root = "../".repeat(path.matches('/').count() + 1);
    include_str!("source_page.html")
        .replace("{root}", &root)
        .replace("{path}", &escape(path))
        .replace("{lines}", &lines)
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
