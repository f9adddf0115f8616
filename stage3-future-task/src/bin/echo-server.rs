//! The echo server of this stage: `echo-server --help`.

fn main() -> std::process::ExitCode {
    support::cli::echo_server(stage3_future_task::serve)
}
