//! The whole program: the book is served, and built anew after a change.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// The program; it ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn small_book() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), "book/book.toml", include_str!("../book.toml"));
    write(folder.path(), "book/theme/book.css", "p { margin: 0 }");
    write(folder.path(), "book/src/SUMMARY.md", "[One](one.md)\n");
    write(folder.path(), "book/src/one.md", "# One\n\n{{#listing a.txt}}\n");
    write(folder.path(), "a.txt", "the first text\n");
    folder
}

fn write(folder: &Path, file: &str, text: &str) {
    let file = folder.join(file);
    fs::create_dir_all(file.parent().expect("a folder")).expect("create");
    fs::write(file, text).expect("write");
}

/// Starts the program and waits until it says where the book is.
fn serve(folder: &Path) -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
    command.arg("--book").arg(folder.join("book"));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut program = Program(command.spawn().expect("it starts"));
    let stdout = program.0.stdout.take().expect("a pipe");
    let (found, line) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = found.send(line);
        }
    });
    let line = line.recv_timeout(PATIENCE).expect("it says where it is");
    let url = line.strip_prefix("the book is at http://").expect(&line);
    (program, url.trim_end_matches('/').to_string())
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// Asks again until the page has `text`.
#[track_caller]
fn wait_for(address: &str, path: &str, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !get(address, path).contains(text) {
        assert!(Instant::now() < deadline, "{path} never has {text}");
        thread::sleep(Duration::from_millis(20)); // not to ask too often
    }
}

#[test]
fn a_change_of_a_listed_file_is_shown() {
    let folder = small_book();
    let (_program, address) = serve(folder.path());
    assert!(get(&address, "/").contains("the first text"));
    let page = get(&address, "/one.html?search=x");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("fetch('/version')"), "no script in {page}");
    write(folder.path(), "a.txt", "the second text\n");
    wait_for(&address, "/one.html", "the second text");
    write(folder.path(), "book/src/one.md", "# Third\n");
    wait_for(&address, "/one.html", "Third");
}

#[test]
fn after_an_error_the_old_book_stays() {
    let folder = small_book();
    let (_program, address) = serve(folder.path());
    let wrong = "# One\n\n{{#listing a.txt:x}}\n";
    write(folder.path(), "book/src/one.md", wrong);
    wait_for(&address, "/none.html", "no anchor `x`");
    assert!(get(&address, "/one.html").contains("the first text"));
    let page = get(&address, "/../Cargo.toml");
    assert!(page.starts_with("HTTP/1.1 404 "), "{page}");
}

#[test]
fn an_error_is_one_line_and_an_exit_status() {
    let folder = small_book();
    write(folder.path(), "book/src/one.md", "\n{{#listing b.txt}}\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
    command.arg("--book").arg(folder.path().join("book")).arg("build");
    let output = command.output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("book/src/one.md:2: b.txt: "), "{stderr}");
}

#[test]
fn mdbook_can_call_it() {
    let folder = small_book();
    let book = folder.path().join("book");
    let mdbook = mdbook_driver::MDBook::load(&book).expect("a book");
    let context = mdbook_preprocessor::PreprocessorContext::new(
        book,
        mdbook.config.clone(),
        "html".to_string(),
    );
    let input = serde_json::to_vec(&(context, &mdbook.book)).expect("JSON");
    let mut output = Vec::new();
    book::preprocess(&input[..], &mut output).expect("it expands");
    let output = String::from_utf8(output).expect("text");
    assert!(output.contains("```text\\nthe first text\\n```"), "{output}");
    assert!(output.contains("code/a.txt.html#L1-L1"), "{output}");
}
