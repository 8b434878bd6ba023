//! Generates the typed calls of `proto/benchmark.proto`, and beside them the client and the server
//! that tonic has for the same call.

use quorum_codegen::Builder;
use tonic_build::manual::{Method, Service};

fn main() -> quorum_codegen::Result {
    generate_unary();
    // As `Bytes`, a payload is received without a copy, and each caller sends the same one.
    let builder = Builder::new().messages(|config| {
        config.bytes(["."]);
    });
    builder.compile(&["proto/benchmark.proto"], &["proto"])
}

fn generate_unary() {
    let store = Method::builder()
        .name("store")
        .route_name("Store")
        .input_type("crate::benchmark::Block")
        .output_type("crate::benchmark::Stored")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let service = Service::builder().name("Unary").package("benchmark").method(store).build();
    tonic_build::manual::Builder::new().compile(&[service]);
}
