//! Runs the commands that the book shows, in bash.

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What came of a command.
pub struct Finished {
    /// Stdout and stderr, in the order in which they were written.
    pub output: String,
    /// The exit status; none if a signal or the deadline ended it.
    pub status: Option<i32>,
}

/// Runs commands one after another in `folder`; all of them together have
/// `timeout`. What they leave running in the background ends with them.
pub fn run(
    commands: &[String],
    folder: &Path,
    timeout: Duration,
) -> io::Result<Vec<Finished>> {
    let deadline = Instant::now() + timeout;
    let mut outputs = Vec::new();
    let mut groups = Vec::new();
    for command in commands {
        // A file and no pipe: a process in the background may keep it open.
        let output = tempfile::tempfile()?;
        let mut child = bash(command, folder, &output)?;
        groups.push(child.id());
        let status = wait(&mut child, deadline)?;
        if status.is_none() {
            end(&groups);
            child.wait()?;
        }
        outputs.push((output, status));
    }
    end(&groups);
    let finished = |(mut file, status): (File, Option<i32>)| {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        let output = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        Ok(Finished { output, status })
    };
    outputs.into_iter().map(finished).collect()
}

fn bash(command: &str, folder: &Path, output: &File) -> io::Result<Child> {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", command]);
    bash.current_dir(folder);
    bash.stdin(Stdio::null());
    bash.stdout(output.try_clone()?).stderr(output.try_clone()?);
    // The same words on every machine, and no colours.
    bash.env("LC_ALL", "C.UTF-8").env("TERM", "dumb").env("NO_COLOR", "1");
    bash.env("CARGO_TERM_COLOR", "never").env_remove("RUST_BACKTRACE");
    // What `cargo run` tells this program is not meant for its children.
    let from_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_PRIMARY_"];
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if from_cargo.iter().any(|start| name.starts_with(start)) {
            bash.env_remove(&*name);
        }
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut bash, 0);
    bash.spawn()
}

/// The exit status, or none after the deadline.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<i32>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Ends what is left of these process groups: politely, then for sure.
fn end(groups: &[u32]) {
    let ids: Vec<String> = groups.iter().map(|id| format!("-{id}")).collect();
    let ids = ids.join(" ");
    let script = format!(
        "kill -TERM -- {ids} || exit 0
        for _ in $(seq 20); do kill -0 -- {ids} || exit 0; sleep 0.05; done
        kill -KILL -- {ids}"
    );
    let mut kill = Command::new("bash");
    kill.args(["-c", &script]).stdin(Stdio::null());
    // It complains of what has ended already.
    let _ = kill.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Where a program stands, if this machine has it.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let ending = env::consts::EXE_SUFFIX;
    env::split_paths(&path)
        .map(|folder| folder.join(format!("{name}{ending}")))
        .find(|program| program.is_file())
}
