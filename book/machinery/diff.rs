//! The difference between two listings as a reader sees it: what is the
//! same, what moved, what is new, and what is gone.

use std::fmt::Write;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use similar::{Algorithm, ChangeTag, DiffTag, TextDiff, capture_diff_slices};

use crate::source_page::escape;

/// How many unchanged lines are shown beside a change.
const CONTEXT: usize = 3;
/// No fewer lines are folded.
const FOLDED: usize = 4;
/// Two lines that share this part of their letters are one that changed.
const ALIKE: f64 = 0.5;

/// A difference, to be shown.
pub struct Diff {
    pub html: String,
    /// How many lines are the same, moved, new and gone; blank ones do not
    /// count.
    pub summary: String,
}

/// Compares two texts line by line. Indentation does not count: code that
/// moved into another block is not new. Nothing if nothing else differs.
/// `number` tells this difference from the others of the book.
pub fn draw(old: &str, new: &str, number: usize) -> Option<Diff> {
    let rows = rows(old, new);
    let count = |is_it: fn(Mark) -> bool| {
        let found = rows.iter().filter(|row| is_it(row.mark));
        found.filter(|row| !row.is_blank()).count()
    };
    let counts = [
        (count(|mark| mark == Mark::Same), "the same"),
        (count(|mark| matches!(mark, Mark::Moved(_))), "moved"),
        (count(|mark| mark == Mark::New), "new"),
        (count(|mark| mark == Mark::Gone), "gone"),
    ];
    if counts[1..].iter().all(|(count, _)| *count == 0) {
        return None;
    }
    let mut summary = String::new();
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let _ = match summary.as_str() {
            "" => write!(summary, "{} {what}", lines(count)),
            _ => write!(summary, ", {count} {what}"),
        };
    }
    Some(Diff { html: html(&rows, number), summary })
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Same,
    New,
    Gone,
    /// Part of this move, in its new place.
    Moved(usize),
    /// The place that a whole move has left.
    Left(usize),
}

/// A line of what is shown.
struct Row<'a> {
    mark: Mark,
    line: &'a str,
    /// The line with marked words, if it is one that changed.
    changed: Option<String>,
}

impl<'a> Row<'a> {
    fn new(mark: Mark, line: &'a str) -> Row<'a> {
        Row { mark, line, changed: None }
    }

    fn is_blank(&self) -> bool {
        self.line.trim().is_empty()
    }
}

/// A run of lines that is gone in one place and appears in another.
struct Move {
    old: Range<usize>,
    new: Range<usize>,
}

fn rows<'a>(old: &'a str, new: &'a str) -> Vec<Row<'a>> {
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    let moves = moves(&old, &new);
    let moved_from = |i| moves.iter().position(|run| run.old.contains(&i));
    let moved_to = |i| moves.iter().position(|run| run.new.contains(&i));
    // Moved lines get numbers that differ: none of them is found the same.
    let old_keys: Vec<_> = (0..)
        .zip(&old)
        .map(|(i, line)| (line.trim(), moved_from(i).map(|_| 1)))
        .collect();
    let new_keys: Vec<_> = (0..)
        .zip(&new)
        .map(|(i, line)| (line.trim(), moved_to(i).map(|_| 2)))
        .collect();
    let mut rows = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, &old_keys, &new_keys) {
        if op.tag() == DiffTag::Equal {
            let same = op.new_range().map(|i| Row::new(Mark::Same, new[i]));
            rows.extend(same);
            continue;
        }
        let start = rows.len();
        for i in op.old_range() {
            match moved_from(i) {
                None => rows.push(Row::new(Mark::Gone, old[i])),
                Some(run) if moves[run].old.start == i => {
                    rows.push(Row::new(Mark::Left(run), ""));
                }
                Some(_) => {}
            }
        }
        for i in op.new_range() {
            let mark = moved_to(i).map_or(Mark::New, Mark::Moved);
            rows.push(Row::new(mark, new[i]));
        }
        mark_words(&mut rows[start..]);
    }
    tidy(rows)
}

/// A blank line at the edge of what is new or gone is no change.
fn tidy(rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    let marks: Vec<Mark> = rows.iter().map(|row| row.mark).collect();
    let is_inner = |i: usize| {
        let mark = Some(&marks[i]);
        i > 0 && marks.get(i - 1) == mark && marks.get(i + 1) == mark
    };
    let mut tidy = Vec::new();
    for (i, mut row) in rows.into_iter().enumerate() {
        match row.mark {
            Mark::Gone if row.is_blank() && !is_inner(i) => continue,
            Mark::New if row.is_blank() && !is_inner(i) => {
                row.mark = Mark::Same;
            }
            _ => {}
        }
        tidy.push(row);
    }
    tidy
}

/// A lone brace or a blank line says nothing.
fn says_something(line: &str) -> bool {
    line.contains(char::is_alphanumeric)
}

/// The moves, the longest first.
fn moves<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Move> {
    // Lines that are in their place cannot move. But a brace may: it belongs
    // to the lines around it.
    let trimmed = |line: &&'a str| line.trim();
    let old_keys: Vec<&str> = old.iter().map(trimmed).collect();
    let new_keys: Vec<&str> = new.iter().map(trimmed).collect();
    let mut old: Vec<Option<&str>> = old.iter().copied().map(Some).collect();
    let mut new: Vec<Option<&str>> = new.iter().copied().map(Some).collect();
    for op in capture_diff_slices(Algorithm::Patience, &old_keys, &new_keys) {
        if op.tag() == DiffTag::Equal {
            for (i, j) in op.old_range().zip(op.new_range()) {
                if says_something(new_keys[j]) {
                    (old[i], new[j]) = (None, None);
                }
            }
        }
    }
    let mut moves = Vec::new();
    loop {
        let starts =
            (0..old.len()).flat_map(|i| (0..new.len()).map(move |j| (i, j)));
        let runs = starts.map(|(i, j)| (i, j, run(&old[i..], &new[j..])));
        let Some((i, j, run)) = runs.max_by_key(|(_, _, run)| run.1) else {
            return moves;
        };
        let (len, telling) = run;
        if telling < 2 {
            return moves;
        }
        old[i..i + len].fill(None);
        new[j..j + len].fill(None);
        moves.push(Move { old: i..i + len, new: j..j + len });
    }
}

/// How many lines both begin with, and how many of them say something.
fn run(old: &[Option<&str>], new: &[Option<&str>]) -> (usize, usize) {
    let pairs = old.iter().zip(new).map_while(|(old, new)| old.zip(*new));
    let run: Vec<&str> = pairs
        .take_while(|(old, new)| old.trim() == new.trim())
        .map(|(_, new)| new)
        .collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    // What closes a block that began before stays outside, and so does a
    // blank line.
    let is_inside = |line: &&str| {
        says_something(line)
            || !line.trim().is_empty() && indent(line) >= indent(run[0])
    };
    match run.first() {
        Some(first) if says_something(first) => {
            let last = run.iter().rposition(is_inside).unwrap_or(0);
            let run = &run[..=last];
            let telling = run.iter().filter(|line| says_something(line));
            (run.len(), telling.count())
        }
        _ => (0, 0),
    }
}

/// Pairs each line that is gone with the new one that is most alike, and
/// marks the words that differ.
fn mark_words(rows: &mut [Row<'_>]) {
    for gone in 0..rows.len() {
        if rows[gone].mark != Mark::Gone {
            continue;
        }
        let is_free =
            |row: &Row<'_>| row.mark == Mark::New && row.changed.is_none();
        let alike = (0..rows.len())
            .filter(|i| is_free(&rows[*i]))
            .filter_map(|i| {
                Some((i, Change::new(rows[gone].line, rows[i].line)?))
            })
            .max_by(|(_, a), (_, b)| a.likeness.total_cmp(&b.likeness));
        if let Some((new, change)) = alike {
            rows[gone].changed = Some(change.old);
            rows[new].changed = Some(change.new);
        }
    }
}

/// A line that changed: both as HTML, with the words that differ in bold.
struct Change {
    likeness: f64,
    old: String,
    new: String,
}

impl Change {
    /// Nothing if the lines have too little in common.
    fn new(old: &str, new: &str) -> Option<Change> {
        static WORD: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\w+|\s+|.").expect("a good regex"));
        let words = |line| -> Vec<&str> {
            WORD.find_iter(line).map(|word| word.as_str()).collect()
        };
        let indent = |line: &str| {
            line[..line.len() - line.trim_start().len()].to_string()
        };
        let (old_words, new_words) = (words(old.trim()), words(new.trim()));
        let diff = TextDiff::from_slices(&old_words, &new_words);
        let mut change =
            Change { likeness: 0.0, old: indent(old), new: indent(new) };
        let (mut shared, mut all) = (0, 0_usize);
        for word in diff.iter_all_changes() {
            let text = escape(word.value());
            let letters = word.value().matches(char::is_alphanumeric).count();
            all += letters;
            match word.tag() {
                ChangeTag::Equal => {
                    shared += letters;
                    change.old += &text;
                    change.new += &text;
                }
                ChangeTag::Delete => change.old += &format!("<b>{text}</b>"),
                ChangeTag::Insert => change.new += &format!("<b>{text}</b>"),
            }
        }
        for line in [&mut change.old, &mut change.new] {
            *line = line.replace("</b><b>", "");
        }
        change.likeness = shared as f64 / all as f64;
        (change.likeness >= ALIKE).then_some(change)
    }
}

/// Each element has its own line, and none is empty: an empty line would end
/// the HTML in the Markdown.
fn html(rows: &[Row<'_>], number: usize) -> String {
    let mut html = String::new();
    let chunks: Vec<&[Row<'_>]> =
        rows.chunk_by(|a, b| a.mark == b.mark).collect();
    for (i, chunk) in chunks.iter().enumerate() {
        let code = lines_of_code(chunk);
        html += &match chunk[0].mark {
            Mark::Same => {
                let before = if i == 0 { 0 } else { CONTEXT };
                let after = if i == chunks.len() - 1 { 0 } else { CONTEXT };
                folded(chunk, before, after)
            }
            Mark::New => format!("<ins>\n{code}</ins>\n"),
            Mark::Gone => format!("<del>\n{code}</del>\n"),
            Mark::Moved(run) => format!(
                "<div class=\"moved\" id=\"diff-{number}-{run}\" \
                 role=\"group\" aria-label=\"moved here\">\n{code}</div>\n"
            ),
            Mark::Left(run) => {
                let is_it =
                    |chunk: &&[Row<'_>]| chunk[0].mark == Mark::Moved(run);
                let to = chunks.iter().position(is_it).expect("its new place");
                let direction = if to > i { "down" } else { "up" };
                let lines = count_lines(chunks[to]);
                format!(
                    "<a class=\"note {direction}\" href=\"#diff-{number}-{run}\">\
                     {lines} moved {direction}</a>\n"
                )
            }
        };
    }
    html
}

/// Unchanged lines: those far from any change are folded.
fn folded(rows: &[Row<'_>], before: usize, after: usize) -> String {
    if rows.len() < before + FOLDED + after {
        return lines_of_code(rows);
    }
    let (before, rest) = rows.split_at(before);
    let (middle, after) = rest.split_at(rest.len() - after);
    format!(
        "{}<details>\n<summary>… {} the same …</summary>\n{}</details>\n{}",
        lines_of_code(before),
        count_lines(middle),
        lines_of_code(middle),
        lines_of_code(after),
    )
}

fn lines_of_code(rows: &[Row<'_>]) -> String {
    let mut html = String::new();
    for row in rows {
        let line = row.changed.clone().unwrap_or_else(|| escape(row.line));
        let _ = writeln!(html, "<span>{line}</span>");
    }
    html
}

fn count_lines(rows: &[Row<'_>]) -> String {
    lines(rows.iter().filter(|row| !row.is_blank()).count())
}

fn lines(count: usize) -> String {
    format!("{count} line{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row as a sign and a line; a move has its number for a sign.
    fn shown(old: &str, new: &str) -> Vec<String> {
        let shown = |row: &Row<'_>| match row.mark {
            Mark::Same => format!("  {}", row.line),
            Mark::New => format!("+ {}", row.line),
            Mark::Gone => format!("- {}", row.line),
            Mark::Moved(run) => format!("{run} {}", row.line),
            Mark::Left(run) => format!("{run} moved"),
        };
        rows(old, new).iter().map(shown).collect()
    }

    const STAYS: &str = "stay 1\nstay 2\nstay 3\nstay 4\n";
    const MOVES: &str = "fn f() {\n    g();\n}\n";

    #[test]
    fn a_function_that_moved_is_not_new() {
        let (before, after) =
            (format!("{MOVES}{STAYS}"), format!("{STAYS}{MOVES}"));
        let stays = ["  stay 1", "  stay 2", "  stay 3", "  stay 4"];
        let moves = ["0 fn f() {", "0     g();", "0 }"];
        let down = [&["0 moved"], &stays[..], &moves].concat();
        assert_eq!(shown(&before, &after), down);
        let up = [&moves, &stays[..], &["0 moved"]].concat();
        assert_eq!(shown(&after, &before), up);

        let diff = draw(&before, &after, 7).unwrap();
        assert_eq!(diff.summary, "4 lines the same, 3 moved");
        let note =
            "<a class=\"note down\" href=\"#diff-7-0\">3 lines moved down</a>";
        assert!(diff.html.contains(note), "{}", diff.html);
        assert!(diff.html.contains("id=\"diff-7-0\""), "{}", diff.html);
        let html = draw(&after, &before, 7).unwrap().html;
        assert!(html.contains(">3 lines moved up</a>"), "{html}");
    }

    #[test]
    fn a_move_into_another_block_keeps_out_what_closes_it() {
        let old = "a {\n    x();\n    y();\n}\nb {\n    c1();\n    c2();\n    c3();\n}\n";
        let new = "a {\n}\nb {\n    c1();\n    c2();\n    c3();\n    if z {\n        x();\n        y();\n    }\n}\n";
        let expected = [
            "  a {",
            "0 moved",
            "  }",
            "  b {",
            "      c1();",
            "      c2();",
            "      c3();",
            "+     if z {",
            "0         x();",
            "0         y();",
            "+     }",
            "  }",
        ];
        assert_eq!(shown(old, new), expected);
    }

    #[test]
    fn a_lone_line_or_brace_does_not_move() {
        let old = format!("one\n}}\n\n)\n{STAYS}");
        let new = format!("{STAYS}}}\n\n)\none\n");
        assert!(!shown(&old, &new).iter().any(|row| row.ends_with("moved")));
    }

    #[test]
    fn indentation_alone_is_no_difference() {
        let old = "a();\nb();\n";
        assert!(draw(old, "    a();\n    b();\n", 1).is_none());
        assert!(draw(old, old, 1).is_none());
        let new = "if c {\n    a();\n    b();\n}\n";
        let expected = ["+ if c {", "      a();", "      b();", "+ }"];
        assert_eq!(shown(old, new), expected);
    }

    #[test]
    fn blank_lines_do_not_count() {
        assert!(draw("a\nb\n", "a\n\nb\n", 1).is_none());
        let diff = draw("a\nb\n", "a\n\nc\n\nd\n\nb\n", 1).unwrap();
        assert_eq!(diff.summary, "2 lines the same, 2 new");
        assert!(!diff.html.contains("\n\n"), "{}", diff.html);
        let rows = shown("a\nb\n", "a\n\nc\n\nd\n\nb\n");
        assert_eq!(rows, ["  a", "  ", "+ c", "+ ", "+ d", "  ", "  b"]);
        assert_eq!(shown("a\n\nc\n\nb\n", "a\nb\n"), ["  a", "- c", "  b"]);
    }

    #[test]
    fn nothing_in_common() {
        let diff = draw("a\nb\n", "c\n", 1).unwrap();
        assert_eq!(diff.summary, "1 line new, 2 gone");
        let html = "<del>\n<span>a</span>\n<span>b</span>\n</del>\n\
                    <ins>\n<span>c</span>\n</ins>\n";
        assert_eq!(diff.html, html);
    }

    #[test]
    fn what_is_far_from_a_change_is_folded() {
        let numbers = |last: usize| -> String {
            (1..=last).map(|n| format!("line {n}\n")).collect()
        };
        let folds = |old: &str, new: &str| -> Vec<String> {
            let html = draw(old, new, 1).unwrap().html;
            let notes = html.lines().filter_map(|line| {
                let note = line.strip_prefix("<summary>… ")?;
                Some(note.strip_suffix(" the same …</summary>")?.to_string())
            });
            notes.collect()
        };
        let end = |last| (numbers(last), format!("{}new\n", numbers(last)));
        let (old, new) = end(6);
        assert_eq!(folds(&old, &new), [] as [&str; 0]);
        let (old, new) = end(7);
        assert_eq!(folds(&old, &new), ["4 lines"]);
        let between = |last| format!("new\n{}new\n", numbers(last));
        assert_eq!(folds(&numbers(9), &between(9)), [] as [&str; 0]);
        assert_eq!(folds(&numbers(10), &between(10)), ["4 lines"]);
    }

    #[test]
    fn words_that_differ_are_marked() {
        let old = "    self.wait(stream, \"</script>\", a & b);\n";
        let new = "  self.wait(source, \"</script>\", a & b)?;\n";
        let html = draw(old, new, 1).unwrap().html;
        let rest = "\"&lt;/script&gt;\", a &amp; b)";
        let expected = format!(
            "<del>\n<span>    self.wait(<b>stream</b>, {rest};</span>\n</del>\n\
             <ins>\n<span>  self.wait(<b>source</b>, {rest}<b>?</b>;</span>\n</ins>\n"
        );
        assert_eq!(html, expected);
    }

    #[test]
    fn everything_is_escaped() {
        let html = draw("same <i>\nold &\n", "same <i>\n</script>\n", 1);
        let html = html.unwrap().html;
        for part in ["same &lt;i&gt;", "old &amp;", "&lt;/script&gt;"] {
            assert!(html.contains(part), "no {part} in {html}");
        }
    }
}
