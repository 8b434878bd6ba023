//! TLS, as a user asks for it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use example_support::process::Process;

/// What a prompt on these servers answers.
fn ask(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
    let pipes = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn who_has_a_certificate_is_served_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();

    let tls = ["--tls-cert", &certificate, "--tls-key", &key, "--tls-ca", &certificate];
    let program = env!("CARGO_BIN_EXE_storage");
    let arguments = [&["--node", "0"], &tls[..]].concat();
    let server = Process::start(program, "127.0.0.1:0", arguments).unwrap();
    let connect = ["--timeout-ms", "2000", "--connect", server.address()];
    let known = ask(&[&connect, &tls[..]].concat(), "qc write k v\nqc read k\n");
    assert_eq!(known, "k: written\nk = v\n");
    let nobody = ask(&[&connect, &tls[4..]].concat(), "qc read k\n");
    assert!(nobody.starts_with("error: "), "{nobody}");
    let plain = ask(&connect, "qc read k\n");
    assert!(plain.starts_with("error: "), "{plain}");
}
