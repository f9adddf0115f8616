//! Echo servers under Linux's `strace`, which writes a line for each of their
//! system calls.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use crate::programs::{DEADLINE, Running, Stage, TempDir, skip, until};

/// Whether there is a `strace`, and it may look at other processes. If not,
/// says that the test is skipped.
pub fn works() -> bool {
    let mut command = Command::new("strace");
    let result = command.args(["-o", "/dev/null", "true"]).output();
    let why = match result {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into(),
        Err(error) => format!("strace: {error}"),
    };
    skip(why.trim_end());
    false
}

/// An echo server whose system calls are written down.
#[derive(Debug)]
pub struct Traced {
    server: Option<Running>,
    address: SocketAddr,
    file: PathBuf,
    /// Removes `file` in the end.
    _dir: TempDir,
}

impl Traced {
    /// Starts this stage's `echo-server`, built to be quick.
    pub fn start(stage: &Stage) -> Traced {
        let dir = TempDir::new();
        let file = dir.path().join("calls");
        // With -D the process that we start is the server, not strace.
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-o"]).arg(&file);
        command.arg(stage.released("echo-server"));
        let mut server =
            Running::start(command.args(["--listen", "127.0.0.1:0"]));
        let line = server.line();
        let address = line.strip_prefix("listening on ").expect(&line);
        let address = address.parse().expect(address);
        Traced { server: Some(server), address, file, _dir: dir }
    }

    /// A connection to it, from which nothing is awaited for ever.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("not zero");
        stream
    }

    /// Waits until each of its threads waits.
    pub fn wait_until_it_waits(&self) {
        until("all threads wait", || {
            self.states().iter().all(|state| *state == 'S')
        });
    }

    /// Has it stand still.
    pub fn stop(&self) {
        self.server().signal("STOP");
        until("it stands still", || {
            let stopped = |state: &char| matches!(state, 'T' | 't');
            self.states().iter().all(stopped)
        });
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.server().signal("CONT");
    }

    /// Ends it, the first time. The lines for all its calls.
    pub fn calls(&mut self) -> String {
        if let Some(server) = self.server.take() {
            server.interrupt();
            assert_eq!(server.finish().code, Some(0));
            until("strace has written all", || {
                self.lines().contains("+++ exited with 0 +++")
            });
        }
        self.lines()
    }

    fn lines(&self) -> String {
        fs::read_to_string(&self.file).expect("strace has made it")
    }

    /// What each of its threads does: sleeps, has been stopped, ...
    fn states(&self) -> Vec<char> {
        let id = self.server().id();
        let threads = fs::read_dir(format!("/proc/{id}/task"));
        let state = |thread: fs::DirEntry| {
            let stat = fs::read_to_string(thread.path().join("stat"));
            let stat = stat.expect("it runs");
            let (_, rest) = stat.rsplit_once(") ").expect("proc(5)");
            rest.chars().next().expect("proc(5)")
        };
        threads.expect("it runs").map(|t| state(t.expect("it runs"))).collect()
    }

    fn server(&self) -> &Running {
        self.server.as_ref().expect("it runs")
    }
}
