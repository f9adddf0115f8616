//! Listings: what stands between two anchors in a file of the repository.

use std::sync::LazyLock;

use regex::Regex;

/// A part of a source file.
#[derive(Debug, PartialEq)]
pub struct Excerpt {
    pub text: String,
    /// Its first and its last line in the file, from 1.
    pub lines: (usize, usize),
}

/// What stands between `ANCHOR: name` and `ANCHOR_END: name`, or the whole
/// file without a name; comments with anchors are left out, and so is the
/// indentation that all lines share.
pub fn excerpt(source: &str, anchor: Option<&str>) -> Result<Excerpt, String> {
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut inside = anchor.is_none();
    let (mut begun, mut ended) = (false, false);
    for (number, line) in (1..).zip(source.lines()) {
        match marker(line) {
            None if inside => lines.push((number, line)),
            Some((end, name)) if Some(name) == anchor => {
                if if end { ended } else { begun } {
                    return Err(format!("anchor `{name}` is there twice"));
                }
                inside = !end;
                begun |= !end;
                ended |= end;
            }
            _ => {}
        }
    }
    if let Some(name) = anchor {
        if !begun {
            return Err(format!("there is no anchor `{name}`"));
        }
        if !ended || inside {
            return Err(format!("anchor `{name}` has no end"));
        }
    }
    let is_text = |(_, line): &(usize, &str)| !line.trim().is_empty();
    let (Some(first), Some(last)) =
        (lines.iter().position(is_text), lines.iter().rposition(is_text))
    else {
        return Err("there is nothing to show".to_string());
    };
    let lines = &lines[first..=last];
    let indent = |line: &str| line.len() - line.trim_start().len();
    let texts = lines.iter().copied().filter(is_text);
    let shared = texts.map(|(_, line)| indent(line)).min().unwrap_or(0);
    let mut text = String::new();
    for (_, line) in lines {
        text.push_str(line.get(shared..).unwrap_or("").trim_end());
        text.push('\n');
    }
    Ok(Excerpt { text, lines: (lines[0].0, lines[lines.len() - 1].0) })
}

/// The anchor in a comment line: whether it is an end, and its name.
fn marker(line: &str) -> Option<(bool, &str)> {
    static MARKER: LazyLock<Regex> = LazyLock::new(|| {
        let comment = r"^\s*(?://+|#+|--|<!--|/\*)";
        Regex::new(&format!(r"{comment}\s*ANCHOR(_END)?:\s*([\w-]+)")).unwrap()
    });
    let found = MARKER.captures(line)?;
    let name = found.get(2).expect("a name").as_str();
    Some((found.get(1).is_some(), name))
}

/// The name of a file's language behind the fence of a code block.
pub fn language(path: &str, source: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("rs") => "rust",
        Some("py") => "python",
        Some("toml") => "toml",
        Some("json") => "json",
        Some("html") => "html",
        Some("css") => "css",
        Some("yml" | "yaml") => "yaml",
        Some("sh") => "sh",
        None if source.starts_with("#!") => "sh",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
//! A file.
// ANCHOR: outer
mod a {
    // ANCHOR: inner

    /// Does it.
    fn b() {
        c();

        // ANCHOR_END: inner
        d();
    }
}
// ANCHOR_END: outer
# ANCHOR: open
# ANCHOR: empty
# ANCHOR_END: empty
";

    #[test]
    fn an_anchor_gives_its_lines_without_the_shared_indentation() {
        let inner = excerpt(SOURCE, Some("inner")).unwrap();
        assert_eq!(inner.text, "/// Does it.\nfn b() {\n    c();\n");
        assert_eq!(inner.lines, (6, 8));
    }

    #[test]
    fn other_anchors_are_left_out() {
        let outer = excerpt(SOURCE, Some("outer")).unwrap();
        assert!(!outer.text.contains("ANCHOR"), "{}", outer.text);
        assert_eq!(outer.lines, (3, 13));
        let whole = excerpt(SOURCE, None).unwrap();
        assert!(whole.text.starts_with("//! A file.\nmod a {\n"));
        assert_eq!(whole.lines, (1, 13));
    }

    #[test]
    fn a_wrong_anchor_is_an_error() {
        let error = |name| excerpt(SOURCE, Some(name)).unwrap_err();
        assert_eq!(error("none"), "there is no anchor `none`");
        assert_eq!(error("open"), "anchor `open` has no end");
        assert_eq!(error("empty"), "there is nothing to show");
        let twice = "# ANCHOR: a\nb\n# ANCHOR_END: a\n".repeat(2);
        let error = excerpt(&twice, Some("a")).unwrap_err();
        assert_eq!(error, "anchor `a` is there twice");
    }
}
