//! The `lowtide` binary.

fn main() -> std::process::ExitCode {
    lowtide::cli::run()
}
