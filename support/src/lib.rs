//! Everything in this workspace that is not the topic: bytes in, decisions
//! out. Nothing in here can suspend, so all four stages share it.
//!
//! # Layout
//!
//! * [`crawl`]: what to fetch next, and what a finished fetch means
//! * [`http`]: one request to bytes, bytes to one response
//! * [`net`]: addresses, and the beginning of a connection
//! * [`links`]: a page of HTML to the URLs in it
//! * [`echo`]: what an echo server is given, and what it gives back
//! * [`interrupt`]: the wish that a program ends
//! * [`trace`]: the vocabulary of what an event loop does, and its writers
//! * [`report`]: what the crawler prints
//! * [`cli`]: the programs' arguments, and the `main` that the stages share
//! * [`site`]: the practice site, a plain server with one thread a connection

#![forbid(unsafe_code)]

pub mod cli;
pub mod crawl;
pub mod echo;
pub mod http;
pub mod interrupt;
pub mod links;
pub mod net;
pub mod report;
pub mod site;
pub mod trace;

pub use crawl::{CrawlOptions, Page, Summary, Waiting};
pub use echo::{EchoOptions, EchoStats};
pub use interrupt::Interrupt;
pub use trace::Trace;
