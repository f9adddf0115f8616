//! Puts Markdown and HTML in the place of each directive.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use mdbook_driver::book::Book;
use regex::{Regex, RegexBuilder};

use crate::chapter::{Chapter, Item, Kind, indentation, source_file};
use crate::diff;
use crate::lifecycle;
use crate::listing::{excerpt, language};
use crate::project::{Problem, Project};
use crate::run::Run;
use crate::source_page::escape;
use crate::states;

/// What was found while a book was expanded.
#[derive(Default)]
pub struct Expanded {
    /// The chapters as they were written.
    pub chapters: Vec<Chapter>,
    pub problems: Vec<Problem>,
    /// The source files that the book shows or links to, from the root of the
    /// repository, with the lines that are shown.
    pub sources: BTreeMap<String, BTreeSet<(usize, usize)>>,
    /// How many listings there are, and where the Rust ones come from.
    pub listings: usize,
    pub rust_listings: Vec<(String, PathBuf, usize)>,
    pictures: usize,
    runs: HashMap<String, Run>,
}

/// Replaces the directives of all chapters. What cannot be replaced stays, and
/// its problem is told.
pub fn expand(project: &Project, book: &mut Book) -> Expanded {
    let chapters = Chapter::all(project, book);
    let mut expanded = Expanded::default();
    for run in Run::all(&chapters) {
        let problem = run.problem(project, format!("two runs `{}`", run.name));
        if expanded.runs.insert(run.name.clone(), run).is_some() {
            expanded.problems.push(problem);
        }
    }
    let mut texts: HashMap<PathBuf, String> = HashMap::new();
    for chapter in &chapters {
        let mut parts = Vec::new();
        for item in &chapter.items {
            match expanded.item(project, chapter, item) {
                Ok(part) => parts.extend(part),
                Err(error) => {
                    let problem =
                        project.problem(&chapter.file, item.line, error);
                    expanded.problems.push(problem);
                }
            }
        }
        // From the end, so that the places before stay true.
        parts.sort_by_key(|(range, _)| range.start);
        let mut text = chapter.text.clone();
        for (range, part) in parts.into_iter().rev() {
            let indent = format!("\n{}", indentation(&chapter.text, &range));
            let part = part.trim_end().replace('\n', &indent);
            text.replace_range(range, &part);
        }
        texts.insert(chapter.file.clone(), text);
    }
    book.for_each_chapter_mut(|chapter| {
        if let Some(text) = texts.remove(&source_file(project, chapter)) {
            chapter.content = text;
        }
    });
    expanded.chapters = chapters;
    expanded
}

/// What stands in the place of a piece of Markdown; nothing if it stays.
type Part = Result<Option<(Range<usize>, String)>, String>;
type Text = Result<String, String>;

impl Expanded {
    fn item(
        &mut self,
        project: &Project,
        chapter: &Chapter,
        item: &Item,
    ) -> Part {
        let text = match &item.kind {
            Kind::Fence { info, body } => match info.split([' ', ',']).next() {
                Some("run") => {
                    let run = Run::parse(info, body)?;
                    fenced("console", &run.recorded(project)?)
                }
                Some("chapter") => chapter_head(body)?,
                // Without what is meant for the check.
                Some(language @ ("rust" | "text")) => fenced(language, body),
                _ => return Ok(None),
            },
            Kind::Directive { name, argument } => match name.as_str() {
                "listing" => {
                    let shown = self.shown(project, chapter, item, argument)?;
                    shown.listing()
                }
                "states" => self.states(project, chapter, item, argument)?,
                "diff" => self.diff(project, chapter, item, argument)?,
                "figure" => self.figure(project, argument)?,
                "lifecycle" => {
                    self.pictures += 1;
                    lifecycle::draw(project, argument, self.pictures)?
                }
                _ => return Err(format!("there is no directive `{name}`")),
            },
            Kind::Link { destination } => {
                let url = self.source_link(project, chapter, destination);
                // The destination alone: the text may hold a directive.
                let link = &chapter.text[item.range.clone()];
                let Some((url, at)) = url.zip(link.rfind(destination)) else {
                    return Ok(None);
                };
                let start = item.range.start + at;
                return Ok(Some((start..start + destination.len(), url)));
            }
            Kind::Indented | Kind::Image { .. } => return Ok(None),
        };
        Ok(Some((item.range.clone(), text)))
    }

    /// `PATH[:ANCHOR]`: a part of a source file.
    fn shown(
        &mut self,
        project: &Project,
        chapter: &Chapter,
        item: &Item,
        argument: &str,
    ) -> Result<Shown, String> {
        let (path, anchor) = match argument.rsplit_once(':') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (argument, None),
        };
        if path.ends_with(".rs") {
            let place = chapter.file.clone();
            self.rust_listings.push((path.to_string(), place, item.line));
        }
        let source = fs::read_to_string(project.repository.join(path))
            .map_err(|error| format!("{path}: {error}"))?;
        let excerpt = excerpt(&source, anchor)
            .map_err(|error| format!("{path}: {error}"))?;
        self.listings += 1;
        let (first, last) = excerpt.lines;
        self.sources.entry(path.to_string()).or_default().insert((first, last));
        let fragment = format!("L{first}-L{last}");
        let url = source_url(project, chapter, path, Some(&fragment));
        let lines = if first == last {
            format!("line {first}")
        } else {
            format!("lines {first}–{last}")
        };
        Ok(Shown {
            text: excerpt.text,
            language: language(path, &source),
            link: format!("<a href=\"{url}\">{path}</a>, {lines}"),
        })
    }

    /// `OLD[:ANCHOR] NEW[:ANCHOR] [CAPTION]`: what changes from one to the
    /// other.
    fn diff(
        &mut self,
        project: &Project,
        chapter: &Chapter,
        item: &Item,
        argument: &str,
    ) -> Text {
        let (old, rest) = split_word(argument);
        let (new, caption) = split_word(rest);
        if new.is_empty() {
            return Err("expected `{{#diff OLD NEW [CAPTION]}}`".to_string());
        }
        let from = self.shown(project, chapter, item, old)?;
        let to = self.shown(project, chapter, item, new)?;
        self.pictures += 1;
        let diff = diff::draw(&from.text, &to.text, self.pictures);
        let diff = diff.ok_or_else(|| {
            format!("there is no difference between {old} and {new}")
        })?;
        Ok(format!(
            "<figure class=\"diff\" aria-label=\"From {old} to {new}\">\n\
             <div class=\"code\" role=\"group\" aria-label=\"code\" \
             tabindex=\"0\">\n<div>\n{}</div>\n</div>\n\
             <figcaption>{}{} → {}: {}</figcaption>\n</figure>\n",
            diff.html,
            caption_html(caption),
            from.link,
            to.link,
            diff.summary,
        ))
    }

    /// `PATH[:ANCHOR] [CAPTION]`: the states that a table there tells of.
    fn states(
        &mut self,
        project: &Project,
        chapter: &Chapter,
        item: &Item,
        argument: &str,
    ) -> Text {
        let (place, caption) = split_word(argument);
        let shown = self.shown(project, chapter, item, place)?;
        self.pictures += 1;
        let svg = states::draw(&shown.text, self.pictures)
            .map_err(|error| format!("{place}: {error}"))?;
        Ok(format!(
            "<figure class=\"picture\">\n{svg}\n\
             <figcaption>{}{}</figcaption>\n</figure>\n",
            caption_html(caption),
            shown.link,
        ))
    }

    /// `NAME /regex/`: the first group of the regex in the output of a run.
    fn figure(&self, project: &Project, argument: &str) -> Text {
        let (name, regex) = argument.split_once(' ').unwrap_or((argument, ""));
        let regex = regex.trim().strip_prefix('/');
        let regex = regex.and_then(|regex| regex.strip_suffix('/'));
        let regex = regex.ok_or("expected `{{#figure NAME /regex/}}`")?;
        let regex = RegexBuilder::new(regex).multi_line(true).build();
        let regex = regex.map_err(|error| error.to_string())?;
        let run = self.runs.get(name);
        let run = run.ok_or_else(|| format!("there is no run `{name}`"))?;
        let text = run.recorded(project)?;
        let found = regex.captures(&text);
        let found = found.ok_or_else(|| {
            format!("the output of `{name}` does not match /{regex}/")
        })?;
        let figure = found.get(1).ok_or("the regex has no group")?;
        Ok(figure.as_str().to_string())
    }

    /// Where a link leads to that names a file outside of the book's text.
    fn source_link(
        &mut self,
        project: &Project,
        chapter: &Chapter,
        destination: &str,
    ) -> Option<String> {
        let (path, fragment) = match destination.split_once('#') {
            Some((path, fragment)) => (path, Some(fragment)),
            None => (destination, None),
        };
        // If there is no such file, the check of the links tells it.
        let file = fs::canonicalize(chapter.file.parent()?.join(path)).ok()?;
        let is_source = file.is_file()
            && file.starts_with(&project.repository)
            && !file.starts_with(project.src());
        if !is_source {
            return None;
        }
        let path = project.shown(&file);
        let url = source_url(project, chapter, &path, fragment);
        self.sources.entry(path).or_default();
        Some(url)
    }
}

/// A part of a source file.
struct Shown {
    text: String,
    language: &'static str,
    /// A link to the part, and its lines.
    link: String,
}

impl Shown {
    fn listing(&self) -> String {
        let code = fenced(self.language, &self.text);
        format!(
            "<figure class=\"listing\">\n\n{code}\n\
             <figcaption>{}</figcaption>\n</figure>\n",
            self.link
        )
    }
}

/// The first word, and what follows it.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim())
}

/// The first line of a caption, if there is one. It may hold `code`.
fn caption_html(caption: &str) -> String {
    if caption.is_empty() {
        return String::new();
    }
    let code = Regex::new("`([^`]+)`").expect("a good regex");
    let html = escape(caption);
    format!("{}<br>\n", code.replace_all(&html, "<code>$1</code>"))
}

/// The page of a source file: on the git host, or in the book itself.
fn source_url(
    project: &Project,
    chapter: &Chapter,
    path: &str,
    fragment: Option<&str>,
) -> String {
    let mut url = match project.git_host() {
        Some(host) => format!("{host}/blob/HEAD/{path}"),
        None => {
            let depth = chapter.page.matches('/').count();
            format!("{}code/{path}.html", "../".repeat(depth))
        }
    };
    if let Some(fragment) = fragment {
        let _ = write!(url, "#{fragment}");
    }
    url
}

/// A code block whose fence is longer than every fence in it.
pub fn fenced(language: &str, text: &str) -> String {
    let ticks = |line: &str| line.len() - line.trim_start_matches('`').len();
    let most = text.lines().map(|line| ticks(line.trim())).max();
    let fence = "`".repeat(most.unwrap_or(0).max(2) + 1);
    // In Rust, mdBook hides lines that begin with `# `, but for `##`.
    let mut shown = String::new();
    for line in text.lines() {
        let code = line.trim_start();
        let hidden =
            code == "#" || ["# ", "##"].iter().any(|h| code.starts_with(h));
        if language == "rust" && hidden {
            let indent = line.len() - code.len();
            shown += &format!("{}#{code}\n", &line[..indent]);
        } else {
            shown += &format!("{line}\n");
        }
    }
    format!("{fence}{language}\n{shown}{fence}\n")
}

/// The names in a chapter's head and the words that the reader sees.
const HEAD: [(&str, &str); 4] = [
    ("can", "Afterwards you can"),
    ("minutes", "Time"),
    ("read", "Read before"),
    ("run", "Run"),
];

fn chapter_head(body: &str) -> Result<String, String> {
    let mut values: HashMap<&str, &str> = HashMap::new();
    for line in body.lines().filter(|line| !line.trim().is_empty()) {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        if !HEAD.iter().any(|(known, _)| known == &key) {
            return Err(format!("the chapter's head has no `{key}`"));
        }
        if values.insert(key, value.trim()).is_some() {
            return Err(format!("`{key}` is there twice"));
        }
    }
    let mut html = String::from("<dl class=\"chapter-head\">\n");
    for (key, words) in HEAD {
        let value = values.get(key).copied().unwrap_or("");
        let value = match key {
            _ if value.is_empty() => {
                return Err(format!("the chapter's head lacks `{key}`"));
            }
            "minutes" if value.parse::<u16>().is_err() => {
                return Err(format!("`minutes: {value}` is no number"));
            }
            "minutes" => format!("{value} minutes"),
            "run" if value == "none" => continue,
            "run" if !value.contains('`') => format!("`{value}`"),
            _ => value.to_string(),
        };
        // The empty lines let mdBook read the value as Markdown.
        let _ = write!(html, "<dt>{words}</dt>\n<dd>\n\n{value}\n\n</dd>\n");
    }
    html += "</dl>\n";
    Ok(html)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::build;

    const OLD: &str =
        "fn same() {}\n// ANCHOR: a\nfn old() {}\n// ANCHOR_END: a\n";
    const NEW: &str = "/// | from | with | to |
/// |---|---|---|
/// | `One` | nothing | done |
enum State {
    One,
}
";

    /// The one chapter of a book, expanded, with what was found.
    fn expanded(text: &str) -> (String, Expanded) {
        let folder = TempDir::new().expect("a folder");
        let write = |file: &str, text: &str| {
            let file = folder.path().join(file);
            let parent = file.parent().unwrap_or(Path::new(""));
            fs::create_dir_all(parent).expect("create");
            fs::write(file, text).expect("write");
        };
        write("book/book.toml", "");
        write("book/src/SUMMARY.md", "[One](one.md)\n");
        write("book/src/one.md", text);
        write("old.rs", OLD);
        write("new.rs", NEW);
        let project = Project::open(&folder.path().join("book"));
        let project = project.expect("a book");
        let mut book = build::load(&project).expect("a book").book;
        let expanded = expand(&project, &mut book);
        let chapter = book.chapters().next().expect("a chapter");
        (chapter.content.clone(), expanded)
    }

    #[track_caller]
    fn fails(text: &str, problem: &str) {
        let (_, expanded) = expanded(text);
        let problems: Vec<String> =
            expanded.problems.iter().map(ToString::to_string).collect();
        let is_it = matches!(&problems[..], [p] if p.starts_with(problem));
        assert!(is_it, "expected {problem}, got {problems:?}");
    }

    #[test]
    fn a_difference_links_to_both_files() {
        let text = "{{#diff old.rs:a  new.rs How `a<b>` & c}}";
        let (html, expanded) = expanded(text);
        let caption = "How <code>a&lt;b&gt;</code> &amp; c<br>\n\
             <a href=\"code/old.rs.html#L3-L3\">old.rs</a>, line 3 → \
             <a href=\"code/new.rs.html#L1-L6\">new.rs</a>, lines 1–6: \
             6 lines new, 1 gone</figcaption>";
        assert!(html.contains(caption), "{html}");
        assert!(!html.contains("\n\n"), "an empty line in {html}");
        assert_eq!(expanded.sources["old.rs"], [(3, 3)].into());
        let rust: Vec<&str> =
            expanded.rust_listings.iter().map(|(path, ..)| &path[..]).collect();
        assert_eq!(rust, ["old.rs", "new.rs"]);
    }

    #[test]
    fn a_difference_must_be_there() {
        let problem = "book/src/one.md:1: there is no difference between \
                       old.rs and old.rs";
        fails("{{#diff old.rs old.rs}}", problem);
        let problem = "book/src/one.md:1: new.rs: there is no anchor `x`";
        fails("{{#diff old.rs new.rs:x}}", problem);
        fails("{{#diff old.rs gone.rs}}", "book/src/one.md:1: gone.rs: ");
        fails("{{#diff old.rs}}", "book/src/one.md:1: expected `{{#diff");
    }

    #[test]
    fn states_are_drawn_from_a_listing() {
        let (html, expanded) = expanded("{{#states new.rs}}\n");
        assert!(html.contains(">One</text>"), "{html}");
        let caption = "<figcaption><a href=\"code/new.rs.html#L1-L6\">";
        assert!(html.contains(caption), "{html}");
        assert_eq!(expanded.rust_listings.len(), 1);
        let problem = "book/src/one.md:1: old.rs:a: there is no `enum`";
        fails("{{#states old.rs:a}}", problem);
    }
}
