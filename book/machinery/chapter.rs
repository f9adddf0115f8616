//! Finds what is not plain text in a chapter: code blocks, directives, links
//! and images, each with its place.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;

use mdbook_driver::book::{Book, Chapter as BookChapter};
use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};
use regex::Regex;

use crate::project::Project;

/// A chapter as its author wrote it.
pub struct Chapter {
    pub name: String,
    /// The Markdown file.
    pub file: PathBuf,
    /// The built page, from the root of the built book.
    pub page: String,
    /// Part pages have no number, and need no head and no questions.
    pub numbered: bool,
    pub text: String,
    pub items: Vec<Item>,
}

/// Something in a chapter that is not plain text.
pub struct Item {
    pub kind: Kind,
    pub range: Range<usize>,
    /// The line that it begins in, from 1.
    pub line: usize,
}

pub enum Kind {
    /// A code block between fences; `info` follows the opening fence.
    Fence {
        info: String,
        body: String,
    },
    /// A code block that is only indented.
    Indented,
    /// `{{#name argument}}`
    Directive {
        name: String,
        argument: String,
    },
    Image {
        alt: String,
    },
    Link {
        destination: String,
    },
}

impl Chapter {
    /// All chapters of a book, in order.
    pub fn all(project: &Project, book: &Book) -> Vec<Chapter> {
        book.chapters().map(|chapter| Chapter::new(project, chapter)).collect()
    }

    fn new(project: &Project, chapter: &BookChapter) -> Chapter {
        let path = chapter.path.clone().unwrap_or_default();
        let page = path.with_extension("html");
        Chapter {
            name: chapter.name.clone(),
            file: source_file(project, chapter),
            page: page.to_string_lossy().replace('\\', "/"),
            numbered: chapter.number.is_some(),
            items: scan(&chapter.content),
            text: chapter.content.clone(),
        }
    }
}

/// The Markdown file of a chapter.
pub fn source_file(project: &Project, chapter: &BookChapter) -> PathBuf {
    let path = chapter.source_path.as_ref().or(chapter.path.as_ref());
    project.src().join(path.unwrap_or(&PathBuf::new()))
}

/// Everything in the Markdown that is not plain text, in order.
pub fn scan(text: &str) -> Vec<Item> {
    let mut found: Vec<(Kind, Range<usize>)> = Vec::new();
    let mut code: Vec<Range<usize>> = Vec::new();
    let (mut body, mut alt) = (None, None);
    let parser = new_cmark_parser(text, &MarkdownOptions::default());
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => body = Some(String::new()),
            Event::End(TagEnd::CodeBlock) => {
                let body = body.take().unwrap_or_default();
                let kind = match info(&text[range.clone()]) {
                    Some(info) => Kind::Fence { info, body },
                    None => Kind::Indented,
                };
                code.push(range.clone());
                found.push((kind, range));
            }
            Event::Start(Tag::Image { .. }) => alt = Some(String::new()),
            Event::End(TagEnd::Image) => {
                let alt = alt.take().unwrap_or_default();
                found.push((Kind::Image { alt }, range));
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let destination = dest_url.to_string();
                found.push((Kind::Link { destination }, range));
            }
            Event::Text(part) => {
                for text in [&mut body, &mut alt].into_iter().flatten() {
                    text.push_str(&part);
                }
            }
            Event::Code(part) => {
                if let Some(alt) = &mut alt {
                    alt.push_str(&part);
                }
                code.push(range);
            }
            _ => {}
        }
    }
    for directive in directives(text) {
        let start = directive.1.start;
        if !code.iter().any(|code| code.contains(&start)) {
            found.push(directive);
        }
    }
    found.sort_by_key(|(_, range)| range.start);
    let item = |(kind, range): (Kind, Range<usize>)| {
        let line = line_at(text, range.start);
        Item { kind, range, line }
    };
    found.into_iter().map(item).collect()
}

/// What follows the opening fence, as written: the parser would take
/// backslashes out of it.
fn info(block: &str) -> Option<String> {
    let first = block.lines().next()?;
    let fence = first.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    Some(first.trim_start_matches(fence).trim().to_string())
}

fn directives(text: &str) -> impl Iterator<Item = (Kind, Range<usize>)> {
    // A regular expression may hold braces: it ends with a slash.
    static DIRECTIVE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\{\{#(\w+)\s+([^\s}]+\s+/.+?/|.*?)\s*\}\}").unwrap()
    });
    DIRECTIVE.captures_iter(text).map(|found| {
        let range = found.get(0).expect("the whole match").range();
        let name = found[1].to_string();
        let argument = found[2].to_string();
        (Kind::Directive { name, argument }, range)
    })
}

/// The line, from 1, in which the byte at `at` stands.
pub fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// What stands before `range` in its line, for each further line of what
/// takes its place: a block in a list item or a quotation stays inside it.
pub fn indentation(text: &str, range: &Range<usize>) -> String {
    let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let blank = |c| if matches!(c, '>' | '\t') { c } else { ' ' };
    text[line..range.start].chars().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let name = |item: Item| match item.kind {
            Kind::Fence { info, body } => {
                format!("{}: fence {info} {body:?}", item.line)
            }
            Kind::Indented => format!("{}: indented", item.line),
            Kind::Directive { name, argument } => {
                format!("{}: {name} {argument}", item.line)
            }
            Kind::Image { alt } => format!("{}: image {alt:?}", item.line),
            Kind::Link { destination } => {
                format!("{}: link {destination}", item.line)
            }
        };
        scan(text).into_iter().map(name).collect()
    }

    #[test]
    fn each_kind_has_its_line() {
        let text = "# T\n\n```run a hide=\\.x\n$ b\n```\n\n    old\n\n\
                    {{#listing x.rs:y}}\n![a `b`](c) [d](e.md)";
        let expected = [
            "3: fence run a hide=\\.x \"$ b\\n\"",
            "7: indented",
            "9: listing x.rs:y",
            "10: image \"a b\"",
            "10: link e.md",
        ];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn what_is_shown_as_code_is_no_directive() {
        let text = "`{{#listing a}}`\n\n```text\n{{#listing b}}\n```\n";
        assert_eq!(names(text), ["3: fence text \"{{#listing b}}\\n\""]);
    }

    #[test]
    fn a_regular_expression_may_hold_braces() {
        let text = r"It took {{#figure a /(\d{2}) s/}}, {{#figure b /(x)}}/}}.";
        let expected = [r"1: figure a /(\d{2}) s/", "1: figure b /(x)}}/"];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn a_block_in_a_list_stays_in_it() {
        let text = "1. one\n\n   > ```text\n   > x\n   > ```\n";
        let item = &scan(text)[0];
        assert_eq!(indentation(text, &item.range), "   > ");
    }
}
