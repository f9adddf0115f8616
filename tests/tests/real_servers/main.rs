//! The programs against servers and clients that nobody here wrote.
//!
//! A test whose server is not installed is skipped, unless the environment
//! has `REQUIRE_REAL_SERVERS=1`: then it fails. CI sets that.

#[cfg(not(target_os = "linux"))]
#[test]
fn real_servers() {
    tests::programs::skip("it has been tried on Linux only");
}

#[cfg(target_os = "linux")]
mod crawled;
#[cfg(target_os = "linux")]
mod echo_clients;
#[cfg(target_os = "linux")]
mod servers;
