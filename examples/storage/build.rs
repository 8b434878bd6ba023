//! Generates the typed calls of `proto/storage.proto`.

fn main() -> quorum_codegen::Result {
    quorum_codegen::compile(&["proto/storage.proto"], &["proto"])
}
