//! What `--trace` records.

use std::fs;

use serde_json::Value;
use tests::programs::{TempDir, each_stage};

use crate::{crawl, json_lines, only_line, quick_site};

#[test]
fn a_dash_prints_it_on_stderr() {
    each_stage(|stage| {
        let site = quick_site();
        let args = ["--format=json", "--trace", "-", &site.url("/")];
        let ended = crawl(stage, &args);
        assert_eq!(ended.code, Some(0), "{ended}");
        // On stdout stands the report alone.
        assert_eq!(json_lines(&ended.stdout).len(), 10 + 1, "{ended}");

        let events: Vec<&str> = ended.stderr.lines().map(event).collect();
        // At a pause, some of the 30 seconds are over.
        let time = match stage.timer_a_pause {
            true => " set, in 2",
            false => " set, in 30",
        };
        for (start, part) in [
            ("turn 1", ""),
            ("wait ", "at most "),
            ("ready ", "source "),
            ("call ", ""),
            ("register ", ", readable"),
            ("register ", ", writable"),
            ("timer ", time),
            ("timer ", " cancelled"),
        ] {
            let found =
                |line: &&str| line.starts_with(start) && line.contains(part);
            assert!(events.iter().any(found), "no {start:?} in {events:#?}");
        }
    });
}

/// A line without the time at its beginning.
fn event(line: &str) -> &str {
    let (time, event) = line.trim_start().split_once(' ').expect(line);
    assert!(time.parse::<f64>().is_ok(), "{line}");
    event.trim_start()
}

#[test]
fn a_file_gets_it_as_json_lines() {
    each_stage(|stage| {
        let site = quick_site();
        let dir = TempDir::new();
        let file = dir.path().join("trace");
        let path = file.to_str().expect("it is ASCII");
        let ended = crawl(stage, &["--trace", path, &site.url("/")]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));

        let events = json_lines(&fs::read_to_string(file).expect("a file"));
        assert!(events.iter().all(|event| event["v"] == 1));
        let count = |name| {
            let named = |event: &&Value| event["event"] == name;
            events.iter().filter(named).count()
        };
        assert_eq!(events.iter().find_map(|e| e["turn"].as_u64()), Some(1));
        assert!(count("wait") > 0 && count("ready") > 0 && count("call") > 0);
        assert!(count("register") > 0);
        // All to the end is there: each of the time-outs has been cancelled.
        let fetches = 10 + 1; // with `robots.txt`
        match stage.timer_a_pause {
            // To connect, and to read one or more times.
            true => assert!(count("timer_set") >= 2 * fetches),
            false => assert_eq!(count("timer_set"), fetches),
        }
        assert_eq!(count("timer_cancelled"), count("timer_set"));
    });
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    each_stage(|stage| {
        let dir = TempDir::new();
        let file = dir.path().join("missing/trace");
        let path = file.to_str().expect("it is ASCII");
        for mut command in [stage.crawler(), stage.echo_server()] {
            let ended = tests::programs::run(command.args(["--trace", path]));
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
            assert!(only_line(&ended.stderr).contains(path), "{ended}");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_once_and_the_crawl_goes_on() {
    each_stage(|stage| {
        let site = quick_site();
        let ended = crawl(stage, &["--trace=/dev/full", &site.url("/")]);
        assert_eq!(ended.code, Some(0), "{ended}");
        assert!(ended.stdout.contains("\n10 pages in "), "{ended}");
        assert!(only_line(&ended.stderr).contains("trace"), "{ended}");
    });
}
