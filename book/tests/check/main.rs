//! A small book is broken in every way that the check knows: each time the
//! check must fail, and name the file and the line.

#![cfg(unix)] // its commands run in bash

mod small;

use std::fs;

use book::build;

use small::{Small, two};

/// Replaces `from` in the first chapter by `to`; the one problem must be in
/// the line that `at` begins, and its text begin with `problem`.
#[track_caller]
fn breaks(from: &str, to: &str, at: &str, problem: &str) {
    let small = Small::new();
    small.replace("book/src/one.md", from, to);
    let file = small.path().join("book/src/one.md");
    let text = fs::read_to_string(file).expect("read");
    let line = text.lines().position(|line| line.starts_with(at));
    let line = line.expect("a line that begins so") + 1;
    let expected = format!("book/src/one.md:{line}: {problem}");
    let problems = small.problems();
    let is_it = matches!(&problems[..], [p] if p.starts_with(&expected));
    assert!(is_it, "expected {expected}, got {problems:#?}");
}

#[test]
fn nothing_is_wrong_in_the_small_book() {
    let small = Small::new();
    assert_eq!(small.problems(), [] as [&str; 0]);
    let page = build(&small.project()).expect("it is built").join("one.html");
    let page = fs::read_to_string(page).expect("a page");
    for part in [
        "pub fn two() -&gt; i32 {",
        "href=\"code/demo/src/lib.rs.html#L6-L9\"",
        "href=\"code/demo/src/lib.rs.html\"",
        "hello from 127.0.0.1:",
        "It says hello.",
        "class=\"chapter-head\"",
        "id=\"lifecycle-1-kernel\" data-state=\"new\"",
        "id=\"lifecycle-1-loop\" data-state=\"faint\"",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
}

#[test]
fn an_unknown_anchor() {
    let problem = "demo/src/lib.rs: there is no anchor `three`";
    breaks("lib.rs:two", "lib.rs:three", "{{#listing", problem);
}

#[test]
fn a_rust_file_that_nothing_compiles() {
    let problem = "demo/src/lost.rs: no part of the workspace";
    breaks("lib.rs:two", "lost.rs", "{{#listing", problem);
}

#[test]
fn a_module_is_compiled() {
    let small = Small::new();
    small.replace("book/src/one.md", "lib.rs:two", "inner.rs");
    assert_eq!(small.problems(), [] as [&str; 0]);
}

#[test]
fn a_directive_that_does_not_exist() {
    let problem = "there is no directive `include`";
    breaks("{{#listing", "{{#include", "{{#include", problem);
}

#[test]
fn an_output_that_differs() {
    let small = Small::new();
    small.replace("book/outputs/greet.txt", "\nhello", "\ngood bye");
    small.replace("book/src/one.md", r"^(\w+) from", r"^(.+) from");
    let problems = small.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    for part in [
        "book/src/one.md:12: the output of `greet` differs from what was \
         recorded, from line 1 on:\n",
        "\n  - good bye from 127.0.0.1:",
        "\n  + hello from 127.0.0.1:",
    ] {
        assert!(problems[0].contains(part), "no {part} in {}", problems[0]);
    }
}

#[test]
fn commands_that_were_not_recorded() {
    let problem = "`greet` was recorded with other commands";
    let small = Small::new();
    small.replace("book/src/one.md", "echo took", "echo lasted");
    small.replace("book/src/one.md", "{{#figure greet /^(\\w+) from/}}", "");
    let problems = small.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("book/src/one.md:12: "));
    assert!(problems[0].contains(problem), "{problems:#?}");
}

#[test]
fn an_output_that_no_chapter_shows() {
    let small = Small::new();
    small.write("book/outputs/old.txt", "$ old\n");
    let problem = "book/outputs/old.txt:1: no run in the book has this name";
    assert_eq!(small.problems(), [problem]);
}

#[test]
fn another_exit_status() {
    let problem = "`echo took 1.$RANDOM s; exit 3`: exit status 3, expected 4";
    breaks("status=3", "status=4", "```run", problem);
}

#[test]
fn a_command_that_does_not_end() {
    let small = Small::new();
    let run = "```run stuck timeout=1\n$ sleep 1000\n```\n\n## Check";
    small.replace("book/src/two.md", "## Check", run);
    small.write("book/outputs/stuck.txt", "$ sleep 1000\n");
    let problem =
        "book/src/two.md:12: `sleep 1000`: no end within 1s, expected 0";
    assert_eq!(small.problems(), [problem]);
}

#[test]
fn a_figure_that_is_not_in_the_output() {
    let problem = "the output of `greet` does not match /^(\\d+) from/";
    breaks(r"/^(\w+) from/", r"/^(\d+) from/", "It says", problem);
}

#[test]
fn python_that_fails() {
    let small = Small::new();
    small.write("book/python/fine.py", "import no_such_module\n");
    let problems = small.problems();
    if book_has_python() {
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with("book/python/fine.py:1: "));
    }
}

fn book_has_python() -> bool {
    let python = std::process::Command::new("python3").arg("-V").output();
    if python.is_err() {
        println!("skipped: there is no python3");
    }
    python.is_ok()
}

#[test]
fn a_typed_rust_block() {
    let block = "~~~rust\nfn typed() {}\n~~~\n\n![A dot]";
    breaks("![A dot]", block, "~~~rust", "a typed `rust` block");
}

#[test]
fn a_typed_python_block() {
    let block = "```python\npass\n```\n\n![A dot]";
    breaks("![A dot]", block, "```python", "a typed `python` block");
}

#[test]
fn a_dead_link() {
    let problem = "dead link: three.html";
    breaks("two.md#its-end", "three.md", "It says", problem);
}

#[test]
fn a_dead_fragment() {
    let problem = "dead link: two.html#end (no such fragment)";
    breaks("two.md#its-end", "two.md#end", "It says", problem);
}

#[test]
fn a_dead_line_of_a_source_file() {
    let problem = "dead link: code/demo/src/lib.rs.html#L99 (no such fragment)";
    breaks("demo/src/lib.rs)", "demo/src/lib.rs#L99)", "[the source]", problem);
}

#[test]
fn an_image_without_alternative_text() {
    let problem = "an image without alternative text";
    breaks("![A dot]", "![]", "![]", problem);
}

#[test]
fn a_chapter_without_a_head() {
    let problem = "no `chapter` block below the title";
    breaks("```chapter", "```text", "# One", problem);
}

#[test]
fn a_chapter_head_without_a_key() {
    let problem = "the chapter's head lacks `minutes`";
    breaks("minutes: 1\n", "", "```chapter", problem);
}

#[test]
fn a_chapter_without_questions() {
    let problem = "no `## Check yourself` at the end";
    breaks(
        "## Check yourself",
        "## The end",
        "<details><summary>Answer</summary>Three",
        problem,
    );
}

#[test]
fn too_few_questions() {
    let answer = "<details><summary>Answer</summary>Two.</details>\n\n";
    let problem = "2 questions with answers, not 3 or 4";
    breaks(answer, "", "## Check", problem);
}

#[test]
fn a_deliberate_error_whose_message_changed() {
    let problem = "the compiler says `error[E0382]: use of moved value: `a``";
    breaks("value: `a`", "value: `b`", "```rust,deliberate", problem);
}

#[test]
fn a_deliberate_error_that_compiles() {
    let problem = "a deliberate error that compiles";
    breaks("(a, a)", "(a.clone(), a)", "```rust,deliberate", problem);
}

#[test]
fn a_picture_from_another_host() {
    let image =
        "<img alt=\"far\" src=\"https://example.com/x.png\">\n\n![A dot]";
    let problem = "loads from elsewhere: https://example.com/x.png";
    let small = Small::new();
    small.replace("book/src/one.md", "![A dot]", image);
    let problems = small.problems();
    let is_it = |p: &String| p.ends_with(problem);
    assert!(problems.iter().any(is_it), "{problems:#?}");
}

#[test]
fn a_style_from_another_host() {
    let small = Small::new();
    let css = "@import \"https://example.com/x.css\";";
    small.write("book/theme/book.css", css);
    let problems = small.problems();
    let is_it = |p: &String| p.contains("loads from elsewhere");
    assert!(problems.iter().any(is_it), "{problems:#?}");
}

#[test]
fn pages_that_misbehave_in_a_browser() {
    let small = Small::new();
    assert_eq!(small.all_problems(true), [] as [&str; 0]);
    if !small.path().join("book/screenshots").is_dir() {
        println!("skipped: there is no Chromium");
        return;
    }
    let bad = "<div style=\"width: 2000px\">wide</div>\n\n\
               <script>fetch(\"gone\")</script>\n\n\
               <script>fetch(\"http://a.invalid/\")</script>\n\n\
               <script>throw new Error(\"boom\")</script>\n\n## Check";
    small.write("book/src/two.md", &two().replace("## Check", bad));
    let problems = small.all_problems(true);
    for problem in [
        "<div> wide is too wide (phone)",
        "console: Failed to load resource: the server responded with a \
         status of 404",
        "loads from elsewhere: http://a.invalid/",
        "uncaught: Error: boom",
    ] {
        let is_it = |p: &String| {
            p.starts_with("book/src/two.md:1: ") && p.contains(problem)
        };
        assert!(problems.iter().any(is_it), "{problem}: {problems:#?}");
    }
}
