//! Generates the services that the chapters of the guide call.

fn main() -> quorum_codegen::Result {
    let protos = ["proto/guide.proto", "proto/gorums_storage.proto", "proto/register.proto"];
    quorum_codegen::Builder::new().file_descriptor_set("guide").compile(&protos, &["proto"])
}
