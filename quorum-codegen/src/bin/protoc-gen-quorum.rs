//! Generates typed quorum calls as a plugin of `protoc` and `buf`.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use quorum_codegen::plugin;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let mut arguments: Vec<_> = arguments.map(|text| text.to_string_lossy().into_owned()).collect();
    if arguments.is_empty() && io::stdin().is_terminal() {
        // Somebody tries what this program is.
        arguments.push("--help".to_owned());
    }
    // A panic is an error that is said below.
    std::panic::set_hook(Box::new(|_| ()));
    match plugin::run(&arguments, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("protoc-gen-quorum: {error}");
            ExitCode::FAILURE
        }
    }
}
