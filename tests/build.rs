//! Generates the service that the tests call, and takes the README's program apart into the files
//! that it names, so that a test can compile and run it.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> quorum_codegen::Result {
    quorum_codegen::compile(&["proto/recorder.proto", "proto/calls.proto"], &["proto"])?;
    let readme = extract_readme();
    quorum_codegen::compile(&[readme.join("proto/register.proto")], &[readme.join("proto")])
}

/// Writes each block of the README that begins with a path in a comment to a file of that path.
fn extract_readme() -> PathBuf {
    println!("cargo::rerun-if-changed=../README.md");
    let folder = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("readme");
    let text = fs::read_to_string("../README.md").expect("the README");
    for block in text.split("```").skip(1).step_by(2) {
        let Some(path) = block.lines().nth(1).and_then(|line| line.strip_prefix("// ")) else {
            continue;
        };
        let path = folder.join(path.split(',').next().expect("a split has a first part"));
        let code = block.split_once('\n').expect("the block has a line").1;
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        if fs::read_to_string(&path).is_ok_and(|old| old == code) {
            continue;
        }
        fs::write(path, code).expect("a file");
    }
    folder
}
