//! The echo server of this stage: `echo-server --help`.

fn main() -> std::process::ExitCode {
    support::cli::echo_server(stage4_async_await::serve)
}
