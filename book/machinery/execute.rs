//! Runs what the book shows, and writes down what comes of it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use regex::Regex;

use crate::build;
use crate::chapter::Chapter;
use crate::project::{Problems, Project};
use crate::run::Run;
use crate::shell;

/// Runs all of these, two at a time, equal ones once; gives what would be
/// recorded, or what went wrong.
pub fn execute(
    project: &Project,
    runs: &[&Run],
) -> Vec<Result<String, String>> {
    let built = build_programs(project, runs);
    let mut jobs: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
    for (i, run) in runs.iter().enumerate() {
        jobs.entry(&run.commands).or_default().push(i);
    }
    let jobs: Vec<Vec<usize>> = jobs.into_values().collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    let binaries = Mutex::new(());
    let work = || {
        while let Some(users) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let run = runs[users[0]];
            eprintln!("run {}", run.name);
            let builds =
                run.commands.iter().flat_map(|line| cargo_builds(line));
            let broken =
                builds.filter_map(|build| built[&build].clone()).next();
            // The stages' binaries have the same names: one at a time.
            let alone = run.uses_binaries().then(|| binaries.lock());
            let done = match broken {
                Some(error) => Err(error),
                None => {
                    shell::run(&run.commands, &project.repository, run.timeout)
                        .map_err(|error| error.to_string())
                }
            };
            drop(alone);
            let mut results =
                results.lock().unwrap_or_else(PoisonError::into_inner);
            for &user in users {
                let text = match &done {
                    Ok(done) => runs[user].text(done),
                    Err(error) => Err(error.clone()),
                };
                results.insert(user, text);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let results = results.into_inner();
    results.unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Builds what the runs need, so that Cargo is silent later and no time-out
/// counts its work. Gives what went wrong with each command.
fn build_programs(
    project: &Project,
    runs: &[&Run],
) -> HashMap<String, Option<String>> {
    let mut built = HashMap::new();
    let lines = runs.iter().flat_map(|run| &run.commands);
    for build in lines.flat_map(|line| cargo_builds(line)) {
        if built.contains_key(&build) {
            continue;
        }
        eprintln!("{build}");
        let commands = std::slice::from_ref(&build);
        let hour = Duration::from_secs(3600);
        let error = match shell::run(commands, &project.repository, hour) {
            Ok(done) if done[0].status == Some(0) => None,
            Ok(done) => Some(format!("`{build}` fails:\n{}", done[0].output)),
            Err(error) => Some(error.to_string()),
        };
        built.insert(build, error);
    }
    built
}

/// `cargo build` with the arguments of each `cargo run` in a command.
fn cargo_builds(command: &str) -> Vec<String> {
    static RUN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"cargo run\b([^|;&<>()]*)").unwrap());
    let build = |found: regex::Captures<'_>| {
        let arguments = found[1].replace("\\\n", " ");
        let arguments: Vec<&str> = arguments
            .split_whitespace()
            .take_while(|word| *word != "--")
            .filter(|word| !matches!(*word, "-q" | "--quiet"))
            .collect();
        format!("cargo build -q {}", arguments.join(" "))
    };
    RUN.captures_iter(command).map(build).collect()
}

/// Runs the commands that the book shows, all or those named, and writes
/// their outputs down.
///
/// # Errors
///
/// The book cannot be read, a name is unknown, or commands failed.
pub fn record(project: &Project, names: &[String]) -> Result<()> {
    let book = build::load(project)?.book;
    let runs = Run::all(&Chapter::all(project, &book));
    for name in names {
        let known = runs.iter().any(|run| run.name == *name);
        known.then_some(()).with_context(|| format!("no run `{name}`"))?;
    }
    let mut chosen = Vec::new();
    for run in &runs {
        if !names.is_empty() && !names.contains(&run.name) {
            continue;
        }
        match run.obstacle() {
            Some(obstacle) => println!("skipped {}: {obstacle}", run.name),
            None => chosen.push(run),
        }
    }
    let mut problems = Vec::new();
    for (run, result) in chosen.iter().zip(execute(project, &chosen)) {
        let file = project.output_file(&run.name);
        match result {
            // What differs only where it may stays as it is.
            Ok(now)
                if names.is_empty()
                    && run.recorded(project).is_ok_and(|before| {
                        run.difference(&before, &now).is_none()
                    }) => {}
            Ok(now) => {
                fs::create_dir_all(project.root.join("outputs"))?;
                fs::write(&file, now)
                    .with_context(|| format!("write {}", file.display()))?;
                println!("recorded {}", run.name);
            }
            Err(error) => problems.push(run.problem(project, error)),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems).into()) }
}
