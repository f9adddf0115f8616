use super::*;

fn run(options: &str) -> Run {
    Run::parse(&format!("run name {options}"), "$ one\n$ two \\\n  more\n")
        .expect("a good run")
}

fn finished(output: &str, status: i32) -> Finished {
    Finished { output: output.to_string(), status: Some(status) }
}

fn differ(options: &str, before: &str, now: &str) -> bool {
    let text = |output| format!("$ one\n$ two \\\n  more\n{output}");
    let difference = run(options).difference(&text(before), &text(now));
    difference.is_some()
}

#[test]
fn options_are_read_as_they_are_written() {
    let run = run(r#"status=2 hide=^\d hide="a b" needs=x,y only=linux"#);
    assert_eq!(run.status, 2);
    assert_eq!(run.hide.expect("a regex").as_str(), "a b");
    assert_eq!(run.needs, ["x", "y"]);
    let error = Run::parse("run name hidden", "$ a").err();
    let expected = "option `hidden`: there is no such option";
    assert_eq!(error.as_deref(), Some(expected));
    let error = Run::parse("run name", "a\n").err();
    let expected = "not a command that begins with `$ `: a";
    assert_eq!(error.as_deref(), Some(expected));
}

#[test]
fn the_recorded_text_has_the_commands_and_what_is_left_of_outputs() {
    let run = run("status=2 hide=^no head=2");
    let done = [finished("a\nno\nb\nc", 0), finished("d  \n", 2)];
    let text = run.text(&done).expect("as expected");
    assert_eq!(text, "$ one\na\nb\n…\n$ two \\\n  more\nd\n");
    let outputs = split(&text, &run.commands).expect("the same commands");
    assert_eq!(outputs, ["a\nb\n…\n", "d\n"]);
    let error = run.text(&[finished("", 0), finished("oh\n", 1)]);
    let error = error.expect_err("another status");
    assert!(error.contains("exit status 1, expected 2\n  oh"), "{error}");
}

#[test]
fn what_varies_from_run_to_run_is_no_difference() {
    for (before, now) in [
        ("at 127.0.0.1:1234 now", "at 127.0.0.1:999 now"),
        ("[::1]:1 localhost:2", "[::1]:3 localhost:4"),
        ("in 1.01 s, of  12ms or 1.5µs", "in 10 s, of 1ms or 12.25 s"),
        ("   1.000123 turn 1", "  12.345678 turn 1"),
        ("pid 17 at 0x7ffe", "pid 4242 at 0xbeef"),
    ] {
        assert!(!differ("", before, now), "{before} and {now}");
    }
    for (before, now) in [
        ("port 1234", "port 1235"),
        ("10 pages", "11 pages"),
        ("a  b", "a b"),
        ("a\nb", "a"),
        ("b\na", "a\nb"),
    ] {
        assert!(differ("", before, now), "{before} and {now}");
    }
}

#[test]
fn options_say_what_else_may_vary() {
    assert!(!differ("sorted", "b\na", "a\nb"));
    assert!(differ("sorted", "b\na", "a\na"));
    assert!(!differ(r"vary=\d+\sKiB", "took 17 KiB", "took 8 KiB"));
    assert!(differ(r"vary=\d+\sKiB", "took 17 MiB", "took 8 MiB"));
}

#[test]
fn a_difference_is_short() {
    let before: String = (0..99).map(|n| format!("{n}\n")).collect();
    let now = before.replace("7\n8\n", "7\nx\n8\n");
    let text = |output: &str| format!("$ one\n$ two \\\n  more\n{output}");
    let difference = run("").difference(&text(&before), &text(&now));
    let expected = "from line 9 on:\n  + x\n";
    assert_eq!(difference.as_deref(), Some(expected));
}
