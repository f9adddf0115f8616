//! The crawler's report, as JSON, and with more or less said.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::programs::each_stage;

use crate::{crawl, json_lines, only_line, quick_site};

#[test]
fn json_has_an_object_for_each_url_and_the_summary_last() {
    each_stage(|stage| {
        let site = quick_site();
        let paths = ["/", "/zoo/loop/a", "/zoo/reset/head", "/zoo/status/404"];
        let urls = paths.map(|path| site.url(path));
        let mut args = vec!["--format=json", "--max-tries=2", "--max-pages=4"];
        args.extend(urls.iter().map(String::as_str));
        let ended = crawl(stage, &args);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));

        let mut lines = json_lines(&ended.stdout);
        let summary = lines.pop().expect("a summary");
        assert_eq!(summary["summary"], true);
        assert_eq!(summary["pages"], 4);
        // Not found and reset; the loop's other half is not fetched.
        assert_eq!(summary["errors"], 2);
        assert_eq!(summary["bytes"], sum(&lines, "size"));
        assert!(summary["elapsed_s"].is_f64(), "{summary}");
        assert_eq!(summary["max_in_flight"], 4);
        // The summary's sum has the time for robots.txt in it, too.
        let sequential = summary["sequential_s"].as_f64().unwrap_or(-1.0);
        let elapsed = sum(&lines, "elapsed_s").as_f64().unwrap_or_default();
        assert!(sequential >= elapsed - 1e-6, "{summary}");

        let lines: BTreeMap<String, Value> =
            lines.into_iter().map(|l| (path(&l["url"]), l)).collect();
        assert_eq!(lines.keys().collect::<Vec<_>>(), paths);
        check_pages(&lines, &site.url(""));
    });
}

/// Each promised field of each kind of page.
fn check_pages(lines: &BTreeMap<String, Value>, site: &str) {
    let html = "text/html; charset=utf-8";
    let none = Value::Null;
    for (path, status, content_type, links, redirect, tries) in [
        ("/", json!(200), json!(html), 10, none.clone(), 1),
        ("/zoo/status/404", json!(404), json!(html), 0, none.clone(), 1),
        (
            "/zoo/loop/a",
            json!(301),
            json!(html),
            0,
            json!(format!("{site}/zoo/loop/b")),
            1,
        ),
        ("/zoo/reset/head", none.clone(), none.clone(), 0, none.clone(), 2),
    ] {
        let line = &lines[path];
        assert_eq!(line["url"], format!("{site}{path}"));
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["content_type"], content_type, "{line}");
        assert_eq!(line["size"].as_u64() > Some(0), !status.is_null());
        assert_eq!(line["links"], links, "{line}");
        assert!(line["new_links"].is_u64(), "{line}");
        assert_eq!(line.get("redirect"), Some(&redirect), "{line}");
        assert_eq!(line["tries"], tries, "{line}");
        assert!(line["elapsed_s"].is_f64(), "{line}");
    }
    assert_eq!(lines["/"]["new_links"], 9);
    assert_eq!(lines["/"].get("error"), Some(&none));
    let error = &lines["/zoo/status/404"]["error"];
    assert_eq!(error["kind"], "status");
    assert_eq!(error["message"], "404 Not Found");
    let error = &lines["/zoo/reset/head"]["error"];
    assert_eq!(error["kind"], "network");
    assert!(error["message"].is_string(), "{error}");
}

#[test]
fn quiet_is_nothing_but_errors() {
    each_stage(|stage| {
        let site = quick_site();
        let ended = crawl(stage, &["-q", &site.url("/")]);
        assert_eq!(ended.code, Some(0), "{ended}");
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
        assert!(site.hits("/9") > 0);

        let missing = site.url("/zoo/status/404");
        let ended = crawl(stage, &["-q", &site.url("/"), &missing]);
        assert_eq!(ended.code, Some(1), "{ended}");
        assert!(only_line(&ended.stdout).contains(&missing), "{ended}");
        assert_eq!(ended.stderr, "");
    });
}

#[test]
fn verbose_is_more() {
    each_stage(|stage| {
        let site = quick_site();
        let crawl = |options: &[&str]| {
            let url = site.url("/");
            let args = [options, &["--max-pages=1", &url]].concat();
            let ended = crawl(stage, &args);
            assert_eq!(ended.code, Some(0), "{ended}");
            let line = ended.stdout.lines().next().unwrap_or_default();
            (line.to_string(), ended.stderr)
        };
        let ((normal, stderr), (verbose, log)) = (crawl(&[]), crawl(&["-v"]));
        // What each fetch waits for, and nothing of the loop.
        assert_eq!(stderr, "");
        assert!(log.contains(&site.url("/")), "{log}");
        assert!(log.contains("the end of the response head"), "{log}");
        assert!(!log.contains("turn 1"), "{log}");
        assert!(normal.starts_with("200 "), "{normal}");
        let more = verbose.strip_prefix(&normal).expect(&verbose);
        assert!(more.starts_with("  in ") && more.ends_with(" s"), "{more:?}");
    });
}

fn path(url: &Value) -> String {
    let url = url.as_str().unwrap_or_default();
    let path = url.splitn(4, '/').nth(3);
    format!("/{}", path.unwrap_or_else(|| panic!("no path in {url:?}")))
}

/// The sum of a field; an integer, if all are.
fn sum(lines: &[Value], field: &str) -> Value {
    let all: Option<Vec<u64>> =
        lines.iter().map(|l| l[field].as_u64()).collect();
    match all {
        Some(all) => json!(all.iter().sum::<u64>()),
        None => {
            json!(lines.iter().filter_map(|l| l[field].as_f64()).sum::<f64>())
        }
    }
}
