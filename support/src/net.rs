//! What every stage needs of the network besides reading and writing:
//! addresses, the beginning of a connection, and a few words for errors.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};
use url::{Host, Url};

use crate::crawl::{ErrorKind, FetchError};

/// The address of `url`, if its host is an IP address: nothing to look up.
pub fn literal_address(url: &Url) -> Option<SocketAddr> {
    let ip: IpAddr = match url.host()? {
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
        Host::Domain(_) => return None,
    };
    Some(SocketAddr::new(ip, url.port_or_known_default()?))
}

/// Looks up the addresses of `url`'s host, in the order to try them.
///
/// This **blocks** for as long as the name service takes: call it on a thread
/// that has nothing else to do.
///
/// # Errors
///
/// [`ErrorKind::Resolve`], naming the host.
pub fn resolve(url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
    let host = url.host_str().unwrap_or_default();
    let failed = |why: &dyn fmt::Display| {
        FetchError::new(
            ErrorKind::Resolve,
            format!("cannot find {host}: {why}"),
        )
    };
    let port = url.port_or_known_default().unwrap_or(80);
    let found = (host, port).to_socket_addrs().map_err(|e| failed(&e))?;
    let addresses: Vec<_> = found.collect();
    match addresses.is_empty() {
        true => Err(failed(&"the name has no address")),
        false => Ok(addresses),
    }
}

/// Begins to connect and does not wait: the stream becomes writable when it
/// is connected, or when it has failed ([`TcpStream::take_error`] tells).
///
/// # Errors
///
/// Those that are known at once, such as a network that is not there.
pub fn start_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !in_progress(&error) => Err(error),
        _ => Ok(socket.into()),
    }
}

/// The operation has to wait. Not an error: register and try again.
pub fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// A signal came first. Not an error: try again.
pub fn interrupted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

/// The client closed the connection before it was accepted. Not an error of
/// the listener.
pub fn aborted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionAborted
}

/// The connection is being made. Unix has an error number of its own for
/// this; Windows says that it would block. After a signal it goes on, too.
fn in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    would_block(error) || interrupted(error)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn literal_addresses_need_no_lookup() {
        let address = |url| literal_address(&Url::parse(url).unwrap());
        assert_eq!(address("http://127.0.0.1"), "127.0.0.1:80".parse().ok());
        assert_eq!(address("http://[::1]:81/"), "[::1]:81".parse().ok());
        assert_eq!(address("http://localhost/"), None);
    }

    #[test]
    fn an_unknown_host_is_named() {
        let url = Url::parse("http://no-such-host.invalid/").unwrap();
        let error = resolve(&url).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Resolve);
        assert!(error.message.contains("no-such-host.invalid"), "{error}");
    }

    #[test]
    fn a_connection_is_begun_without_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = start_connect(address).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        accepted.write_all(b"x").unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert!(stream.take_error().unwrap().is_none());
    }
}
