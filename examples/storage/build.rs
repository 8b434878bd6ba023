//! Generates the typed calls of `proto/storage.proto`.

fn main() -> quorum_codegen::Result {
    quorum_codegen::Builder::new()
        .file_descriptor_set("storage")
        .compile(&["proto/storage.proto"], &["proto"])
}
