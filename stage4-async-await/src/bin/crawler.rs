//! The web crawler of this stage: `crawler --help`.

fn main() -> std::process::ExitCode {
    support::cli::crawler(stage4_async_await::crawl)
}
