//! The programs at the limits of the system: no descriptor left, ten
//! thousand connections. On Linux, where `/proc` shows what they use.

#[cfg(not(target_os = "linux"))]
#[test]
fn limits() {
    tests::programs::skip("it needs Linux's /proc");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::env;
    use std::fs;
    use std::io::{ErrorKind, Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::path::Path;
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    use serde_json::Value;
    use support::site::{Site, SiteOptions};
    use tests::programs::{
        DEADLINE, Running, Stage, each_stage, run, skip, until,
    };

    /// Descriptors for the server in the first test.
    const FEW: usize = 40;
    /// Connections in the last test,
    const MANY: usize = 10_000;
    /// and the descriptors for them.
    const ENOUGH: usize = 20_000;
    /// The length of their longer messages, in bytes.
    const BIG: usize = 16 * 1024;
    /// How long the use of the processor is measured.
    const SPAN: Duration = Duration::from_secs(1);

    #[test]
    fn out_of_descriptors_the_echo_server_waits_and_recovers() {
        each_stage(|stage| {
            let (server, address) = start_server(stage, FEW);
            let mut clients: Vec<_> =
                (0..60).map(|_| connect(address)).collect();
            for client in &mut clients {
                send(client, b"a");
            }
            for client in &mut clients[..20] {
                assert_eq!(receive(client), b'A');
            }
            // The one that it cannot have is perhaps spared on purpose.
            until("no descriptor is left", || {
                descriptors(server.id()) >= FEW - 1
            });
            assert!(has_nothing(&mut clients[59]));

            let before = ticks(server.id());
            thread::sleep(SPAN);
            let used = ticks(server.id()) - before;
            assert!(used <= 5, "{used} ticks of the processor, and no work");

            for client in &mut clients[..20] {
                send(client, b"b");
                assert_eq!(receive(client), b'B');
            }
            clients.drain(..40);
            for client in &mut clients {
                assert_eq!(receive(client), b'A');
            }
            let mut late = connect(address);
            send(&mut late, b"c");
            assert_eq!(receive(&mut late), b'C');

            server.interrupt();
            let ended = server.finish();
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
            assert!(ended.stdout.contains("\n61 connections, 81 bytes"));
        });
    }

    #[test]
    fn out_of_descriptors_the_crawler_reports_it_per_url() {
        each_stage(|stage| {
            let pages = 60;
            let delay = Duration::from_millis(100);
            let options = SiteOptions { delay, pages, ..Default::default() };
            let site = Site::start(&options).expect("a free port");
            let mut command = limited(20, &stage.released("crawler"));
            command.args(["--max-tasks=50", "--format=json", &site.url("/")]);
            let ended = run(&mut command);
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));

            let parse = |line| serde_json::from_str(line).expect("JSON");
            let mut lines: Vec<Value> =
                ended.stdout.lines().map(parse).collect();
            let summary = lines.pop().expect("a summary");
            assert_eq!(summary["pages"], pages);
            assert_eq!(lines.len(), pages);
            let (failed, fetched): (Vec<Value>, Vec<Value>) =
                lines.into_iter().partition(|line| line["error"].is_object());
            assert!(fetched.len() > 1 && !failed.is_empty(), "{summary}");
            for line in failed {
                let message = line["error"]["message"].to_string();
                assert!(message.contains("open files"), "{line}");
            }
        });
    }

    #[test]
    fn ten_thousand_idle_connections_are_held() {
        if !has_descriptors() {
            return;
        }
        each_stage(|stage| {
            let (server, address) = start_server(stage, ENOUGH);
            let mut late = connect(address);
            send(&mut late, b"a");
            assert_eq!(receive(&mut late), b'A');
            let before = memory(server.id());

            let mut clients = Vec::new();
            // In step with the server: its backlog is shorter than this.
            for _ in 0..MANY / 50 {
                let mut some: Vec<_> =
                    (0..50).map(|_| connect(address)).collect();
                echo_all(&mut some, b"b");
                clients.extend(some);
            }
            let assert_small = || {
                let each = (memory(server.id()) - before) / MANY;
                println!("{}: {each} bytes a connection", stage.name);
                assert!(each <= stage.idle_bytes, "{each} bytes a connection");
            };
            assert_small();
            // Who waits again holds no buffer, whatever there was to echo.
            for some in clients.chunks_mut(50) {
                echo_all(some, &[b'b'; BIG]);
            }
            assert_small();

            let start = ticks(server.id());
            thread::sleep(SPAN);
            let used = ticks(server.id()) - start;
            assert!(used <= 1, "{used} ticks of the processor, and no work");

            for client in clients.iter_mut().step_by(100) {
                send(client, b"c");
                assert_eq!(receive(client), b'C');
            }
            clients.clear();
            until("all are closed", || descriptors(server.id()) < 50);
            send(&mut late, b"d");
            assert_eq!(receive(&mut late), b'D');
            let mut new = connect(address);
            send(&mut new, b"e");
            assert_eq!(receive(&mut new), b'E');

            server.interrupt();
            let ended = server.finish();
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
            let bytes = 10_103 + MANY * BIG;
            let totals = format!("\n10002 connections, {bytes} bytes, ");
            assert!(ended.stdout.contains(&totals), "{ended}");
            assert!(ended.stdout.contains(" at most 10001 "), "{ended}");
        });
    }

    /// Whether this process may have a descriptor for each connection. Where
    /// it only has to ask for them, another process runs this test again.
    fn has_descriptors() -> bool {
        let limits = fs::read_to_string("/proc/self/limits").expect("Linux");
        let line = limits.lines().find(|l| l.starts_with("Max open files"));
        let mut limits = line.expect("Linux").split_whitespace().skip(3);
        let mut limit = || match limits.next() {
            Some("unlimited") => usize::MAX,
            limit => limit.and_then(|n| n.parse().ok()).expect("Linux"),
        };
        let (soft, hard) = (limit(), limit());
        if soft >= ENOUGH {
            return true;
        }
        if hard < ENOUGH {
            skip(&format!("it needs {ENOUGH} descriptors, {hard} are allowed"));
            return false;
        }
        let test = thread::current();
        let mut again = limited(ENOUGH, &env::current_exe().expect("a path"));
        again.args(["--exact", test.name().expect("it has one")]);
        let ended = Running::start(&mut again).finish_within(4 * DEADLINE);
        assert_eq!(ended.code, Some(0), "{ended}");
        assert!(ended.stdout.contains(" 1 passed"), "{ended}");
        false
    }

    /// A `program` that may have so many descriptors.
    fn limited(descriptors: usize, program: &Path) -> Command {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(program);
        command
    }

    fn start_server(
        stage: &Stage,
        descriptors: usize,
    ) -> (Running, SocketAddr) {
        let mut command = limited(descriptors, &stage.released("echo-server"));
        let mut server =
            Running::start(command.args(["--listen", "127.0.0.1:0"]));
        let line = server.line();
        let address = line.strip_prefix("listening on ").expect(&line);
        (server, address.parse().expect(address))
    }

    fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect_timeout(&address, DEADLINE);
        let stream = stream.expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("not zero");
        stream
    }

    fn send(stream: &mut TcpStream, bytes: &[u8]) {
        stream.write_all(bytes).expect("there is room");
    }

    fn receive(stream: &mut TcpStream) -> u8 {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("it answers");
        byte[0]
    }

    /// Has `message` echoed to all of them at once.
    fn echo_all(clients: &mut [TcpStream], message: &[u8]) {
        clients.iter_mut().for_each(|client| send(client, message));
        let mut answer = vec![0; message.len()];
        for client in clients {
            client.read_exact(&mut answer).expect("it answers");
            assert!(answer == message.to_ascii_uppercase());
        }
    }

    fn has_nothing(stream: &mut TcpStream) -> bool {
        stream.set_nonblocking(true).expect("a socket");
        let result = stream.read(&mut [0]);
        stream.set_nonblocking(false).expect("a socket");
        result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// How many descriptors a process has.
    fn descriptors(id: u32) -> usize {
        fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").count()
    }

    /// The time that a process has used the processor, in ticks of 10 ms.
    fn ticks(id: u32) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"));
        let stat = stat.expect("it runs");
        // After the name, which may have blanks in it: the third field on.
        let (_, fields) = stat.rsplit_once(')').expect("proc(5)");
        let fields: Vec<_> = fields.split_whitespace().collect();
        let (user, system) = (fields[14 - 3], fields[15 - 3]);
        let ticks = |field: &str| field.parse::<u64>().expect("proc(5)");
        ticks(user) + ticks(system)
    }

    /// The memory that a process has, in bytes.
    fn memory(id: u32) -> usize {
        let status = fs::read_to_string(format!("/proc/{id}/status"));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let number = line.and_then(|l| l.split_whitespace().next());
        number.and_then(|n| n.parse::<usize>().ok()).expect("proc(5)") * 1024
    }
}
