//! Nodes and clients that have a certificate of one authority hear each other, and nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::fs;
use std::path::Path;

use program::{Nodes, answers, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority, and one certificate of it that all use. The arguments that say so.
fn certificates(folder: &Path) -> Vec<String> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let files = [
        ("--tls-ca", "ca.pem", authority.pem()),
        ("--tls-cert", "cert.pem", certificate.pem()),
        ("--tls-key", "key.pem", key.serialize_pem()),
    ];
    let write = |(flag, name, text): (&str, &str, String)| {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        [flag.to_owned(), file.to_str().unwrap().to_owned()]
    };
    files.into_iter().flat_map(write).collect()
}

#[test]
fn who_has_a_certificate_of_the_authority_is_heard_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let own = certificates(folder.path());
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let nodes = Nodes::start(&own);
    let connect = ["--connect", &nodes.peers(), "--timeout-ms", "3000"];
    assert_eq!(answers(&run(&[&connect, &own[..]].concat(), "put k v\n")), ["k: stored"]);

    let others = folder.path().join("others");
    fs::create_dir(&others).unwrap();
    let others = certificates(&others);
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    for strangers in [&others[..], &[]] {
        let output = run(&[&connect, strangers].concat(), "put k w\n");
        assert!(answers(&output)[0].starts_with("error: "), "{output:?}");
    }
    assert_eq!(answers(&run(&[&connect, &own[..]].concat(), "get k\n")), ["k = v"]);
}
