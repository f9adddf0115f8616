//! Which bytes come back: all of them, in order, in ASCII upper case.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use support::cli::Serve;

use super::help::{
    Random, Server, connect, echo, expect, expect_last, reset, upper_case,
};

/// Of all 256 bytes only a to z change.
pub fn only_ascii_letters_change(serve: Serve) {
    let server = Server::start(serve, 1);
    let mut client = server.connect();
    let all: Vec<u8> = (0..=255).collect();
    client.write_all(&all).unwrap();
    let mut answer = vec![0; all.len()];
    client.read_exact(&mut answer).unwrap();
    for (byte, answer) in all.into_iter().zip(answer) {
        let expected = match byte {
            97..=122 => byte - 32,
            _ => byte,
        };
        assert_eq!(answer, expected, "to byte {byte}");
    }
    echo(&mut client, "grün – ß ﬁ".as_bytes());
}

/// However the bytes are cut into pieces, on either side.
pub fn pieces_of_any_size_come_back_in_order(serve: Serve) {
    let server = Server::start(serve, 1);
    let clients = (0..16).map(|seed| {
        let mut client = server.connect();
        thread::spawn(move || echo_in_pieces(&mut client, seed))
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().expect("the message above names the seed");
    }
}

/// Sends and reads at the same time.
fn echo_in_pieces(client: &mut TcpStream, seed: u64) {
    let mut random = Random(seed);
    // Most pieces are small, a few larger than a server's buffer.
    let largest = [10, 1000, 100_000][seed as usize % 3];
    let bytes = random.bytes(largest * 20);
    let mut writer = client.try_clone().unwrap();
    let to_send = bytes.clone();
    let sender = thread::spawn(move || {
        let mut rest = &to_send[..];
        while !rest.is_empty() {
            let (piece, more) =
                rest.split_at(random.up_to(largest).min(rest.len()));
            writer.write_all(piece).unwrap();
            rest = more;
        }
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut random = Random(!seed);
    let mut answer = Vec::new();
    let mut buffer = vec![0; largest];
    loop {
        let room = random.up_to(largest);
        match client.read(&mut buffer[..room]).unwrap() {
            0 => break,
            n => answer.extend_from_slice(&buffer[..n]),
        }
    }
    sender.join().unwrap();
    // No `assert_eq`: it would print it all.
    assert!(answer == upper_case(&bytes), "seed {seed}: other bytes");
}

/// One byte, one answer, and many single bytes in a row.
pub fn single_bytes_come_back(serve: Serve) {
    let server = Server::start(serve, 1);
    let mut client = server.connect();
    let bytes = Random(1).bytes(1000);
    for byte in &bytes {
        echo(&mut client, &[*byte]);
    }
    for byte in &bytes {
        client.write_all(&[*byte]).unwrap();
    }
    expect(&mut client, &bytes);
}

/// A client that has said all it has to say gets the whole answer, and then
/// the end.
pub fn the_end_of_input_ends_the_output_after_the_answer(serve: Serve) {
    let server = Server::start(serve, 1);
    // The last one does not fit into any buffer on the way.
    for length in [1, 100_000, 10_000_000] {
        let bytes = Random(length as u64).bytes(length);
        let mut client = server.connect();
        let mut writer = client.try_clone().unwrap();
        let to_send = bytes.clone();
        let sender = thread::spawn(move || {
            writer.write_all(&to_send).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        expect_last(&mut client, &bytes);
        sender.join().unwrap();
    }
}

/// Nothing asked, nothing answered, and the connection ends.
pub fn an_end_without_input(serve: Serve) {
    let server = Server::start(serve, 1);
    let mut client = server.connect();
    client.shutdown(Shutdown::Write).unwrap();
    expect_last(&mut client, b"");
    drop(server.connect());
    server.client();
    let stats = server.stop();
    assert_eq!((stats.connections, stats.bytes), (3, 5));
}

/// Clients that break off do so for themselves alone.
pub fn resets_harm_nobody_else(serve: Serve) {
    let server = Server::start(serve, 1);
    let mut other = server.client();
    for n in 0..50 {
        // Perhaps before it is accepted,
        reset(server.connect());
        // while it is idle,
        reset(server.client());
        // with input on its way.
        let mut client = server.connect();
        client.write_all(&Random(n).bytes(10_000)).unwrap();
        reset(client);
        echo(&mut other, b"still here");
    }
    echo(&mut server.connect(), b"and for new ones, too");
}

/// All ports of a server are served, at the same time.
pub fn every_listener_is_served(serve: Serve) {
    let server = Server::start(serve, 3);
    let mut clients: Vec<TcpStream> =
        server.addresses.iter().map(|a| connect(*a)).collect();
    for _ in 0..3 {
        for client in &mut clients {
            echo(client, b"which port?");
        }
    }
    assert_eq!(server.stop().peak, 3);
}

/// Connections come and go, and each is answered.
pub fn short_connections_one_after_another(serve: Serve) {
    let server = Server::start(serve, 1);
    for n in 0..2000_u32 {
        let mut client = server.connect();
        echo(&mut client, format!("client {n}").as_bytes());
    }
    assert_eq!(server.stop().connections, 2000);
}
