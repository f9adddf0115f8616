//! A child process that is watched: whatever it does, the test goes on.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Much longer than anything that a test waits for takes.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Waits until `what` is true.
///
/// # Panics
///
/// If that does not happen within [`DEADLINE`].
pub fn until(name: &str, mut what: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !what() {
        assert!(Instant::now() < end, "it never happens: {name}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A program that runs. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// What a program has left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its exit status; none if a signal has ended it.
    pub code: Option<i32>,
    /// All that it has written to stdout.
    pub stdout: String,
    /// All that it has written to stderr.
    pub stderr: String,
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finished { code, stdout, stderr } = self;
        write!(f, "exit {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}

/// Runs `command` to its end.
///
/// # Panics
///
/// If it does not start, or does not end within [`DEADLINE`].
pub fn run(command: &mut Command) -> Finished {
    Running::start(command).finish()
}

impl Running {
    /// Starts `command` and listens to its stdout and stderr.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(command: &mut Command) -> Running {
        Running::start_with_stdout(command, Stdio::piped())
    }

    /// The same with a stdout of the caller's.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_with_stdout(
        command: &mut Command,
        stdout: impl Into<Stdio>,
    ) -> Running {
        let name = format!("{:?}", command.get_program());
        let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
        // Else this process, too, would keep the caller's stdout open.
        command.stdout(Stdio::null());
        let mut child =
            child.unwrap_or_else(|error| panic!("{name} starts: {error}"));
        let stdout = Lines::of(child.stdout.take());
        let stderr = Lines::of(child.stderr.take());
        Running { name, child, stdout, stderr }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process, to write to its stdin for example.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Whether the process has ended already.
    ///
    /// # Panics
    ///
    /// If the system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }

    /// The next line of stdout, once it is complete.
    ///
    /// # Panics
    ///
    /// If it does not come within [`DEADLINE`].
    pub fn line(&mut self) -> String {
        let line = self.stdout.next(Instant::now() + DEADLINE);
        line.unwrap_or_else(|why| self.fail(&format!("no more lines: {why}")))
    }

    /// Reads lines of stderr until one contains `text`.
    ///
    /// # Panics
    ///
    /// If none comes within [`DEADLINE`].
    pub fn error_line_with(&mut self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            match self.stderr.next(end) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(why) => self.fail(&format!("no line {text:?}: {why}")),
            }
        }
    }

    /// Waits for the end of the program.
    ///
    /// # Panics
    ///
    /// If it does not come within [`DEADLINE`].
    pub fn finish(self) -> Finished {
        self.finish_within(DEADLINE)
    }

    /// The same with a longer deadline.
    ///
    /// # Panics
    ///
    /// If the end does not come within that time.
    pub fn finish_within(mut self, time: Duration) -> Finished {
        let end = Instant::now() + time;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.stdout.rest(end);
                    self.stderr.rest(end);
                    return self.finished(status.code());
                }
                Ok(None) if Instant::now() < end => {
                    thread::sleep(Duration::from_millis(1));
                }
                Ok(None) => self.fail(&format!("still runs after {time:?}")),
                Err(error) => {
                    self.fail(&format!("cannot be waited for: {error}"))
                }
            }
        }
    }

    /// Sends the signal with this name, such as `INT`.
    ///
    /// # Panics
    ///
    /// If there is no such process any more.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let kill =
            Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(kill.expect("kill starts").success(), "SIG{name} to {id}");
    }

    /// What Ctrl-C does.
    ///
    /// # Panics
    ///
    /// If there is no such process any more.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    fn fail(&mut self, what: &str) -> ! {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let end = Instant::now() + Duration::from_secs(1);
        self.stdout.rest(end);
        self.stderr.rest(end);
        let so_far = self.finished(None);
        panic!("{} {what}\n{so_far}", self.name);
    }

    fn finished(&mut self, code: Option<i32>) -> Finished {
        let stdout = std::mem::take(&mut self.stdout.seen);
        let stderr = std::mem::take(&mut self.stderr.seen);
        Finished { code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream, read by a thread that may wait for them forever.
#[derive(Debug)]
struct Lines {
    receiver: Receiver<String>,
    /// All lines so far.
    seen: String,
}

impl Lines {
    fn of(stream: Option<impl Read + Send + 'static>) -> Lines {
        let (sender, receiver) = mpsc::channel();
        if let Some(stream) = stream {
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                while let Ok(Some(line)) = line(&mut stream) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Lines { receiver, seen: String::new() }
    }

    /// The next line without its end, or why there is none.
    fn next(&mut self, end: Instant) -> Result<String, String> {
        let left = end.saturating_duration_since(Instant::now());
        let line = self.receiver.recv_timeout(left);
        let line = line.map_err(|error| error.to_string())?;
        self.seen += &line;
        Ok(line.trim_end_matches(['\r', '\n']).to_string())
    }

    /// Takes in all lines that are still to come.
    fn rest(&mut self, end: Instant) {
        while self.next(end).is_ok() {}
    }
}

/// A line with its end, whatever its bytes are.
fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    match stream.read_until(b'\n', &mut bytes)? {
        0 => Ok(None),
        _ => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
    }
}
