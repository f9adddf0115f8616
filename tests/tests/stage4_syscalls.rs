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
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use tests::programs::STAGES;
    use tests::strace::{self, Traced};

    /// Connections, and messages on each.
    const MANY: usize = 10;

    #[test]
    fn a_message_is_waited_for_received_and_sent_and_nothing_else() {
        let Some(calls) = calls_of(|server| {
            let mut client = server.connect();
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
        let Some(calls) = calls_of(|server| {
            let mut clients: Vec<_> =
                (0..MANY).map(|_| server.connect()).collect();
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
    fn calls_of(clients: impl FnOnce(&Traced)) -> Option<Vec<Call>> {
        if !strace::works() {
            return None;
        }
        let stage = STAGES.iter().find(|s| s.name == "stage4-async-await");
        let mut server = Traced::start(stage.expect("a stage"));
        clients(&server);
        Some(server.calls().lines().filter_map(call).collect())
    }

    /// `None` for a signal, an end, and the second half of a call.
    fn call(line: &str) -> Option<Call> {
        let (thread, call) = line.split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let [thread, name, line] = [thread, name, line].map(str::to_string);
        name.chars().all(is_name).then_some(Call { thread, name, line })
    }

    fn echo(stream: &mut TcpStream, text: &str) {
        stream.write_all(text.as_bytes()).expect("there is room");
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(answer, text.to_uppercase().as_bytes());
    }
}
