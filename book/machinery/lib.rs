//! The machinery of the book: it turns the directives in the chapters into
//! listings, outputs and pictures, and checks that none of them has drifted
//! from the code.
//!
//! # Layout
//!
//! 1. `chapter`: finds what is not plain text in a chapter
//! 2. `expand`: puts Markdown and HTML in the place of each directive, with
//!    the help of `listing`, `diff`, `run`, `lifecycle`, `states` and
//!    `source_page`
//! 3. `build`, `serve` and `server`: as HTML, and on a loopback port
//! 4. `check`: everything that could be wrong: `typed` in a chapter; listings
//!    that no `workspace` compiles; outputs that `execute` finds different;
//!    dead links in the built `pages`; and how they `look` in a `browser`
//!
//! # Directives
//!
//! A directive stands in one line of a chapter. Its paths begin at the root
//! of the repository; `ANCHOR` is what stands between `ANCHOR: name` and
//! `ANCHOR_END: name` in comments of the file.
//!
//! * `{{#listing PATH[:ANCHOR]}}`: a part of a file
//! * `{{#diff OLD[:ANCHOR] NEW[:ANCHOR] [CAPTION]}}`: what is new, gone, moved
//!   and the same from one part to the other; indentation does not count
//! * `{{#states PATH[:ANCHOR] [CAPTION]}}`: a picture of the state machine
//!   whose `enum` stands there, from the table in its doc comment
//! * `{{#figure RUN /REGEX/}}`: what the regular expression's group finds in a
//!   run's output
//! * `{{#lifecycle STAGE [CAPTION]}}`: the picture of who waits for what

#![forbid(unsafe_code)]

mod browser;
mod build;
mod chapter;
mod check;
mod diff;
mod execute;
mod expand;
mod lifecycle;
mod listing;
mod look;
mod pages;
mod project;
mod run;
mod serve;
mod server;
mod shell;
mod source_page;
mod states;
mod typed;
mod workspace;

pub use build::{build, preprocess};
pub use check::check;
pub use execute::record;
pub use project::{Problem, Problems, Project};
pub use serve::serve;
