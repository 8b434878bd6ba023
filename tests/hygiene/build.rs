//! Generates code for a proto full of names that mean something else in Rust.

use std::path::Path;
use std::{env, fs};

fn main() -> quorum_codegen::Result {
    quorum_codegen::Builder::new()
        .runtime("::renamed")
        .compile(&["proto/type.proto"], &["proto"])?;
    strip_diagnostics();
    Ok(())
}

/// Where there is no prelude, tool attributes like `diagnostic` can't be named at all. The generator
/// keeps the one that it emits, because its message helps everybody else; here it is taken away.
fn strip_diagnostics() {
    let folder = env::var_os("OUT_DIR").expect("cargo sets it");
    let path = Path::new(&folder).join("r#type.rs");
    let code = fs::read_to_string(&path).expect("the generated code");
    let (before, rest) = code.split_once("#[diagnostic::").expect("it is there");
    let (_, after) = rest.split_once(")]").expect("it ends");
    fs::write(path, format!("{before}{after}")).expect("the code is written");
}
