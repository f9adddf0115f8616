//! Looks at the built pages in Chromium, over its DevTools protocol.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use crate::shell::find_program;

/// Nothing that the browser does may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Chromium, if this machine has it.
pub fn find() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().find_map(|name| find_program(name))
}

/// A running browser with one page.
pub struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    session: String,
    commands: u64,
    /// What went wrong in the page since it was asked for.
    errors: Vec<String>,
    /// The page's own host; it may load from nowhere else.
    host: String,
    _profile: TempDir,
}

/// A window, and how the page is shown in it.
pub struct View {
    pub name: &'static str,
    pub width: u32,
    pub dark: bool,
}

impl Browser {
    /// Starts the browser for pages of `host`, `http://127.0.0.1:1234`.
    pub fn start(program: &Path, host: &str) -> Result<Browser> {
        let profile = TempDir::new()?;
        let mut command = Command::new(program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu"]);
        command.args(["--disable-quic", "--no-first-run", "--disable-sync"]);
        command.arg("--disable-background-networking");
        command.arg("--disable-component-update");
        command.arg("--disable-renderer-backgrounding");
        command.arg("--disable-dev-shm-usage"); // containers have little
        command.arg("--hide-scrollbars");
        command.arg("--remote-debugging-port=0");
        command.arg("--remote-allow-origins=*");
        let mut folder = std::ffi::OsString::from("--user-data-dir=");
        folder.push(profile.path());
        command.arg(folder).arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::piped());
        let mut process = command.spawn().context("start the browser")?;
        let socket = match connect(&mut process) {
            Ok(socket) => socket,
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                return Err(error);
            }
        };
        let mut browser = Browser {
            process,
            socket,
            session: String::new(),
            commands: 0,
            errors: Vec::new(),
            host: host.to_string(),
            _profile: profile,
        };
        let targets = browser.call("Target.getTargets", json!({}))?;
        let targets = targets["targetInfos"].as_array();
        let page = targets.into_iter().flatten().find(|t| t["type"] == "page");
        let page = &page.context("the browser has no page")?["targetId"];
        let page = json!({"targetId": page, "flatten": true});
        let session = browser.call("Target.attachToTarget", page)?;
        let session = session["sessionId"].as_str().context("no session")?;
        browser.session = session.to_string();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(browser)
    }

    /// Opens a page of the host; gives what went wrong while it was loaded.
    pub fn open(&mut self, path: &str, view: &View) -> Result<Vec<String>> {
        let scheme = if view.dark { "dark" } else { "light" };
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let media = json!({"features": [feature]});
        self.call("Emulation.setEmulatedMedia", media)?;
        let metrics = json!({
            "width": view.width, "height": 900,
            "deviceScaleFactor": 1, "mobile": view.width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics)?;
        // Away from the page first: another fragment alone loads nothing.
        self.navigate("about:blank")?;
        self.errors.clear();
        self.navigate(&format!("{}/{path}", self.host))?;
        Ok(std::mem::take(&mut self.errors))
    }

    fn navigate(&mut self, url: &str) -> Result<()> {
        let done = self.call("Page.navigate", json!({"url": url}))?;
        if let Some(error) = done["errorText"].as_str() {
            bail!("{url}: {error}");
        }
        self.eval(
            "new Promise(done => document.readyState === 'complete'
                ? done() : addEventListener('load', () => done()))",
        )?;
        Ok(())
    }

    /// The value of an expression of JavaScript, or of its promise.
    pub fn eval(&mut self, expression: &str) -> Result<Value> {
        let expression = json!({
            "expression": expression,
            "awaitPromise": true, "returnByValue": true,
        });
        let done = self.call("Runtime.evaluate", expression)?;
        if let Some(error) = done.get("exceptionDetails") {
            bail!("{error}");
        }
        Ok(done["result"]["value"].clone())
    }

    /// Takes a picture of the whole page.
    pub fn screenshot(&mut self, file: &Path) -> Result<()> {
        const HIGHEST: f64 = 16_000.0; // what Chromium can draw
        let size = self.call("Page.getLayoutMetrics", json!({}))?;
        let mut clip = size["cssContentSize"].clone();
        let height = clip["height"].as_f64().unwrap_or(HIGHEST);
        clip["height"] = json!(height.min(HIGHEST));
        clip["scale"] = json!(1);
        let how = json!({"clip": clip, "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", how)?;
        let picture = picture["data"].as_str().context("no picture")?;
        fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
        Ok(fs::write(file, STANDARD.decode(picture)?)?)
    }

    fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(command.to_string()))?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let message = match self.socket.read() {
                Err(tungstenite::Error::Io(error))
                    if error.kind() == ErrorKind::Interrupted =>
                {
                    continue;
                }
                message => {
                    message.with_context(|| format!("{method}: no answer"))?
                }
            };
            let Message::Text(text) = message else { continue };
            let mut message: Value = serde_json::from_str(&text)?;
            if message["id"] == id {
                if let Some(error) = message.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(message["result"].take());
            }
            self.errors.extend(self.error(&message));
        }
        bail!("{method}: no answer within {PATIENCE:?}")
    }

    /// The error that an event of the page tells, if it tells one.
    fn error(&self, event: &Value) -> Option<String> {
        let params = &event["params"];
        let text = |value: &Value| match value.as_str() {
            Some(text) => text.to_string(),
            None => value.to_string(),
        };
        match event["method"].as_str()? {
            "Runtime.consoleAPICalled" if params["type"] == "error" => {
                Some(format!("console: {}", text(&params["args"])))
            }
            "Runtime.exceptionThrown" => {
                let exception = &params["exceptionDetails"];
                let description = &exception["exception"]["description"];
                Some(format!("uncaught: {}", text(description)))
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                let entry = &params["entry"];
                let (what, url) = (text(&entry["text"]), text(&entry["url"]));
                Some(format!("console: {what} {url}"))
            }
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str()?;
                let is_ours = url.starts_with(&self.host)
                    || ["data:", "about:", "blob:"]
                        .iter()
                        .any(|scheme| url.starts_with(scheme));
                (!is_ours).then(|| format!("loads from elsewhere: {url}"))
            }
            _ => None,
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its own processes, if it is asked; the rest is for sure.
        self.session.clear();
        let _ = self.call("Browser.close", json!({}));
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.process.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The browser says on stderr where it listens.
fn connect(process: &mut Child) -> Result<WebSocket<TcpStream>> {
    let stderr = process.stderr.take().context("no stderr")?;
    let (found, address) = std::sync::mpsc::channel();
    // Reads on, so that the browser can always write.
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("DevTools listening on ") {
                let _ = found.send(url.trim().to_string());
            }
        }
    });
    let url = address.recv_timeout(PATIENCE).context("the browser is mute")?;
    let host = url.trim_start_matches("ws://");
    let host = host.split('/').next().unwrap_or(host);
    let stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let (socket, _) = tungstenite::client(&url, stream)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(socket)
}
