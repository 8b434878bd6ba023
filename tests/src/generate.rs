//! A build script as a program, so that a test can see what it tells cargo.
//!
//! `OUT_DIR=folder generate file.proto include-folder`

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [proto, include] = &arguments[..] else {
        eprintln!("usage: OUT_DIR=folder generate file.proto include-folder");
        return ExitCode::from(2);
    };
    match quorum_codegen::compile(&[proto], &[include]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
