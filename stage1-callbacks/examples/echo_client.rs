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
    let mut lines = io::stdin().lock().lines();
    loop {
        print!(">>: ");
        io::stdout().flush()?;
        let Some(message) = lines.next().transpose()? else {
            println!();
            return Ok(()); // the end of input: Ctrl-D
        };
        stream.write_all(message.as_bytes())?;
        // An echo is as long as what was sent; it may come in portions.
        let mut answer = vec![0; message.len()];
        stream.read_exact(&mut answer)?;
        println!("{}", String::from_utf8_lossy(&answer));
    }
}
