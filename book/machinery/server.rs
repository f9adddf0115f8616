//! A small web server for files in memory, on a loopback port.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::pages::{Files, decode};
use crate::source_page::escape;

/// A running server; it ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    shown: Arc<Shown>,
    thread: Option<JoinHandle<()>>,
}

struct Shown {
    state: RwLock<State>,
    /// Added to each page.
    script: &'static str,
    ended: AtomicBool,
}

#[derive(Default)]
struct State {
    files: Files,
    /// Counts the builds that were shown, so that pages can ask for it.
    version: usize,
    error: String,
}

impl Server {
    /// Serves nothing yet. `script` is added to each page.
    pub fn start(port: u16, script: &'static str) -> Result<Server> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("127.0.0.1:{port}"))?;
        let address = listener.local_addr()?;
        let (state, ended) = Default::default();
        let shown = Arc::new(Shown { state, script, ended });
        let inner = shown.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if inner.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shown = inner.clone();
                // It fails if the reader has gone away.
                thread::spawn(move || shown.answer(stream).ok());
            }
        });
        Ok(Server { address, shown, thread: Some(thread) })
    }

    /// Serves these files from now on.
    pub fn show(&self, files: Files) {
        self.change(|state| {
            let version = state.version + 1;
            *state = State { files, version, error: String::new() };
        });
    }

    /// Tells an error to those who ask for what is not there.
    pub fn show_error(&self, error: String) {
        self.change(|state| state.error = error);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let state = self.shown.state.write();
        change(&mut state.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shown.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes the thread
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic was printed
        }
    }
}

impl Shown {
    /// Reads one request, answers it, and closes the connection.
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut lines = BufReader::new(&stream).lines();
        let request = lines.next().unwrap_or(Ok(String::new()))?;
        while !lines.next().unwrap_or(Ok(String::new()))?.is_empty() {}
        let url = request.split(' ').nth(1).unwrap_or("/");
        let (status, kind, body) = self.find(url);
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\nCache-Control: no-store\r\n\
             Connection: close\r\n\r\n"
        )?;
        stream.write_all(&body)
    }

    /// The status, the type and the body of the answer.
    fn find(&self, url: &str) -> (&'static str, &'static str, Vec<u8>) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let mut path = decode(path.trim_start_matches('/'));
        if path.is_empty() || path.ends_with('/') {
            path += "index.html";
        }
        let page = |text: &str| {
            let script = format!("{}</body>", self.script);
            text.replace("</body>", &script).into_bytes()
        };
        const HTML: &str = "text/html; charset=utf-8";
        if path == "version" {
            let version = state.version.to_string();
            return ("200 OK", "text/plain", version.into_bytes());
        }
        let Some(file) = state.files.get(&path) else {
            let error = escape(&state.error);
            let text = format!(
                "<body><h1>There is no {}</h1><pre>{error}</pre></body>",
                escape(&path)
            );
            return ("404 Not Found", HTML, page(&text));
        };
        let kind = match path.rsplit('.').next() {
            Some("html") => {
                let text = String::from_utf8_lossy(file);
                return ("200 OK", HTML, page(&text));
            }
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("json") => "application/json",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("woff2") => "font/woff2",
            _ => "application/octet-stream",
        };
        ("200 OK", kind, file.clone())
    }
}
