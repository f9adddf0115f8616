//! Examples that must print what their Python originals print.
//!
//! Compared with CPython 3.11; where there is another, this is skipped. A
//! machine that has `REQUIRE_REAL_SERVERS=1` must have one at all.

use std::env::{self, consts::EXE_SUFFIX};
use std::path::Path;
use std::process::Command;

use crate::programs::{examples, run, skip};

/// Runs each example of `package` and its original in `book/python`.
///
/// # Panics
///
/// If one of them fails, or prints something else than the other.
pub fn the_examples_print_what_python_prints(
    package: &str,
    pairs: &[(&str, &str)],
) {
    if !is_python_here() {
        return;
    }
    let examples = examples(package);
    let originals =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/python");
    for (example, original) in pairs {
        let program = examples.join(format!("{example}{EXE_SUFFIX}"));
        let rust = lines(&mut Command::new(program));
        let mut python = Command::new("python3");
        // Some print Chinese. On Windows that would fail into a pipe.
        python.arg(originals.join(original)).env("PYTHONUTF8", "1");
        assert_eq!(rust, lines(&mut python), "{example}");
    }
}

/// Whether `python3` is CPython 3.11. If not, says so; or fails if there is
/// none where there has to be one.
///
/// # Panics
///
/// In that case.
pub fn is_python_here() -> bool {
    let ask = "import platform as p; \
               print(p.python_implementation(), p.python_version())";
    let version = match Command::new("python3").args(["-c", ask]).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) if is_required() => panic!("python3: {error}"),
        Err(error) => {
            skip(&format!("python3: {error}"));
            return false;
        }
    };
    let is_here = version.starts_with("CPython 3.11.");
    if !is_here {
        skip(&format!("python3 is {:?}, not CPython 3.11", version.trim()));
    }
    is_here
}

fn is_required() -> bool {
    env::var_os("REQUIRE_REAL_SERVERS").is_some_and(|value| value == "1")
}

/// The lines that `command` prints. It must succeed and print no error.
pub fn lines(command: &mut Command) -> Vec<String> {
    let finished = run(command);
    assert!(
        finished.code == Some(0) && finished.stderr.is_empty(),
        "{command:?}: {finished}"
    );
    assert!(!finished.stdout.is_empty(), "{command:?} prints nothing");
    finished.stdout.lines().map(str::to_string).collect()
}
