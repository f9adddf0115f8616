//! Servers and clients on this machine, and pages for the servers.

use std::env;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::programs::{Running, TempDir, run, skip, target_dir, until};

/// Whether CI wants every test to run: in full, and none skipped.
pub fn required() -> bool {
    env::var_os("REQUIRE_REAL_SERVERS").is_some_and(|value| value == "1")
}

/// Whether there is a `program`. If not, says so; or fails where there has
/// to be one.
pub fn is_here(program: &str, version: &str) -> bool {
    match Command::new(program).arg(version).output() {
        Ok(_) => true,
        Err(error) if required() => panic!("{program}: {error}"),
        Err(error) => {
            skip(&format!("{program}: {error}"));
            false
        }
    }
}

/// The path of a file in `tests/scripts`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

/// A web server, which ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    _running: Running,
    /// Where it keeps its files.
    _dir: TempDir,
}

/// An nginx for `root`, with its defaults where a test allows that.
pub fn nginx(root: &Path) -> Server {
    let dir = TempDir::new();
    let own = dir.path().display();
    // A port that was free may be taken before nginx takes it.
    for _ in 0..10 {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = port.local_addr().expect("it is bound");
        let config = format!(
            "daemon off; master_process off; pid {own}/pid;
             error_log stderr;
             events {{}}
             http {{
                 access_log off;
                 types {{ text/html html; text/css css; text/plain txt; }}
                 gzip on; gzip_types *; gzip_min_length 1;
                 client_body_temp_path {own}/body;
                 proxy_temp_path {own}/proxy;
                 fastcgi_temp_path {own}/fastcgi;
                 uwsgi_temp_path {own}/uwsgi;
                 scgi_temp_path {own}/scgi;
                 server {{ listen {address}; root {}; }}
             }}",
            root.display()
        );
        let file = dir.path().join("nginx.conf");
        fs::write(&file, config).expect("a directory of our own");
        drop(port);
        let mut nginx = Command::new("nginx");
        let mut nginx = Running::start(nginx.arg("-c").arg(&file));
        let mut serves = false;
        until("nginx serves or has ended", || {
            serves = TcpStream::connect(address).is_ok();
            serves || nginx.has_ended()
        });
        // Another process may have the port: then it is that which answers.
        if serves && !nginx.has_ended() {
            return Server { address, _running: nginx, _dir: dir };
        }
    }
    panic!("nginx does not start");
}

/// Python's own server for `root`.
pub fn python(root: &Path) -> Server {
    let mut python = Command::new("python3");
    python.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]);
    python.arg("--directory").arg(root);
    // Its first line: Serving HTTP on 127.0.0.1 port 1234 (http://…) ...
    started(&mut python, |line| {
        let port = line.split(' ').skip_while(|word| *word != "port").nth(1)?;
        format!("127.0.0.1:{port}").parse().ok()
    })
}

/// A server on Node for `root` that sends everything in small chunks.
pub fn node(root: &Path) -> Server {
    let mut node = Command::new("node");
    node.arg(script("chunked.js")).arg(root);
    started(&mut node, |line| line.strip_prefix("listening on ")?.parse().ok())
}

fn started(
    command: &mut Command,
    address: impl Fn(&str) -> Option<SocketAddr>,
) -> Server {
    let mut running = Running::start(command);
    let line = running.line();
    let address = address(&line).unwrap_or_else(|| panic!("{line}"));
    Server { address, _running: running, _dir: TempDir::new() }
}

/// Pages written by nobody here.
pub struct Docs {
    pub by: By,
    pub root: PathBuf,
}

/// Whose pages they are.
pub enum By {
    /// The documentation that is installed with Rust.
    Rust,
    /// Where it is not: what rustdoc makes of this workspace.
    Rustdoc,
}

impl Docs {
    pub fn find() -> Docs {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let found = run(Command::new(rustc).args(["--print", "sysroot"]));
        let root = Path::new(found.stdout.trim_end());
        let root = root.join("share/doc/rust/html");
        match root.join("std/index.html").exists() {
            true => Docs { by: By::Rust, root },
            false => Docs { by: By::Rustdoc, root: rustdoc() },
        }
    }
}

/// Has rustdoc write the documentation of this workspace.
fn rustdoc() -> PathBuf {
    let target = target_dir().join("programs/docs");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "doc",
        "--workspace",
        "--no-deps",
        "--locked",
        "--offline",
        "--document-private-items",
        "--target-dir",
    ]);
    // It takes long: once.
    let output = command.arg(&target).output().expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    target.join("doc")
}
