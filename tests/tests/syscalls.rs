//! How many system calls a message costs the echo server: figures that the
//! book gives. On Linux, where `strace` counts them.

#[cfg(not(target_os = "linux"))]
#[test]
fn system_calls() {
    tests::programs::skip("it needs Linux's strace");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::path::PathBuf;
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    use tests::programs::{
        DEADLINE, Running, Stage, TempDir, each_stage, skip, until,
    };

    const LENGTH: usize = 64;
    /// Messages before those that count.
    const WARM_UP: usize = 100;
    /// The messages, or rounds of messages, that count.
    const COUNTED: usize = 100;
    /// The messages in flight at once.
    const TOGETHER: usize = 64;

    #[test]
    fn a_message_on_its_own() {
        if !strace_works() {
            return;
        }
        each_stage(|stage| {
            let mut server = Traced::start(stage);
            let mut client = server.connect();
            // Not before the server waits: one that tries first would find
            // the message there already, or not.
            let mut echo = |text| {
                server.wait_until_it_waits();
                echo(&mut client, text);
            };
            (0..WARM_UP).for_each(|_| echo("hello"));
            echo("begin");
            (1..COUNTED).for_each(|_| echo("hello"));
            echo("end");
            let calls = server.calls_between("BEGIN", "END") as f64;
            let each = calls / COUNTED as f64;
            println!("{}: {each:.2} a message", stage.name);
            assert_eq!(each, stage.syscalls_alone);
        });
    }

    #[test]
    fn messages_that_are_there_together() {
        if !strace_works() {
            return;
        }
        each_stage(|stage| {
            let mut server = Traced::start(stage);
            let mut clients: Vec<_> =
                (0..TOGETHER).map(|_| server.connect()).collect();
            let rounds = 5;
            for round in 0..=rounds {
                for client in &mut clients {
                    echo(client, "hello");
                }
                // The last one that is answered here is in no round.
                let mark = format!("round {round}");
                echo(&mut clients[0], &mark);
                server.wait_until_it_waits();
                // While the server stands still they all arrive.
                server.stop();
                for client in &mut clients {
                    send(client, "hello");
                }
                server.go_on();
                for client in &mut clients {
                    receive(client, "hello");
                }
                server.wait_until_it_waits();
                echo(&mut clients[0], &format!("done {round}"));
            }
            let calls = (1..=rounds).map(|round| {
                let mark = |word| format!("{word} {round}");
                let calls = server.calls_between(&mark("ROUND"), &mark("DONE"));
                // The message that says that the round is done.
                calls as f64 - stage.syscalls_alone
            });
            let each = calls.sum::<f64>() / (rounds * TOGETHER) as f64;
            println!("{}: {each:.2} a message of 64", stage.name);
            assert!(each <= stage.syscalls_of_64, "{each}");
        });
    }

    #[test]
    fn a_server_with_nothing_to_do_does_nothing() {
        if !strace_works() {
            return;
        }
        each_stage(|stage| {
            let mut server = Traced::start(stage);
            let mut client = server.connect();
            echo(&mut client, "hello");
            server.wait_until_it_waits();
            echo(&mut client, "begin");
            thread::sleep(Duration::from_millis(300));
            echo(&mut client, "end");
            let calls = server.calls_between("BEGIN", "END") as f64;
            assert_eq!(calls, stage.syscalls_alone);
        });
    }

    /// A server under `strace`, which writes a line for each of its calls.
    struct Traced {
        server: Option<Running>,
        address: SocketAddr,
        file: PathBuf,
        /// Removes `file` in the end.
        _dir: TempDir,
    }

    impl Traced {
        fn start(stage: &Stage) -> Traced {
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
            let traced =
                Traced { server: Some(server), address, file, _dir: dir };
            // So does the thread that waits for Ctrl-C: how it begins is not
            // to be counted.
            traced.wait_until_it_waits();
            traced
        }

        fn wait_until_it_waits(&self) {
            let server = self.server.as_ref().expect("it runs");
            until("all threads wait", || {
                states(server.id()).iter().all(|state| *state == 'S')
            });
        }

        fn connect(&self) -> TcpStream {
            let stream = TcpStream::connect(self.address).expect("it listens");
            stream.set_read_timeout(Some(DEADLINE)).expect("not zero");
            stream
        }

        fn stop(&self) {
            let server = self.server.as_ref().expect("it runs");
            server.signal("STOP");
            until("it stands still", || {
                let stopped = |state: &char| matches!(state, 'T' | 't');
                states(server.id()).iter().all(stopped)
            });
        }

        fn go_on(&self) {
            self.server.as_ref().expect("it runs").signal("CONT");
        }

        /// The calls after the one that sends `begin`, up to the one that
        /// sends `end`: whole turns of the server's loop. Ends the server.
        fn calls_between(&mut self, begin: &str, end: &str) -> usize {
            if let Some(server) = self.server.take() {
                server.interrupt();
                assert_eq!(server.finish().code, Some(0));
                until("strace has written all", || {
                    self.lines().contains("+++ exited with 0 +++")
                });
            }
            let lines = self.lines();
            // Only what is sent is in upper case.
            let sends =
                |line: &str, what: &str| line.contains(&format!("\"{what} "));
            let mut lines = lines.lines();
            lines.find(|line| sends(line, begin)).expect("it has been sent");
            let mut calls = 0;
            for line in lines {
                // Neither a signal nor the second half of a call.
                let is_call = !line.contains(" --- ")
                    && !line.contains(" +++ ")
                    && !line.contains(" resumed>");
                calls += usize::from(is_call);
                if sends(line, end) {
                    return calls;
                }
            }
            panic!("{end} has not been sent");
        }

        fn lines(&self) -> String {
            fs::read_to_string(&self.file).expect("strace has made it")
        }
    }

    /// What each thread of a process does: sleeps, has been stopped, ...
    fn states(id: u32) -> Vec<char> {
        let threads = fs::read_dir(format!("/proc/{id}/task"));
        let state = |thread: fs::DirEntry| {
            let stat = fs::read_to_string(thread.path().join("stat"));
            let stat = stat.expect("it runs");
            let (_, rest) = stat.rsplit_once(") ").expect("proc(5)");
            rest.chars().next().expect("proc(5)")
        };
        threads.expect("it runs").map(|t| state(t.expect("it runs"))).collect()
    }

    /// `text` with blanks up to the length of a message.
    fn message(text: &str) -> String {
        format!("{text:LENGTH$}")
    }

    fn send(stream: &mut TcpStream, text: &str) {
        stream.write_all(message(text).as_bytes()).expect("there is room");
    }

    fn receive(stream: &mut TcpStream, text: &str) {
        let mut answer = [0; LENGTH];
        stream.read_exact(&mut answer).expect("it answers");
        let expected = message(text).to_uppercase();
        assert_eq!(String::from_utf8_lossy(&answer), expected);
    }

    fn echo(stream: &mut TcpStream, text: &str) {
        send(stream, text);
        receive(stream, text);
    }

    /// Whether there is a strace, and it may look at other processes.
    fn strace_works() -> bool {
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
}
