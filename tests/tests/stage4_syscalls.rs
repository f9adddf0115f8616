//! Which system calls stage 4's echo server makes, and which it does not: a
//! socket is registered once, and no call is made that is known to have
//! nothing to do. On Linux, where `strace` shows them; how many calls a
//! message costs in each stage is counted in `syscalls.rs`.

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
    use std::process::Command;

    use tests::programs::{DEADLINE, Running, STAGES, TempDir, skip, until};

    /// Connections, and messages on each.
    const MANY: usize = 10;

    #[test]
    fn a_message_is_waited_for_received_and_sent_and_nothing_else() {
        let Some(calls) = calls_of(|address| {
            let mut client = connect(address);
            echo(&mut client, "begin");
            (0..MANY).for_each(|_| echo(&mut client, "hello"));
            echo(&mut client, "end");
        }) else {
            return;
        };
        // Only what is sent is in upper case.
        let at = |what| calls.iter().position(|c| c.line.contains(what));
        let (begin, end) = (at("\"BEGIN\"").unwrap(), at("\"END\"").unwrap());
        // The thread that waits for Ctrl-C may only just begin.
        let ours = |call: &&Call| call.thread == calls[begin].thread;
        let names = calls[begin + 1..=end].iter().filter(ours);
        let names: Vec<_> = names.map(|call| call.name.as_str()).collect();
        let message = ["epoll_wait", "recvfrom", "sendto"];
        assert_eq!(names, message.repeat(MANY + 1));
    }

    #[test]
    fn a_connection_is_registered_once_and_no_call_would_have_blocked() {
        let Some(calls) = calls_of(|address| {
            let mut clients: Vec<_> =
                (0..MANY).map(|_| connect(address)).collect();
            for _ in 0..MANY {
                clients.iter_mut().for_each(|client| echo(client, "hello"));
            }
        }) else {
            return;
        };
        let count = |what: &str| {
            calls.iter().filter(|call| call.line.contains(what)).count()
        };
        // The listener, and what wakes the loop for other threads.
        assert_eq!(count("EPOLL_CTL_ADD"), MANY + 2, "{calls:#?}");
        assert_eq!(count("EPOLL_CTL_MOD"), 0, "{calls:#?}");
        // How it ends is another matter: then it looks who has a message.
        let last = calls.iter().rposition(|c| c.line.contains("\"HELLO\""));
        for call in &calls[..last.unwrap()] {
            // Whether there is one more to accept is not known before.
            let knows = ["recvfrom", "sendto"].contains(&call.name.as_str());
            assert!(!knows || !call.line.contains("EAGAIN"), "{call:?}");
        }
    }

    /// A system call, as strace shows it.
    #[derive(Debug)]
    struct Call {
        thread: String,
        name: String,
        line: String,
    }

    /// All calls of a server that `clients` talk to, until it ends. `None` if
    /// there is no strace.
    fn calls_of(clients: impl FnOnce(SocketAddr)) -> Option<Vec<Call>> {
        if !strace_works() {
            return None;
        }
        let stage = STAGES.iter().find(|s| s.name == "stage4-async-await");
        let program = stage.expect("a stage").released("echo-server");
        let dir = TempDir::new();
        let file = dir.path().join("calls");
        // With -D the process that we start is the server, not strace.
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-o"]).arg(&file).arg(program);
        let mut server =
            Running::start(command.args(["--listen", "127.0.0.1:0"]));
        let line = server.line();
        let address = line.strip_prefix("listening on ").expect(&line);
        clients(address.parse().expect(address));
        server.interrupt();
        assert_eq!(server.finish().code, Some(0));
        let lines = || fs::read_to_string(&file).expect("strace has made it");
        until("strace has written all", || {
            lines().contains("+++ exited with 0 +++")
        });
        Some(lines().lines().filter_map(call).collect())
    }

    /// `None` for a signal, an end, and the second half of a call.
    fn call(line: &str) -> Option<Call> {
        let (thread, call) = line.split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let [thread, name, line] = [thread, name, line].map(str::to_string);
        name.chars().all(is_name).then_some(Call { thread, name, line })
    }

    fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("not zero");
        stream
    }

    fn echo(stream: &mut TcpStream, text: &str) {
        stream.write_all(text.as_bytes()).expect("there is room");
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(answer, text.to_uppercase().as_bytes());
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
