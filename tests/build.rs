//! Generates the services that the tests call. Takes the README's program apart into the files that
//! it names, and the documentation of generated items into its examples, so that tests can compile
//! and run them.

use std::path::PathBuf;
use std::{env, fs};

fn main() -> quorum_codegen::Result {
    let protos = ["proto/recorder.proto", "proto/calls.proto", "proto/taught.proto"];
    quorum_codegen::Builder::new().file_descriptor_set("tests").compile(&protos, &["proto"])?;
    extract_examples();
    let readme = extract_readme();
    quorum_codegen::compile(&[readme.join("proto/register.proto")], &[readme.join("proto")])
}

/// Writes each block of the README that begins with a path in a comment to a file of that path.
fn extract_readme() -> PathBuf {
    println!("cargo::rerun-if-changed=../README.md");
    let folder = out_dir().join("readme");
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

/// Writes the examples of `taught.rs` to `taught_examples.rs`: a module for each service, with the
/// items as they are and a function around what is called.
fn extract_examples() {
    let code = fs::read_to_string(out_dir().join("taught.rs")).expect("it was generated");
    let mut examples = String::new();
    for service in ["Taught", "Improving", "Counting"] {
        let blocks: String = ["QuorumSpec", "Manager", "Configuration", "Node", "", "Server"]
            .iter()
            .map(|suffix| function_of(suffix, example_of(&code, &format!("{service}{suffix}"))))
            .collect();
        let name = service.to_lowercase();
        examples += &format!("pub(crate) mod {name} {{\nuse super::*;\n{blocks}}}\n");
    }
    fs::write(out_dir().join("taught_examples.rs"), examples).expect("a file");
}

/// The example in front of an item.
fn example_of<'a>(code: &'a str, item: &str) -> &'a str {
    let declared = [format!("pub trait {item} "), format!("pub trait {item}:")];
    let at = declared.iter().chain([&format!("pub struct {item}<")]).find_map(|at| code.find(at));
    let before = &code[..at.expect("the item was generated")];
    let block = before.rsplit("r#\"```\n").next().expect("a split has a last part");
    block.split("```\"#").next().expect("a split has a first part")
}

fn function_of(suffix: &str, example: &str) -> String {
    if example.starts_with("struct ") {
        return format!("pub(crate) {example}");
    }
    let name = suffix.to_lowercase();
    format!(
        "pub(crate) async fn {name}(manager: Manager) -> Result<(), Box<dyn std::error::Error>> {{\n\
         {example}Ok(())\n}}\n"
    )
}

fn out_dir() -> PathBuf {
    env::var_os("OUT_DIR").expect("cargo sets it").into()
}
