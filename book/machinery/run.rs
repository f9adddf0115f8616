//! Shown runs: commands, and their output as it was recorded.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use crate::chapter::{Chapter, Kind};
use crate::project::{Problem, Project};
use crate::shell::{self, Finished};

/// A fenced block `run NAME`.
pub struct Run {
    pub name: String,
    pub commands: Vec<String>,
    /// The Markdown file and the line that it stands in.
    pub place: (PathBuf, usize),
    /// The lines may come in any order.
    sorted: bool,
    /// The exit status of the last command; the others exit with 0.
    status: i32,
    /// Lines that are left out.
    hide: Option<Regex>,
    /// How many lines of each command's output are kept.
    head: usize,
    /// Parts that differ from run to run.
    vary: Option<Regex>,
    /// The only system on which it is run.
    only: Option<String>,
    /// The programs without which it is not run.
    needs: Vec<String>,
    pub timeout: Duration,
}

impl Run {
    /// Reads a block; `info` is what follows the fence.
    pub fn parse(info: &str, body: &str) -> Result<Run, String> {
        static WORD: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r#"([^\s=]+)(?:=(?:"([^"]*)"|(\S*)))?"#).unwrap()
        });
        let mut words = WORD.captures_iter(info).skip(1);
        let name = words.next().ok_or("a run needs a name")?[1].to_string();
        let mut run = Run {
            name,
            commands: commands(body)?,
            place: Default::default(),
            sorted: false,
            status: 0,
            hide: None,
            head: usize::MAX,
            vary: None,
            only: None,
            needs: Vec::new(),
            timeout: Duration::from_secs(60),
        };
        for word in words {
            let value = word.get(2).or(word.get(3)).map_or("", |v| v.as_str());
            let bad = |error: &dyn std::fmt::Display| {
                format!("option `{}`: {error}", &word[0])
            };
            let number = || value.parse::<u16>().map_err(|error| bad(&error));
            let regex = || Regex::new(value).map_err(|error| bad(&error));
            match &word[1] {
                "sorted" => run.sorted = true,
                "status" => run.status = number()?.into(),
                "hide" => run.hide = Some(regex()?),
                "head" => run.head = number()?.into(),
                "vary" => run.vary = Some(regex()?),
                "only" => run.only = Some(value.to_string()),
                "needs" => run.needs.extend(value.split(',').map(String::from)),
                "timeout" => {
                    run.timeout = Duration::from_secs(number()?.into())
                }
                _ => return Err(bad(&"there is no such option")),
            }
        }
        Ok(run)
    }

    /// All runs of the book; those that cannot be read are left out: the
    /// chapter that has them cannot be expanded.
    pub fn all(chapters: &[Chapter]) -> Vec<Run> {
        let mut runs = Vec::new();
        for chapter in chapters {
            for item in &chapter.items {
                let Kind::Fence { info, body } = &item.kind else { continue };
                if info.split_whitespace().next() != Some("run") {
                    continue;
                }
                if let Ok(mut run) = Run::parse(info, body) {
                    run.place = (chapter.file.clone(), item.line);
                    runs.push(run);
                }
            }
        }
        runs
    }

    /// The recorded text: each command behind a `$ `, then its output.
    pub fn recorded(&self, project: &Project) -> Result<String, String> {
        let again = format!("run `cargo run -p book -- record {}`", self.name);
        let file = project.output_file(&self.name);
        let text = fs::read_to_string(file)
            .map_err(|_| format!("`{}` is not recorded: {again}", self.name))?
            .replace("\r\n", "\n");
        match split(&text, &self.commands) {
            Some(_) => Ok(text),
            None => Err(format!(
                "`{}` was recorded with other commands: {again}",
                self.name
            )),
        }
    }

    /// Why it cannot be run here, if so.
    pub fn obstacle(&self) -> Option<String> {
        if let Some(only) = &self.only
            && only != env::consts::OS
        {
            return Some(format!("this is not {only}"));
        }
        let mut needs = self.needs.iter().map(String::as_str).chain(["bash"]);
        let missing = needs.find(|name| shell::find_program(name).is_none())?;
        Some(format!("there is no {missing}"))
    }

    /// Whether it runs a program whose name several stages share.
    pub fn uses_binaries(&self) -> bool {
        let uses = |command: &String| {
            command.contains("--bin ") || command.contains("book/shell/")
        };
        self.commands.iter().any(uses)
    }

    /// What would be recorded of this output.
    pub fn text(&self, finished: &[Finished]) -> Result<String, String> {
        let mut text = String::new();
        let last = finished.len().saturating_sub(1);
        for (i, (command, done)) in
            self.commands.iter().zip(finished).enumerate()
        {
            let expected = if i == last { self.status } else { 0 };
            if done.status != Some(expected) {
                let status = match done.status {
                    Some(status) => format!("exit status {status}"),
                    None => format!("no end within {:?}", self.timeout),
                };
                return Err(format!(
                    "`{command}`: {status}, expected {expected}\n{}",
                    excerpt(&done.output.lines().collect::<Vec<_>>(), "  ")
                ));
            }
            text += &prompt(command);
            let hidden = |line: &&str| {
                self.hide.as_ref().is_some_and(|hide| hide.is_match(line))
            };
            let shown = done.output.lines().filter(|line| !hidden(line));
            let shown: Vec<&str> = shown.map(str::trim_end).collect();
            for line in shown.iter().take(self.head) {
                text += &format!("{line}\n");
            }
            if shown.len() > self.head {
                text += "…\n"; // the reader sees that there is more
            }
        }
        Ok(text)
    }

    /// How what came out now differs from what was recorded, if it does.
    pub fn difference(&self, recorded: &str, now: &str) -> Option<String> {
        let outputs = |text| {
            let outputs = split(text, &self.commands).unwrap_or_default();
            outputs.into_iter().map(|output| self.comparable(output))
        };
        let equal = |(a, b): &(&Line<'_>, &Line<'_>)| a.normal == b.normal;
        for (before, now) in outputs(recorded).zip(outputs(now)) {
            let start = before.iter().zip(&now).take_while(equal).count();
            if start == before.len() && start == now.len() {
                continue;
            }
            let (before, now) = (&before[start..], &now[start..]);
            let pairs = before.iter().rev().zip(now.iter().rev());
            let end = pairs.take_while(equal).count();
            let show = |lines: &[Line<'_>], sign| {
                let lines = &lines[..lines.len() - end];
                let lines = lines.iter().map(|line| line.written);
                excerpt(&lines.collect::<Vec<_>>(), sign)
            };
            let (before, now) = (show(before, "  - "), show(now, "  + "));
            return Some(format!("from line {} on:\n{before}{now}", start + 1));
        }
        None
    }

    /// A problem in the line of this run.
    pub fn problem(&self, project: &Project, text: String) -> Problem {
        project.problem(&self.place.0, self.place.1, text.trim_end())
    }

    /// The lines, also without what varies from run to run.
    fn comparable<'a>(&self, output: &'a str) -> Vec<Line<'a>> {
        let line = |written: &'a str| {
            let normal = match &self.vary {
                Some(vary) => normal(&vary.replace_all(written, "<varies>")),
                None => normal(written),
            };
            Line { normal, written }
        };
        let mut lines: Vec<Line<'_>> = output.lines().map(line).collect();
        if self.sorted {
            lines.sort_by(|a, b| a.normal.cmp(&b.normal));
        }
        lines
    }
}

/// A line of output, to compare and to show.
struct Line<'a> {
    normal: String,
    written: &'a str,
}

/// A line without ports, durations, times, process ids and addresses. The
/// spaces beside them go too: they may be there to fill a column.
fn normal(line: &str) -> String {
    static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let unit = "ns|µs|us|ms|s|seconds?|min|minutes?|h";
        let patterns = [
            (r"^ *\d+\.\d{6}\b", "<time>"),
            (&format!(r"\b\d+(?:\.\d+)?\s?(?:{unit})\b"), "<duration>"),
            (r"(127\.0\.0\.1|\[::1\]|\blocalhost):\d+\b", "$1:<port>"),
            (r"(?i)\b(pid|process)[ :=]+\d+\b", "$1 <id>"),
            (r"\b0x[0-9a-fA-F]+\b", "<address>"),
            (r"<varies>", "<varies>"),
        ];
        let spaced = |pattern| Regex::new(&format!(" *(?:{pattern}) *"));
        patterns.map(|(p, name)| (spaced(p).unwrap(), name)).into()
    });
    let mut line = line.trim_end().to_string();
    for (pattern, name) in VARYING.iter() {
        line = pattern.replace_all(&line, format!(" {name} ")).into_owned();
    }
    line.trim_end().to_string()
}

fn excerpt(lines: &[&str], sign: &str) -> String {
    const MOST: usize = 6;
    let shown = lines.iter().take(MOST);
    let mut text: String =
        shown.map(|line| format!("{sign}{line}\n")).collect();
    if lines.len() > MOST {
        text += &format!("{sign}… and {} more lines\n", lines.len() - MOST);
    }
    text
}

/// The commands of a block; a `\` at the end goes on in the next line.
fn commands(body: &str) -> Result<Vec<String>, String> {
    let mut commands: Vec<String> = Vec::new();
    for line in body.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command.to_string());
        } else if let Some(last) = commands.last_mut()
            && last.ends_with('\\')
        {
            *last += &format!("\n{line}");
        } else {
            return Err(format!("not a command that begins with `$ `: {line}"));
        }
    }
    if commands.is_empty() { Err("no command".into()) } else { Ok(commands) }
}

fn prompt(command: &str) -> String {
    format!("$ {command}\n")
}

/// The outputs of the commands in a recorded text.
fn split<'a>(text: &'a str, commands: &[String]) -> Option<Vec<&'a str>> {
    let mut outputs = Vec::new();
    let mut rest = text.strip_prefix(&prompt(&commands[0]))?;
    for command in &commands[1..] {
        let prompt = prompt(command);
        let begins_line = |at: &usize| *at == 0 || rest[..*at].ends_with('\n');
        let mut places = rest.match_indices(&prompt).map(|(at, _)| at);
        let at = places.find(begins_line)?;
        outputs.push(&rest[..at]);
        rest = &rest[at + prompt.len()..];
    }
    outputs.push(rest);
    Some(outputs)
}

#[cfg(test)]
mod tests;
