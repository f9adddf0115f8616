//! The small book: two chapters, one crate, nothing wrong.

use std::fs;
use std::path::Path;

use book::{Problems, Project, check, record};
use tempfile::TempDir;

const CHAPTER: &str = r#"# One fine chapter

```chapter
can: read it
minutes: 1
read: nothing
run: none
```

{{#listing demo/src/lib.rs:two}}

```run greet
$ echo "hello from 127.0.0.1:$RANDOM"
$ echo took 1.$RANDOM s; exit 3
```

It says {{#figure greet /^(\w+) from/}}. See [the second](two.md#its-end), or
[the source](../../demo/src/lib.rs).

```rust,deliberate-error E0382
pub fn twice(a: String) -> (String, String) {
    (a, a)
}
```

```text,error
error[E0382]: use of moved value: `a`
```

![A dot](dot.svg)

{{#lifecycle blocking}}

## Check yourself

<details><summary>Answer</summary>One.</details>

<details><summary>Answer</summary>Two.</details>

<details><summary>Answer</summary>Three.</details>
"#;

const LIB: &str = "//! A demo.

mod inner;

// ANCHOR: two
/// Two.
pub fn two() -> i32 {
    inner::ONE + 1
}
// ANCHOR_END: two
";

const PICTURE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg">
<g id="program"/><g id="kernel"/><g id="a-block"/>

<g id="loop"/></svg>
"#;

const DOT: &str = r#"<svg xmlns="http://www.w3.org/2000/svg"/>"#;

/// A repository with a small book in which nothing is wrong.
pub struct Small(TempDir);

impl Small {
    pub fn new() -> Small {
        let small = Small(TempDir::new().expect("a folder"));
        let manifest = "[package]\nname = \"demo\"\nedition = \"2024\"\n";
        for (file, text) in [
            ("Cargo.toml", "[workspace]\nmembers = [\"demo\"]\n"),
            ("demo/Cargo.toml", manifest),
            ("demo/src/lib.rs", LIB),
            ("demo/src/inner.rs", "pub const ONE: i32 = 1;\n"),
            ("demo/src/lost.rs", "pub const LOST: i32 = 1;\n"),
            ("book/book.toml", include_str!("../../book.toml")),
            ("book/theme/book.css", ""),
            ("book/src/SUMMARY.md", "- [One](one.md)\n- [Two](two.md)\n"),
            ("book/src/one.md", CHAPTER),
            ("book/src/two.md", &two()),
            ("book/src/dot.svg", DOT),
            ("book/src/pictures/lifecycle.svg", PICTURE),
            ("book/python/fine.py", "print(1)\n"),
        ] {
            small.write(file, text);
        }
        small.replace(
            "book/src/one.md",
            "```run greet",
            "```run greet status=3",
        );
        record(&small.project(), &[]).expect("the commands run");
        small
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn project(&self) -> Project {
        Project::open(&self.path().join("book")).expect("a book")
    }

    pub fn write(&self, file: &str, text: &str) {
        let file = self.path().join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("create");
        fs::write(file, text).expect("write");
    }

    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(file)).expect("read");
        assert!(text.contains(from), "{file} has no {from}");
        self.write(file, &text.replacen(from, to, 1));
    }

    /// What the check finds wrong.
    pub fn problems(&self) -> Vec<String> {
        self.all_problems(false)
    }

    pub fn all_problems(&self, with_browser: bool) -> Vec<String> {
        match check(&self.project(), with_browser) {
            Ok(()) => Vec::new(),
            Err(error) => match error.downcast::<Problems>() {
                Ok(problems) => {
                    problems.0.iter().map(ToString::to_string).collect()
                }
                Err(error) => panic!("{error:#}"),
            },
        }
    }
}

/// The second chapter: nothing but what every chapter needs.
pub fn two() -> String {
    let head = CHAPTER.split("{{#listing").next().expect("a head");
    let end = CHAPTER.split("## Check").nth(1).expect("an end");
    format!("{head}## Its end\n\n## Check{end}").replace("One fine", "Second")
}
