//! The program as `protoc`, `buf` and people run it: through its pipes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Stdio};

use expect_test::expect;

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(arguments: &[&str], stdin: &[u8]) -> Ran {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protoc-gen-quorum"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that was given arguments reads nothing.
    let _ = program.stdin.take().unwrap().write_all(stdin);
    let output = program.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        // An answer is no text, but holds some.
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A request for a file `a.proto` with a package `a`, and in it this encoded message.
fn request(message: &[u8]) -> Vec<u8> {
    let file = [b"\x0a\x07a.proto\x12\x01a", message, b"\x62\x06proto3"].concat();
    let length = u8::try_from(file.len()).unwrap();
    [&b"\x0a\x07a.proto\x7a"[..], &[length], &file].concat()
}

#[test]
fn a_request_is_answered() {
    let ran = run(&[], &request(b"\x22\x03\x0a\x01M"));
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    assert!(
        ran.stdout.contains("a.rs") && ran.stdout.contains("pub struct M {}"),
        "{}",
        ran.stdout
    );
}

#[test]
fn garbage_and_a_request_that_is_cut_short_end_with_a_message() {
    let whole = request(b"\x22\x03\x0a\x01M");
    for stdin in [b"garbage".as_slice(), &whole[..whole.len() - 1], b"", b"\xff\xff\xff\xff"] {
        let ran = run(&[], stdin);
        assert_eq!((ran.code, &*ran.stdout), (1, ""));
        assert!(ran.stderr.starts_with("protoc-gen-quorum: "), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

/// No compiler lets such a name through, which prost relies on.
#[test]
fn a_request_that_nobody_has_checked_ends_with_a_message() {
    let ran = run(&[], &request(b"\x22\x03\x0a\x01+"));
    assert_eq!((ran.code, &*ran.stdout), (1, ""));
    assert!(ran.stderr.starts_with("protoc-gen-quorum: the messages can't be"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn it_explains_itself() {
    for argument in ["--help", "-h"] {
        let ran = run(&[argument], b"");
        assert_eq!((ran.code, &*ran.stderr), (0, ""));
        for part in [
            "run by protoc or buf",
            "protoc -I proto --quorum_out=src/generated proto/storage.proto",
            "- local: protoc-gen-quorum",
            "btree_map=",
        ] {
            assert!(ran.stdout.contains(part), "{part} in {}", ran.stdout);
        }
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 100), "{}", ran.stdout);
    }
}

#[test]
fn it_says_its_version() {
    let ran = run(&["--version"], b"");
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    let version = env!("CARGO_PKG_VERSION");
    expect![[r#"
        protoc-gen-quorum VERSION
        A plugin of protoc and buf, which run it: see --help.
    "#]]
    .assert_eq(&ran.stdout.replace(version, "VERSION"));
}

#[test]
fn it_prints_the_files_with_the_options() {
    for name in ["quorum.proto", "gorums.proto"] {
        let path = format!("{}/proto/{name}", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(run(&["--print", name], b"").stdout, std::fs::read_to_string(path).unwrap());
    }
}

#[test]
fn other_arguments_are_refused() {
    for arguments in [&["--helf"][..], &["--print", "other.proto"], &["--print"], &["a", "b"]] {
        let ran = run(arguments, b"");
        assert_eq!((ran.code, &*ran.stdout), (1, ""));
        let error =
            format!("protoc-gen-quorum: unknown argument `{}`; see --help\n", arguments.join(" "));
        assert_eq!(ran.stderr, error);
    }
}

/// As when the reader of a pipe is gone.
#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_can_not_be_written_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_protoc-gen-quorum"))
        .arg("--help")
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("protoc-gen-quorum: can't write to standard output: "), "{error}");
}
