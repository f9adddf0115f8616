//! An echo server on `mio`, as small as it can be, to look at its system
//! calls. It hopes that each answer goes out whole; stage 1's does not hope.
//!
//! `cargo run -p book --example mio_echo`

use std::collections::HashMap;
use std::io::{self, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);

fn main() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    println!("listening on {}", listener.local_addr()?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients = HashMap::new();
    let mut last = LISTENER;
    // ANCHOR: loop
    let mut events = Events::with_capacity(1024);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match clients.get_mut(&event.token()) {
                Some(client) => {
                    if !echo(client)? {
                        clients.remove(&event.token());
                    }
                }
                None => {
                    let (mut client, _) = listener.accept()?;
                    last = Token(last.0 + 1);
                    // Once, for as long as the connection lasts.
                    let readable = Interest::READABLE;
                    poll.registry().register(&mut client, last, readable)?;
                    clients.insert(last, client);
                }
            }
        }
    }
    // ANCHOR_END: loop
}

// ANCHOR: echo
/// Answers all that is there. An edge is reported once, so whoever stops
/// before `WouldBlock` may never hear of the rest. False at the end of input.
fn echo(client: &mut TcpStream) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => client.write_all(&buffer[..n].to_ascii_uppercase())?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(true);
            }
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: echo
