//! The crawler finds on real servers exactly what an independent script
//! finds: `scripts/crawl.py`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::programs::{Running, Stage, TempDir, each_stage};

use crate::servers::{self, By, Docs, Server, is_here, required, script};

/// Much longer than it takes to find the pages.
const LONG: Duration = Duration::from_secs(120);
/// The most memory that a crawl may take, in KiB, however many pages.
const MEMORY: u64 = 100 * 1024;

/// Not about `std`, but beside it.
const BESIDE_STD: &str = "/(src|core|alloc|book|cargo|reference|rustc|nomicon|\
    rust-by-example|error_codes)/";
/// Most bytes of `std`, in a third of its pages.
const LARGE: &str = "/std/.*(struct|primitive|trait|enum|keyword|union)[.]";

/// What is known of each URL.
type Pages = BTreeMap<String, Value>;

#[test]
fn nginx() {
    if !is_here("nginx", "-v") || !is_here("python3", "-V") {
        return;
    }
    let docs = Docs::find();
    let (start, excludes): (_, &[&str]) = match docs.by {
        By::Rust if required() => ("/std", &["/(src|core)/"]),
        // All of it takes the script half a minute.
        By::Rust => ("/std", &[BESIDE_STD, LARGE]),
        By::Rustdoc => ("/support", &[]),
    };
    compare(&servers::nginx(&docs.root), start, excludes);
}

#[test]
fn python_http_server() {
    if is_here("python3", "-V") {
        compare_a_part("cargo", servers::python);
    }
}

#[test]
fn node_in_small_chunks() {
    if is_here("node", "-v") && is_here("python3", "-V") {
        compare_a_part("book", servers::node);
    }
}

/// One book of Rust's documentation on a server that has no others: links
/// that lead out of it lead to pages that are not found.
fn compare_a_part(book: &str, server: impl Fn(&Path) -> Server) {
    let docs = Docs::find();
    match docs.by {
        By::Rust => {
            let dir = TempDir::new();
            let link = dir.path().join(book);
            symlink(docs.root.join(book), link).expect("a new directory");
            compare(&server(dir.path()), &format!("/{book}"), &[]);
        }
        By::Rustdoc => compare(&server(&docs.root), "/support", &[]),
    }
}

/// Each stage's crawler and the script find the same. `start` is a
/// directory's name without the slash: every server redirects from there.
fn compare(server: &Server, start: &str, excludes: &[&str]) {
    let url = format!("http://{}{start}", server.address);
    let expected = by_script(&url, excludes);
    let pages = expected.len();
    assert!(pages >= 30, "only {pages} pages");
    assert!(expected[&url]["redirect"].is_string(), "{}", expected[&url]);
    each_stage(|stage| {
        let found = by_crawler(stage, &url, excludes);
        println!("{pages} pages, at most {} KiB", found.memory);
        assert!(found.memory <= MEMORY, "{} KiB", found.memory);
        let all = expected.keys().chain(found.pages.keys());
        let differ = all
            .filter(|url| expected.get(*url) != found.pages.get(*url))
            .map(|url| (expected.get(url), found.pages.get(url)));
        // They may be thousands.
        let differ: Vec<_> = differ.take(10).collect();
        assert!(differ.is_empty(), "expected, found: {differ:#?}");
    });
}

fn by_script(url: &str, excludes: &[&str]) -> Pages {
    let mut python = Command::new("python3");
    python.arg(script("crawl.py")).arg(url).args(excludes);
    let ended = Running::start(&mut python).finish_within(LONG);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout.lines().map(page).collect()
}

struct Found {
    pages: Pages,
    /// The most memory it took, in KiB.
    memory: u64,
}

fn by_crawler(stage: &Stage, url: &str, excludes: &[&str]) -> Found {
    let mut command = Command::new(stage.released("crawler"));
    // Its limit for a body may not be what it reserves for a body. Python's
    // server keeps five clients waiting, and not many more.
    command.args(["--format=json", "--max-body=1GiB", "--max-tasks=5", url]);
    for exclude in excludes {
        command.args(["--exclude", exclude]);
    }
    let mut crawler = Running::start(&mut command);
    let mut lines = Vec::new();
    let mut memory = 0;
    loop {
        let line = crawler.line();
        // Near its end it has ended already, and the last figure stays.
        memory = peak_memory(crawler.id()).unwrap_or(memory);
        if line.contains("\"summary\":true") {
            break;
        }
        lines.push(line);
    }
    let ended = crawler.finish();
    assert_eq!(ended.stderr, "");
    let pages: Pages = lines.iter().map(|line| page(line)).collect();
    assert_eq!(pages.len(), lines.len(), "a URL is there twice");
    let missing = pages.values().any(|page| page["status"] == 404);
    assert_eq!(ended.code, Some(i32::from(missing)));
    Found { pages, memory }
}

/// A line of either, with what both say: what else the crawler says is
/// checked here.
fn page(line: &str) -> (String, Value) {
    let mut page: Value = serde_json::from_str(line).expect(line);
    let url = page["url"].as_str().expect(line).to_string();
    if let Some(Value::Object(error)) = page.get("error") {
        assert_eq!(page["status"], 404, "{line}");
        assert_eq!(error["kind"], "status", "{line}");
    }
    let both = ["url", "status", "content_type", "size", "redirect"];
    let fields = page.as_object_mut().expect(line);
    fields.retain(|name, _| both.contains(&name.as_str()));
    assert_eq!(fields.len(), both.len(), "{line}");
    (url, page)
}

/// The most memory that the process has had so far, in KiB.
fn peak_memory(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
