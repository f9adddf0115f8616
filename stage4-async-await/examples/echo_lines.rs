//! The documents' echo server in its shortest form, and a client beside it
//! on the same loop.
//!
//! `cargo run -q -p stage4-async-await --example echo_lines`

use std::io;
use std::net::{Shutdown, SocketAddr};

use stage4_async_await as aio;
use stage4_async_await::net::{TcpListener, TcpStream};

// ANCHOR: server
/// Accepts, and gives each connection a task of its own.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        println!("server: accepted");
        aio::create_task(answer(stream));
    }
}

/// Answers in upper case, until the client has no more to say.
async fn answer(stream: TcpStream) -> io::Result<()> {
    loop {
        let mut data = stream.recv(1024).await?;
        if data.is_empty() {
            println!("server: closing");
            return Ok(());
        }
        data.make_ascii_uppercase();
        stream.send_all(&data).await?;
    }
}
// ANCHOR_END: server

// ANCHOR: client
async fn ask(address: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    for line in ["hello", "coroutines", "bye"] {
        stream.send_all(line.as_bytes()).await?;
        let data = stream.recv(1024).await?;
        println!("client: {line} -> {}", String::from_utf8_lossy(&data));
    }
    stream.shutdown(Shutdown::Write)?; // no more to say
    let rest = stream.recv(1024).await?;
    println!("client: the end, after {} more bytes", rest.len());
    Ok(())
}
// ANCHOR_END: client

// ANCHOR: main
fn main() -> io::Result<()> {
    aio::run(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        aio::create_task(serve(listener)); // cancelled when we return
        ask(address).await
    })
}
// ANCHOR_END: main
