//! The other ends of the connections that tests make, and what they send.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// An address that nobody listens at.
pub fn nobody_listens() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Closes a connection in a way that the other end is told of at once.
pub fn reset(peer: TcpStream) {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
}

/// So many different bytes.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 / 7) as u8).collect()
}
