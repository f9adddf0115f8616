//! Servers for what the practice site cannot do: fixed answers, a port that
//! refuses, a port that does not answer.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How long a crawler may leave a connection unused.
const PATIENCE: Duration = Duration::from_secs(5);

/// A page of HTML.
pub(crate) fn page(html: &str) -> String {
    answer("200 OK", "Content-Type: text/html\r\n", html)
}

/// A correct answer. Each of `headers` ends with `\r\n`.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// A server that has a fixed answer for each path, on a port of 127.0.0.1;
/// the other paths are not found. It serves one connection after another.
#[derive(Debug)]
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    requests: Mutex<Vec<String>>,
}

impl Web {
    /// Answers are bytes as they go to the crawler. `ADDRESS` stands for the
    /// server's own.
    pub(crate) fn start<A: Into<String>>(
        answers: impl IntoIterator<Item = (&'static str, A)>,
    ) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Vec<_> = answers
            .into_iter()
            .map(|(path, answer)| {
                let answer: String = answer.into();
                (path, answer.replace("ADDRESS", &address.to_string()))
            })
            .collect();
        let shared = Arc::new(Shared::default());
        let ours = shared.clone();
        let thread = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && !shared.stopped.load(Ordering::Relaxed)
            {
                // A crawler that goes away is nobody's problem.
                let _ = serve(stream, &answers, &shared.requests);
            }
        });
        Web { address, shared: ours, thread: Some(thread) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// What they asked for.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.requests().iter().map(|head| target(head).to_string()).collect()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits in `accept`.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    answers: &[(&str, String)],
    requests: &Mutex<Vec<String>>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            n => head.extend_from_slice(&piece[..n]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let found = answers.iter().find(|(path, _)| *path == target(&head));
    requests.lock().unwrap().push(head);
    match found {
        Some((_, answer)) => stream.write_all(answer.as_bytes())?,
        None => stream.write_all(answer("404 No", "", "").as_bytes())?,
    }
    // To close with input unread would destroy the answer.
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}

fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// A port that refuses connections for as long as this lives.
#[derive(Debug)]
pub(crate) struct Refusing {
    pub(crate) address: SocketAddr,
    /// Bound and never listening, so that nobody else gets the port.
    _socket: Socket,
}

impl Refusing {
    pub(crate) fn start() -> Refusing {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&any.into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Refusing { address, _socket: socket }
    }
}

/// A port that neither accepts nor refuses: its backlog is full. Linux drops
/// the first packet of any further connection.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) address: SocketAddr,
    _listener: Socket,
    _clients: Vec<TcpStream>,
}

#[cfg(target_os = "linux")]
impl Full {
    pub(crate) fn start() -> Full {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut clients = Vec::new();
        while let Ok(client) =
            TcpStream::connect_timeout(&address, Duration::from_millis(200))
        {
            clients.push(client);
        }
        Full { address, _listener: listener, _clients: clients }
    }
}
