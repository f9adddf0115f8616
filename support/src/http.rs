//! HTTP/1.1 without a socket: a request becomes bytes, bytes become a
//! response. Every stage's `crawler.rs` calls it between two waits.

use std::fmt;
use std::mem;

use url::{Position, Url};

use crate::crawl::{ErrorKind, FetchError};

/// How the crawler names itself, to servers and to `robots.txt`.
pub const USER_AGENT: &str = "coroutine-crawler/0.1";

/// The part of [`USER_AGENT`] that a `robots.txt` may name.
pub const ROBOT_NAME: &str = "coroutine-crawler";

/// A longer response head, chunk-size line or trailer is malformed.
const MAX_HEAD: usize = 64 * 1024;
/// More header lines are malformed.
const MAX_HEADERS: usize = 128;

/// The bytes that ask for `url` on a connection of its own.
pub fn request(url: &Url) -> Vec<u8> {
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    format!(
        "GET {target} HTTP/1.1\r\n\
         Host: {host}\r\n\
         User-Agent: {USER_AGENT}\r\n\
         Accept: text/html, */*;q=0.5\r\n\
         Accept-Encoding: identity\r\n\
         Connection: close\r\n\r\n"
    )
    .into_bytes()
}

/// A whole response, or as much of it as the body's limit let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code: 200, 404, …
    pub status: u16,
    /// The words behind the status code; may be empty.
    pub reason: String,
    /// The header `Content-Type`, as it came.
    pub content_type: Option<String>,
    /// The header `Location`, as it came.
    pub location: Option<String>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// The body was longer than allowed and ends at the limit.
    pub cut_off: bool,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Its head is not complete.
    Head,
    /// So many bytes of its body are there.
    Body(usize),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Head => write!(f, "the end of the response head"),
            Progress::Body(n) => {
                write!(f, "the end of the body ({n} bytes so far)")
            }
        }
    }
}

/// Reads one response from bytes that come in any portions.
///
/// | state | what comes next | goes on to |
/// |---|---|---|
/// | `Head` | status line and header lines | any other; again `Head` after 1xx |
/// | `Length(n)` | `n` more bytes of body | `Done` |
/// | `ToEnd` | body until the connection ends | `Done` |
/// | `ChunkSize` | a line with a chunk's size | `Chunk`, `Trailer` |
/// | `Chunk(n)` | `n` more bytes of a chunk, then CR LF | `ChunkSize` |
/// | `Trailer` | header lines after the last chunk | `Done` |
/// | `Done` | nothing | |
#[derive(Debug)]
pub struct ResponseReader {
    state: State,
    /// Bytes of a head, a chunk-size line or a trailer not yet complete.
    pending: Vec<u8>,
    /// How many of them have been looked at in vain.
    seen: usize,
    response: Response,
    max_body: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ToEnd,
    ChunkSize,
    Chunk(u64),
    Trailer,
    Done,
}

impl ResponseReader {
    /// A reader that lets at most `max_body` bytes of body in.
    pub fn new(max_body: usize) -> ResponseReader {
        ResponseReader {
            state: State::Head,
            pending: Vec::new(),
            seen: 0,
            response: Response::default(),
            max_body,
        }
    }

    /// Takes the next bytes. Returns whether the response is complete; what
    /// follows a complete response is ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] or [`ErrorKind::Unsupported`], saying what is
    /// wrong with the bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<bool, FetchError> {
        // A body of known length needs no copy on the way.
        let bytes = match self.state {
            State::Length(_) | State::ToEnd => self.take_body(bytes),
            _ => bytes,
        };
        self.pending.extend_from_slice(bytes);
        while self.state != State::Done && self.advance()? {}
        Ok(self.state == State::Done)
    }

    /// The response, once [`feed`](Self::feed) has said that it is complete
    /// or the connection has ended. Takes it out of the reader.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the connection ended before the response did.
    pub fn finish(&mut self) -> Result<Response, FetchError> {
        match self.state {
            State::Done | State::ToEnd => Ok(mem::take(&mut self.response)),
            _ => Err(FetchError::new(
                ErrorKind::Closed,
                format!("connection closed before {}", self.progress()),
            )),
        }
    }

    /// What this reader still waits for.
    pub fn progress(&self) -> Progress {
        match self.state {
            State::Head => Progress::Head,
            _ => Progress::Body(self.response.body.len()),
        }
    }

    /// Does one step with the pending bytes; false if more are needed.
    fn advance(&mut self) -> Result<bool, FetchError> {
        match self.state {
            State::Head => self.parse_head(),
            State::Length(_) | State::ToEnd => {
                let pending = std::mem::take(&mut self.pending);
                self.take_body(&pending);
                Ok(false)
            }
            State::ChunkSize => self.parse_chunk_size(),
            State::Chunk(left) => self.take_chunk(left),
            State::Trailer => self.parse_trailer(),
            State::Done => Ok(false),
        }
    }

    fn parse_head(&mut self) -> Result<bool, FetchError> {
        // A slow server sends byte by byte: look again only at a line's end.
        let new = &self.pending[self.seen..];
        self.seen = self.pending.len();
        if !new.contains(&b'\n') {
            return self.bounded("response head");
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let length = match head.parse(&self.pending) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => {
                return self.bounded("response head");
            }
            Err(error) => return Err(malformed(format!("head: {error}"))),
        };
        let status = head.code.unwrap_or_default();
        // 1xx announces the real head. Nobody asked to switch protocols.
        if status == 101 {
            return Err(malformed("head: 101, but no upgrade was asked"));
        }
        if !(100..200).contains(&status) {
            self.state = body_state(status, head.headers)?;
            self.response.status = status;
            self.response.reason = head.reason.unwrap_or_default().into();
            self.response.content_type = text(head.headers, "content-type");
            self.response.location = text(head.headers, "location");
        }
        self.pending.drain(..length);
        self.seen = 0;
        Ok(true)
    }

    fn parse_chunk_size(&mut self) -> Result<bool, FetchError> {
        // `httparse` takes a line without any digit for a size of zero.
        if self.pending.first().is_some_and(|b| !b.is_ascii_hexdigit()) {
            return Err(malformed("chunk size is not a number"));
        }
        match httparse::parse_chunk_size(&self.pending) {
            Ok(httparse::Status::Complete((length, size))) => {
                self.pending.drain(..length);
                self.state = match size {
                    0 => State::Trailer,
                    _ => State::Chunk(size),
                };
                Ok(true)
            }
            Ok(httparse::Status::Partial) => self.bounded("chunk size"),
            Err(_) => Err(malformed("chunk size is not a number")),
        }
    }

    fn take_chunk(&mut self, left: u64) -> Result<bool, FetchError> {
        let here = self.pending.len().min(as_usize(left));
        let data: Vec<u8> = self.pending.drain(..here).collect();
        let left = left - data.len() as u64;
        self.state = State::Chunk(left);
        if self.push_body(&data) || left > 0 {
            return Ok(false);
        }
        match self.pending.get(..2) {
            None => Ok(false),
            Some(b"\r\n") => {
                self.pending.drain(..2);
                self.state = State::ChunkSize;
                Ok(true)
            }
            Some(_) => Err(malformed("chunk is longer than its size")),
        }
    }

    fn parse_trailer(&mut self) -> Result<bool, FetchError> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        match httparse::parse_headers(&self.pending, &mut headers) {
            Ok(httparse::Status::Complete(_)) => {
                self.state = State::Done;
                Ok(true)
            }
            Ok(httparse::Status::Partial) => self.bounded("trailer"),
            Err(error) => Err(malformed(format!("trailer: {error}"))),
        }
    }

    /// Takes from `bytes` what belongs to the body; returns the rest.
    fn take_body<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let (body, rest) = match self.state {
            State::Length(left) => {
                bytes.split_at(bytes.len().min(as_usize(left)))
            }
            _ => (bytes, &[][..]),
        };
        if let State::Length(left) = &mut self.state {
            *left -= body.len() as u64;
            if *left == 0 {
                self.state = State::Done;
            }
        }
        self.push_body(body);
        rest
    }

    /// Appends to the body; true if that reached its limit and ended it.
    fn push_body(&mut self, bytes: &[u8]) -> bool {
        let room = self.max_body - self.response.body.len();
        let cut_off = bytes.len() > room;
        self.response.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if cut_off {
            self.response.cut_off = true;
            self.state = State::Done;
        }
        cut_off
    }

    /// "More bytes are needed", unless there are too many already.
    fn bounded(&self, what: &str) -> Result<bool, FetchError> {
        match self.pending.len() > MAX_HEAD {
            true => Err(malformed(format!(
                "{what} is longer than {MAX_HEAD} bytes"
            ))),
            false => Ok(false),
        }
    }
}

/// How the body that follows this head is delimited (RFC 9112, 6.3).
fn body_state(
    status: u16,
    headers: &[httparse::Header<'_>],
) -> Result<State, FetchError> {
    if let Some(coding) = text(headers, "content-encoding")
        && !coding.eq_ignore_ascii_case("identity")
    {
        return Err(FetchError::new(
            ErrorKind::Unsupported,
            format!("content coding {coding:?} was not asked for"),
        ));
    }
    if matches!(status, 204 | 304) {
        return Ok(State::Done);
    }
    if let Some(coding) = text(headers, "transfer-encoding") {
        return match coding.trim().eq_ignore_ascii_case("chunked") {
            true => Ok(State::ChunkSize),
            false => Err(FetchError::new(
                ErrorKind::Unsupported,
                format!("transfer coding {coding:?}"),
            )),
        };
    }
    let mut lengths = all(headers, "content-length")
        .flat_map(|value| value.split(|b| *b == b','))
        .map(|value| length(value.trim_ascii()));
    match lengths.next() {
        None => Ok(State::ToEnd),
        Some(first) => {
            let first = first?;
            for other in lengths {
                if other? != first {
                    return Err(malformed("two different Content-Length"));
                }
            }
            Ok(if first == 0 { State::Done } else { State::Length(first) })
        }
    }
}

/// Digits and nothing else; `u64::from_str` would let a sign pass.
fn length(value: &[u8]) -> Result<u64, FetchError> {
    let digits = std::str::from_utf8(value).unwrap_or_default();
    match digits.parse() {
        Ok(length) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(length),
        _ => Err(malformed(format!(
            "Content-Length {:?} is not a number",
            String::from_utf8_lossy(value)
        ))),
    }
}

fn all<'h>(
    headers: &'h [httparse::Header<'h>],
    name: &'h str,
) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

fn text(headers: &[httparse::Header<'_>], name: &str) -> Option<String> {
    let value = all(headers, name).next()?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn malformed(message: impl Into<String>) -> FetchError {
    FetchError::new(ErrorKind::Malformed, message)
}

fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in portions of every size: the result may not depend on
    /// where the network cuts.
    fn read(bytes: &[u8]) -> Result<Response, FetchError> {
        read_limited(bytes, 1000)
    }

    fn read_limited(bytes: &[u8], max: usize) -> Result<Response, FetchError> {
        let mut results: Vec<_> = (1..=bytes.len())
            .map(|size| read_in_portions(bytes, size, max))
            .collect();
        results.dedup();
        assert_eq!(results.len(), 1, "depends on portions: {results:#?}");
        results.remove(0)
    }

    fn read_in_portions(
        bytes: &[u8],
        size: usize,
        max: usize,
    ) -> Result<Response, FetchError> {
        let mut reader = ResponseReader::new(max);
        for portion in bytes.chunks(size) {
            if reader.feed(portion)? {
                break;
            }
        }
        reader.finish()
    }

    fn body(bytes: &[u8]) -> String {
        String::from_utf8(read(bytes).unwrap().body).unwrap()
    }

    fn error(bytes: &[u8]) -> (ErrorKind, String) {
        let error = read(bytes).unwrap_err();
        (error.kind, error.message)
    }

    #[test]
    fn request_has_the_host_with_its_port_and_no_fragment() {
        let url = Url::parse("http://Example.com:8080/a?b=c#d").unwrap();
        let request = String::from_utf8(request(&url)).unwrap();
        assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nHost: example.com:8080\r\n"));
        assert!(request.ends_with("\r\n\r\n"));
        let url = Url::parse("http://example.com:80").unwrap();
        let request = String::from_utf8(super::request(&url)).unwrap();
        assert!(request.starts_with("GET / HTTP/1.1\r\nHost: example.com\r\n"));
    }

    #[test]
    fn international_names_are_sent_in_ascii() {
        let url = Url::parse("http://bücher.example/").unwrap();
        let request = String::from_utf8(request(&url)).unwrap();
        assert!(request.contains("\r\nHost: xn--bcher-kva.example\r\n"));
    }

    #[test]
    fn a_body_of_known_length() {
        let response = read(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\
              content-length: 5\r\n\r\nhellomore",
        )
        .unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.reason, "OK");
        assert_eq!(
            response.content_type.as_deref(),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(response.body, b"hello");
        assert!(!response.cut_off);
    }

    #[test]
    fn a_body_up_to_the_end_of_the_connection() {
        assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nhello"), "hello");
    }

    #[test]
    fn responses_without_a_body_are_complete_after_the_head() {
        for head in [
            &b"HTTP/1.1 204 No Content\r\n\r\n"[..],
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ] {
            let mut reader = ResponseReader::new(1000);
            assert_eq!(reader.feed(head), Ok(true));
            assert_eq!(reader.finish().unwrap().body, b"");
        }
    }

    #[test]
    fn interim_responses_are_skipped() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\n\
            HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(read(bytes).unwrap().status, 200);
        assert_eq!(body(bytes), "ok");
        let upgrade = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
        assert_eq!(error(upgrade).0, ErrorKind::Malformed);
    }

    #[test]
    fn chunks_with_extensions_and_trailers_are_joined() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
            5;name=value\r\nhello\r\n6 ; x\r\n world\r\n0\r\n\
            Trailer: seen\r\nOther: too\r\n\r\n";
        assert_eq!(body(bytes), "hello world");
    }

    #[test]
    fn chunked_wins_over_a_length() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\
            Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert_eq!(body(bytes), "ok");
    }

    #[test]
    fn equal_lengths_may_be_repeated_and_different_ones_may_not() {
        let twice = b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\
            Content-Length: 2\r\n\r\nok";
        assert_eq!(body(twice), "ok");
        let differ = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\
            Content-Length: 3\r\n\r\nok";
        assert_eq!(error(differ).0, ErrorKind::Malformed);
    }

    #[test]
    fn a_body_is_cut_off_at_its_limit() {
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef";
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n";
        let to_end = b"HTTP/1.1 200 OK\r\n\r\nabcdef";
        for bytes in [&length[..], chunked, to_end] {
            let response = read_limited(bytes, 3).unwrap();
            assert_eq!(
                (&response.body[..], response.cut_off),
                (&b"abc"[..], true)
            );
            let response = read_limited(bytes, 6).unwrap();
            assert_eq!(
                (&response.body[..], response.cut_off),
                (&b"abcdef"[..], false)
            );
        }
    }

    #[test]
    fn an_early_end_names_the_place() {
        for (bytes, place) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Le"[..], "the response head"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                "the body (3 bytes so far)",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                "the body (2 bytes so far)",
            ),
        ] {
            let (kind, message) = error(bytes);
            assert_eq!(kind, ErrorKind::Closed);
            assert!(message.ends_with(place), "{message}");
        }
        let nothing = ResponseReader::new(10).finish().unwrap_err();
        assert_eq!(nothing.kind, ErrorKind::Closed);
    }

    #[test]
    fn malformed_bytes_are_an_error_that_says_what_is_wrong() {
        for (bytes, what) in [
            (&b"HTTP/1.1 abc OK\r\n\r\n"[..], "head"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "head"),
            (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "head"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: twelve\r\n\r\n",
                "Content-Length \"twelve\"",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
                "Content-Length \"+5\"",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "chunk size",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
                "chunk size",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                  2\r\nabcd\r\n",
                "chunk is longer",
            ),
        ] {
            let (kind, message) = error(bytes);
            assert_eq!(kind, ErrorKind::Malformed, "{message}");
            assert!(message.contains(what), "{message}");
        }
    }

    #[test]
    fn unknown_codings_are_refused() {
        for header in ["Content-Encoding: gzip", "Transfer-Encoding: gzip"] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n");
            let (kind, message) = error(bytes.as_bytes());
            assert_eq!(kind, ErrorKind::Unsupported);
            assert!(message.contains("gzip"), "{message}");
        }
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_takes_no_time() {
        let line = format!("X: {}\r\n", "x".repeat(60_000));
        let head = format!("HTTP/1.1 200 OK\r\n{line}{line}"); // too long
        let mut reader = ResponseReader::new(1000);
        let mut bytes = head.as_bytes().chunks(1);
        // To parse it anew with every byte would take minutes.
        let error = bytes.find_map(|byte| reader.feed(byte).err());
        assert_eq!(error.unwrap().kind, ErrorKind::Malformed);
    }

    #[test]
    fn a_head_without_end_is_bounded() {
        let mut reader = ResponseReader::new(1000);
        reader.feed(b"HTTP/1.1 200 OK\r\n").unwrap();
        let line = [b'x'; 4096];
        let result = (0..100).find_map(|_| reader.feed(&line).err());
        assert_eq!(result.unwrap().kind, ErrorKind::Malformed);
        let mut reader = ResponseReader::new(1000);
        reader.feed(b"HTTP/1.1 200 OK\r\n").unwrap();
        let result = (0..1000).find_map(|_| reader.feed(b"A: b\r\n").err());
        assert_eq!(result.unwrap().kind, ErrorKind::Malformed);
    }
}
