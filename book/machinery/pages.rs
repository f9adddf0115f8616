//! The built pages: are their links alive, and do they load nothing from
//! other hosts?

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use html5gum::{Token, Tokenizer};
use regex::Regex;

/// All files of the built book, by their path with `/`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Reads all files of a folder.
pub fn read(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let path = format!("{prefix}{}", name.to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else {
                files.insert(path, fs::read(entry.path())?);
            }
        }
    }
    Ok(files)
}

/// Something wrong in a built page.
#[derive(Debug)]
pub struct Fault {
    /// The path of the page.
    pub page: String,
    /// The link or the attribute, as it stands in the page.
    pub what: String,
    pub text: String,
}

/// What is wrong in these files, and how many links were followed.
pub fn faults(files: &Files) -> (Vec<Fault>, usize) {
    let pages: BTreeMap<&str, Page> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".html"))
        .map(|(path, html)| (path.as_str(), Page::read(html)))
        .collect();
    let mut faults = Vec::new();
    let mut count = 0;
    for (path, page) in &pages {
        let mut add = |what: &str, text: String| {
            let (page, what) = (path.to_string(), what.to_string());
            faults.push(Fault { page, what, text });
        };
        for image in &page.images_without_alt {
            add(image, "an image without alternative text".to_string());
        }
        for link in &page.links {
            count += 1;
            if link.is_loaded && is_elsewhere(&link.url) {
                add(&link.url, format!("loads from elsewhere: {}", link.url));
            } else if let Some(fault) = dead(path, &link.url, files, &pages) {
                add(&link.url, fault);
            }
        }
    }
    for (path, css) in files.iter().filter(|(path, _)| path.ends_with(".css")) {
        for url in css_urls(&String::from_utf8_lossy(css)) {
            count += 1;
            let text = if is_elsewhere(&url) {
                format!("loads from elsewhere: {url}")
            } else if let Some(fault) = dead(path, &url, files, &pages) {
                fault
            } else {
                continue;
            };
            faults.push(Fault { page: path.clone(), what: url, text });
        }
    }
    (faults, count)
}

#[derive(Default)]
struct Page {
    ids: HashSet<String>,
    links: Vec<Link>,
    images_without_alt: Vec<String>,
}

struct Link {
    url: String,
    /// The browser loads it with the page; the reader need not click.
    is_loaded: bool,
}

impl Page {
    fn read(html: &[u8]) -> Page {
        let mut page = Page::default();
        for Ok(token) in Tokenizer::new(html) {
            let Token::StartTag(tag) = token else { continue };
            let name = String::from_utf8_lossy(&tag.name).into_owned();
            let attribute = |name: &str| {
                let value = tag.attributes.get(name.as_bytes())?;
                Some(String::from_utf8_lossy(value).into_owned())
            };
            page.ids.extend(attribute("id"));
            let mut link = |url, is_loaded| {
                page.links.push(Link { url, is_loaded });
            };
            if let Some(url) = attribute("href") {
                let rel = attribute("rel").unwrap_or_default();
                let is_page = matches!(rel.as_str(), "canonical" | "license");
                let is_link = matches!(name.as_str(), "a" | "area");
                link(url, !is_link && !is_page);
            }
            for source in ["src", "poster", "data"] {
                attribute(source).into_iter().for_each(|url| link(url, true));
            }
            if let Some(set) = attribute("srcset") {
                for url in set.split(',') {
                    let url = url.split_whitespace().next().unwrap_or("");
                    link(url.to_string(), true);
                }
            }
            if let Some(style) = attribute("style") {
                css_urls(&style).for_each(|url| link(url, true));
            }
            let alt = attribute("alt").unwrap_or_default();
            if name == "img" && alt.trim().is_empty() {
                let source = attribute("src").unwrap_or_default();
                page.images_without_alt.push(source);
            }
        }
        page
    }
}

fn css_urls(css: &str) -> impl Iterator<Item = String> {
    static URL: LazyLock<Regex> = LazyLock::new(|| {
        let url = r#"url\(\s*['"]?([^'")]+)"#;
        let import = r#"@import\s+['"]([^'"]+)"#;
        Regex::new(&format!("{url}|{import}")).unwrap()
    });
    URL.captures_iter(css).map(|found| {
        let url = found.get(1).or(found.get(2)).expect("one of them");
        url.as_str().trim().to_string()
    })
}

fn is_elsewhere(url: &str) -> bool {
    has_scheme(url) && !url.starts_with("data:") || url.starts_with("//")
}

fn has_scheme(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// Why a link that stands in `from` leads nowhere, if so.
fn dead(
    from: &str,
    url: &str,
    files: &Files,
    pages: &BTreeMap<&str, Page>,
) -> Option<String> {
    if has_scheme(url) || url.starts_with("//") {
        return None;
    }
    let (path, fragment) = url.split_once('#').unwrap_or((url, ""));
    let path = decode(path.split('?').next().unwrap_or(path));
    let target = match path.as_str() {
        "" => from.to_string(),
        path => resolve(from, path),
    };
    if !files.contains_key(&target) {
        return Some(format!("dead link: {url}"));
    }
    let page = pages.get(target.as_str())?;
    let found = fragment.is_empty() || page.ids.contains(&decode(fragment));
    (!found).then(|| format!("dead link: {url} (no such fragment)"))
}

/// A relative path, seen from the file `from`.
fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if path.starts_with('/') {
        parts.clear();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if path.ends_with('/') {
        parts.push("index.html");
    }
    parts.join("/")
}

/// Takes `%20` and the like out.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|d| str::from_utf8(d).ok());
        let code = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
        match code {
            Some(code) if first == b'%' => {
                bytes.push(code);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
