//! Generates the typed calls of `proto/`.

fn main() -> quorum_codegen::Result {
    quorum_codegen::Builder::new()
        .file_descriptor_set("paxos")
        .messages(|messages| {
            // A batch goes from the network to the log without a copy.
            messages.bytes([".paxos.Entry.batch", ".paxos.AcceptRequest.batch"]);
        })
        .compile(&["proto/paxos.proto", "proto/sync.proto"], &["proto"])
}
