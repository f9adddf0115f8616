//! The documents' prompting client: reads lines, sends them, prints the
//! answers. Start the echo server first:
//!
//! `cargo run -p stage1-callbacks --bin echo-server`, and in a second terminal
//! `cargo run -p stage1-callbacks --example echo_client -- 8081`

use std::env;
use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

fn main() -> ExitCode {
    let port = env::args().nth(1).unwrap_or("8080".to_string());
    let Ok(port) = port.parse() else {
        eprintln!("echo_client: {port:?} is not a port");
        return ExitCode::from(2);
    };
    match talk(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client: 127.0.0.1:{port}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn talk(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    eprintln!("connected; Ctrl-D ends");
    let mut lines = io::stdin().lock().lines();
    loop {
        print!(">>: ");
        io::stdout().flush()?;
        let Some(message) = lines.next().transpose()? else {
            println!();
            return Ok(()); // the end of input: Ctrl-D
        };
        let answer = echo(&mut stream, message.as_bytes())?;
        println!("{}", String::from_utf8_lossy(&answer));
    }
}

/// Sends a message and reads its echo, which is as long. In pieces: a server
/// that cannot write its answer stops reading, so whoever sends a long message
/// to its end before reading waits forever.
fn echo(stream: &mut TcpStream, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    for piece in message.chunks(16 * 1024) {
        stream.write_all(piece)?;
        let length = piece.len() as u64;
        // The echo of a piece may come in portions.
        if stream.take(length).read_to_end(&mut answer)? < piece.len() {
            return Err(io::Error::other("the server closed the connection"));
        }
    }
    Ok(answer)
}
