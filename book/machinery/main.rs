//! `cargo run -p book`: builds the book and serves it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use book::Project;
use clap::{Parser, Subcommand};

/// Builds the book and serves it on a loopback port.
#[derive(Parser)]
struct Arguments {
    /// The folder with `book.toml`.
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_MANIFEST_DIR"))]
    book: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the book, and build it anew when a file changes (the default).
    Serve {
        /// The port; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Only build the book.
    Build,
    /// Check listings, outputs, links and pages.
    Check {
        /// Do not look at the pages in Chromium.
        #[arg(long)]
        no_browser: bool,
    },
    /// Run the commands that the book shows and write their outputs down.
    Record {
        /// Only these runs; without, all whose output differs.
        names: Vec<String>,
    },
    /// What `mdbook build` calls.
    #[command(hide = true)]
    Preprocess { words: Vec<String> },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let open = || Project::open(&arguments.book);
    let serve = Command::Serve { port: 0 };
    match arguments.command.unwrap_or(serve) {
        Command::Serve { port } => book::serve(&arguments.book, port),
        Command::Build => {
            let page = book::build(&open()?)?.join("index.html");
            println!("{}", page.display());
            Ok(())
        }
        Command::Check { no_browser } => book::check(&open()?, !no_browser),
        Command::Record { names } => book::record(&open()?, &names),
        // `supports RENDERER` asks for no more than a yes.
        Command::Preprocess { words } if !words.is_empty() => Ok(()),
        Command::Preprocess { .. } => {
            book::preprocess(io::stdin().lock(), io::stdout().lock())
        }
    }
}
