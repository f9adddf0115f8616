//! How many system calls a message costs the echo server: figures that the
//! book gives. On Linux, where `strace` counts them.

#[cfg(not(target_os = "linux"))]
#[test]
fn system_calls() {
    tests::programs::skip("it needs Linux's strace");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::thread;
    use std::time::Duration;

    use tests::programs::{Stage, each_stage};
    use tests::strace::{self, Traced};

    const LENGTH: usize = 64;
    /// Messages before those that count.
    const WARM_UP: usize = 100;
    /// The messages, or rounds of messages, that count.
    const COUNTED: usize = 100;
    /// The messages in flight at once.
    const TOGETHER: usize = 64;

    #[test]
    fn a_message_on_its_own() {
        if !strace::works() {
            return;
        }
        each_stage(|stage| {
            let mut server = start(stage);
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
            let calls = calls_between(&mut server, "BEGIN", "END") as f64;
            let each = calls / COUNTED as f64;
            println!("{}: {each:.2} a message", stage.name);
            assert_eq!(each, stage.syscalls_alone);
        });
    }

    #[test]
    fn messages_that_are_there_together() {
        if !strace::works() {
            return;
        }
        each_stage(|stage| {
            let mut server = start(stage);
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
                let calls =
                    calls_between(&mut server, &mark("ROUND"), &mark("DONE"));
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
        if !strace::works() {
            return;
        }
        each_stage(|stage| {
            let mut server = start(stage);
            let mut client = server.connect();
            echo(&mut client, "hello");
            server.wait_until_it_waits();
            echo(&mut client, "begin");
            thread::sleep(Duration::from_millis(300));
            echo(&mut client, "end");
            let calls = calls_between(&mut server, "BEGIN", "END") as f64;
            assert_eq!(calls, stage.syscalls_alone);
        });
    }

    /// The server of this stage. Also the thread that waits for Ctrl-C does so
    /// by now: how it begins is not to be counted.
    fn start(stage: &Stage) -> Traced {
        let server = Traced::start(stage);
        server.wait_until_it_waits();
        server
    }

    /// The calls after the one that sends `begin`, up to the one that sends
    /// `end`: whole turns of the server's loop. Ends the server.
    fn calls_between(server: &mut Traced, begin: &str, end: &str) -> usize {
        let lines = server.calls();
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
}
