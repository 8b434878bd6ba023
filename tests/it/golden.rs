//! What the generator emits is what was reviewed, and is the same every time.

use std::fs;

use expect_test::expect_file;

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/proto/golden.proto");
const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/proto");

fn generated() -> String {
    let folder = tempfile::tempdir().unwrap();
    let builder = quorum_codegen::Builder::new().out_dir(folder.path());
    builder.compile(&[PROTO], &[INCLUDE]).unwrap();
    fs::read_to_string(folder.path().join("golden.rs")).unwrap()
}

#[test]
fn the_golden_file_is_what_is_generated() {
    expect_file!["../golden/src/golden.rs"].assert_eq(&generated());
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    assert_eq!(generated(), generated());
}

#[test]
fn generating_again_touches_no_file_that_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let generate = || {
        let builder = quorum_codegen::Builder::new().out_dir(folder.path());
        builder.compile(&[PROTO], &[INCLUDE]).unwrap();
        fs::metadata(folder.path().join("golden.rs")).unwrap().modified().unwrap()
    };
    let first = generate();
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(generate(), first, "an unchanged file makes cargo compile nothing anew");
}

#[test]
fn the_path_of_the_runtime_can_be_another_and_must_be_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let builder = |path| quorum_codegen::Builder::new().out_dir(folder.path()).runtime(path);
    builder("::other::rt").compile(&[PROTO], &[INCLUDE]).unwrap();
    let code = fs::read_to_string(folder.path().join("golden.rs")).unwrap();
    assert!(code.contains("::other::rt::Status"));
    assert!(!code.contains("::quorum_runtime"));
    let refusal = builder("no path").compile(&[PROTO], &[INCLUDE]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "`no path` is no path of a crate or module: write one like `::quorum_runtime`"
    );
}

#[test]
fn a_change_of_the_proto_or_of_its_imports_runs_the_build_script_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("imported.proto"), "syntax = \"proto3\"; message M {}").unwrap();
    let text =
        "syntax = \"proto3\"; package p; import \"imported.proto\"; import \"quorum.proto\";";
    fs::write(path("main.proto"), text).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_generate"))
        .args([path("main.proto"), path("")])
        .env("OUT_DIR", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    let mut told: Vec<_> = told.lines().collect();
    told.sort_unstable();
    let expected = ["imported.proto", "main.proto"]
        .map(|name| format!("cargo::rerun-if-changed={}", path(name)));
    assert_eq!(
        told, expected,
        "the files that cargo watches, and none that come with the generator"
    );
}
