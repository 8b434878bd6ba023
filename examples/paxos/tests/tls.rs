//! Nodes and clients that have a certificate of one authority hear each other, and nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::fs;
use std::path::Path;

use program::{Nodes, answers, refusal, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap());
        Self(issuer.unwrap())
    }

    /// A certificate for these names of this machine, in a folder of its own. The arguments that say so.
    fn sign(&self, folder: &Path, names: &[&str]) -> Vec<String> {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().chain(&["127.0.0.1"]).map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        fs::create_dir(folder).unwrap();
        let files = [
            ("--tls-ca", "ca.pem", self.0.pem()),
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
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn who_has_a_certificate_of_the_authority_is_heard_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let own = Authority::new().sign(&folder.path().join("own"), &[]);
    let own = borrowed(&own);
    let nodes = Nodes::start(&own);
    let connect = ["--connect", &nodes.peers(), "--timeout-ms", "3000"];
    assert_eq!(answers(&run(&[&connect, &own[..]].concat(), "put k v\n")), ["k: stored"]);

    let others = Authority::new().sign(&folder.path().join("others"), &[]);
    for strangers in [&borrowed(&others)[..], &[]] {
        let output = run(&[&connect, strangers].concat(), "put k w\n");
        assert!(answers(&output)[0].starts_with("error: "), "{output:?}");
    }
    assert_eq!(answers(&run(&[&connect, &own[..]].concat(), "get k\n")), ["k = v"]);
}

#[test]
fn who_has_the_certificate_of_a_client_takes_no_part_as_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let sign = |name: &str, names: &[&str]| authority.sign(&folder.path().join(name), names);
    let client = sign("client", &["client.paxos.example"]);
    let client = borrowed(&client);
    let as_nodes = [1, 2, 3].map(|id: u32| {
        let name = format!("node-{id}.paxos.example");
        sign(&id.to_string(), &[&name])
    });
    let names = ["--node-names", "node-{}.paxos.example", "--lease-ms", "500"];
    let mut nodes = Nodes::start(&[&client[..], &names].concat());
    let prompt = |nodes: &Nodes, command: &str| {
        let connect = ["--connect", &nodes.peers(), "--timeout-ms", "3000"];
        answers(&run(&[&connect, &client[..]].concat(), command)).join("\n")
    };
    // Nobody can become the leader, because nobody believes that they are nodes.
    let refused = prompt(&nodes, "put k v\n");
    assert!(refused.starts_with("error: "), "{refused}");
    for (id, own) in (1..).zip(&as_nodes) {
        nodes.kill(id);
        nodes.start_one(id, &[&borrowed(own)[..], &names].concat());
    }
    assert_eq!(prompt(&nodes, "put k v\n"), "k: stored");
}

#[test]
fn names_that_prove_nothing_are_refused() {
    let refused = refusal(&["serve", "--id", "1", "--node-names", "node-{}.example"]);
    assert!(refused.contains("say --tls-ca, --tls-cert and --tls-key too"), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    let own = Authority::new().sign(&folder.path().join("own"), &[]);
    let same = ["serve", "--id", "1", "--node-names", "node.example"];
    let refused = refusal(&[&same, &borrowed(&own)[..]].concat());
    assert!(refused.contains("write {} for the number"), "{refused}");
}
