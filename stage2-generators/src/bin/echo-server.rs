//! The echo server of this stage: `echo-server --help`.

fn main() -> std::process::ExitCode {
    support::cli::echo_server(stage2_generators::serve)
}
