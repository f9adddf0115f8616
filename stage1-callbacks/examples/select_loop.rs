//! The documents' select loop: a selector that knows which sockets are
//! ready, and a loop that calls what was registered for them.
//!
//! `cargo run -p stage1-callbacks --example select_loop`

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Instant;

use stage1_callbacks::{Interest, Key, Selector};
use support::net::{start_connect, would_block};
use support::site::{Site, SiteOptions};

// ANCHOR: callback
type Callback = Box<dyn FnOnce() -> io::Result<()>>;
// ANCHOR_END: callback

// ANCHOR: program
/// What all callbacks share.
struct Program {
    selector: RefCell<Selector>,
    callbacks: RefCell<HashMap<Key, Callback>>,
    urls_todo: RefCell<Vec<String>>,
}
// ANCHOR_END: program

fn main() -> io::Result<()> {
    let site = Site::start(&SiteOptions::default())?;
    let start = Instant::now();
    let program = Rc::new(Program {
        selector: RefCell::new(Selector::new()?),
        callbacks: RefCell::default(),
        urls_todo: RefCell::new(site.paths().to_vec()),
    });
    for url in site.paths() {
        program.fetch(site.address(), url.clone())?;
    }
    program.run()?;
    println!("ten pages in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

impl Program {
    // ANCHOR: run
    /// The loop: what is ready, and the callbacks for it.
    fn run(&self) -> io::Result<()> {
        while !self.urls_todo.borrow().is_empty() {
            let events = self.selector.borrow_mut().select(None)?;
            for key in events {
                let callback = self.callbacks.borrow_mut().remove(&key);
                callback.expect("registered")()?;
            }
        }
        Ok(())
    }
    // ANCHOR_END: run

    // ANCHOR: register
    fn register(
        &self,
        key: Key,
        interest: Interest,
        callback: impl FnOnce() -> io::Result<()> + 'static,
    ) -> io::Result<()> {
        self.callbacks.borrow_mut().insert(key, Box::new(callback));
        self.selector.borrow_mut().register(key, interest)
    }
    // ANCHOR_END: register

    // ANCHOR: fetch
    fn fetch(
        self: &Rc<Self>,
        address: SocketAddr,
        url: String,
    ) -> io::Result<()> {
        let stream = Rc::new(start_connect(address)?);
        let key = self.selector.borrow_mut().insert(stream.clone());
        let program = self.clone();
        self.register(key, Interest::Writable, move || {
            program.connected(stream, key, url)
        })
    }
    // ANCHOR_END: fetch

    // ANCHOR: connected
    fn connected(
        self: Rc<Self>,
        stream: Rc<TcpStream>,
        key: Key,
        url: String,
    ) -> io::Result<()> {
        let get = format!("GET {url} HTTP/1.0\r\nHost: example.com\r\n\r\n");
        // Hope that it goes out in one piece: the crawler does not hope.
        (&*stream).write_all(get.as_bytes())?;
        self.read(stream, key, url, Vec::new())
    }
    // ANCHOR_END: connected

    // ANCHOR: read
    fn read(
        self: Rc<Self>,
        stream: Rc<TcpStream>,
        key: Key,
        url: String,
        mut response: Vec<u8>,
    ) -> io::Result<()> {
        let mut chunk = [0; 4096];
        match (&*stream).read(&mut chunk) {
            Ok(0) => {
                println!("{url}: {} bytes", response.len());
                self.selector.borrow_mut().remove(key);
                self.urls_todo.borrow_mut().retain(|todo| *todo != url);
                return Ok(());
            }
            Ok(n) => response.extend_from_slice(&chunk[..n]),
            Err(error) if would_block(&error) => {}
            Err(error) => return Err(error),
        }
        let program = self.clone();
        // ANCHOR: again
        self.register(key, Interest::Readable, move || {
            program.read(stream, key, url, response)
        })
        // ANCHOR_END: again
    }
    // ANCHOR_END: read
}
