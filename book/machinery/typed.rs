//! Checks what is typed into a chapter: its blocks, its head and its end.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::chapter::{Chapter, Kind};
use crate::check::Check;

/// What may be typed into a chapter; the rest must come from files.
const TYPED: [&str; 8] =
    ["run", "chapter", "text", "console", "toml", "sh", "json", "http"];

impl Check<'_> {
    /// Code in a chapter comes from files, unless it is wrong on purpose.
    pub fn blocks(&mut self, chapter: &Chapter) -> Result<()> {
        for (i, item) in chapter.items.iter().enumerate() {
            let (info, body) = match &item.kind {
                Kind::Fence { info, body } => (info, body),
                Kind::Indented => {
                    let text = "an indented code block: put it into a fence";
                    self.add(chapter, item.line, text);
                    continue;
                }
                Kind::Image { alt } if alt.trim().is_empty() => {
                    let text = "an image without alternative text";
                    self.add(chapter, item.line, text);
                    continue;
                }
                _ => continue,
            };
            let language = info.split([' ', ',']).next().unwrap_or("");
            if let Some(code) = info.strip_prefix("rust,deliberate-error ") {
                let next = chapter.items.get(i + 1);
                let shown = next.and_then(|next| match &next.kind {
                    Kind::Fence { info, body } if info == "text,error" => {
                        let between = item.range.end..next.range.start;
                        let follows = chapter.text[between].trim().is_empty();
                        follows.then_some(body.as_str())
                    }
                    _ => None,
                });
                if let Err(error) = deliberate_error(code.trim(), body, shown)?
                {
                    self.add(chapter, item.line, error);
                }
            } else if !TYPED.contains(&language) {
                let text = match language {
                    "" => "a code block without a language".to_string(),
                    _ => format!(
                        "a typed `{language}` block: use \
                         `{{{{#listing PATH:ANCHOR}}}}`"
                    ),
                };
                self.add(chapter, item.line, text);
            }
        }
        Ok(())
    }

    /// Each numbered chapter has a head and questions.
    pub fn head_and_questions(&mut self, chapter: &Chapter) {
        let is_head = |kind: &Kind| matches!(kind, Kind::Fence { info, .. } if info == "chapter");
        let head = chapter.items.iter().find(|item| is_head(&item.kind));
        match head {
            None => self.add(chapter, 1, "no `chapter` block below the title"),
            Some(head) => {
                let before = chapter.text[..head.range.start].trim();
                if !before.starts_with("# ") || before.contains('\n') {
                    let text = "the `chapter` block is not below the title";
                    self.add(chapter, head.line, text);
                }
            }
        }
        let lines = chapter.text.lines();
        let title = lines.clone().position(|line| line == "## Check yourself");
        let Some(title) = title else {
            let last = lines.count();
            self.add(chapter, last, "no `## Check yourself` at the end");
            return;
        };
        let answers = lines.skip(title);
        let answers = answers.filter(|line| line.starts_with("<details>"));
        let count = answers.count();
        if !(3..=4).contains(&count) {
            let text = format!("{count} questions with answers, not 3 or 4");
            self.add(chapter, title + 1, text);
        }
    }
}

/// Compiles code that must fail, with this error code and this first line.
fn deliberate_error(
    code: &str,
    rust: &str,
    shown: Option<&str>,
) -> Result<Result<(), String>> {
    let Some(shown) = shown else {
        let text = "a `text,error` block must follow a deliberate error";
        return Ok(Err(text.to_string()));
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("deliberate.rs");
    fs::write(&file, rust)?;
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--crate-type", "lib"]);
    rustc.args(["--emit", "metadata", "--color", "never", "-A", "warnings"]);
    rustc.arg("--out-dir").arg(folder.path()).arg(&file);
    let output = rustc.output().context("start rustc")?;
    if output.status.success() {
        return Ok(Err("a deliberate error that compiles".to_string()));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let mut lines = stderr.lines();
    let now = lines.find(|line| line.starts_with("error")).unwrap_or("");
    let shown = shown.lines().next().unwrap_or("");
    if !now.starts_with(&format!("error[{code}]")) {
        return Ok(Err(format!("expected error {code}, got: {now}")));
    }
    if now != shown.trim_end() {
        let text = format!("the compiler says `{now}`, not `{shown}`");
        return Ok(Err(text));
    }
    Ok(Ok(()))
}
