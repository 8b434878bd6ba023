//! `protoc-gen-quorum` generates what a build script generates, and answers every request.

use std::fs;
use std::path::Path;

use expect_test::expect;
use prost::Message;
use quorum_codegen::plugin::answer;

use crate::generated::generate;
use crate::plugin_request::{
    CodeGeneratorResponse, Edition, File, encoded_file, request, request_for,
};

fn response(request: &[u8]) -> CodeGeneratorResponse {
    CodeGeneratorResponse::decode(&*answer(request).unwrap()).unwrap()
}

/// The only generated file.
fn generated(request: &[u8]) -> File {
    let response = response(request);
    assert_eq!(response.error, None);
    let [file] = <[File; 1]>::try_from(response.files).expect("one file is generated");
    file
}

fn refusal(request: &[u8]) -> String {
    let response = response(request);
    assert_eq!(response.files, []);
    response.error.expect("the request is refused")
}

#[test]
fn it_generates_what_the_build_script_generates() {
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto/recorder.proto");
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    let folder = tempfile::tempdir().unwrap();
    let builder = quorum_codegen::Builder::new().out_dir(folder.path());
    builder.compile(&[proto], &[include]).unwrap();
    let file = generated(&request_for(Path::new(include), "recorder.proto"));
    let built = fs::read_to_string(folder.path().join(&file.name)).expect("a file of this name");
    assert_eq!(file.content, built);
    assert!(built.contains("::quorum_runtime::QuorumCall<Item, Item>"), "options were read");
}

#[test]
fn it_says_which_editions_it_reads() {
    let response = response(&request(&[("test.proto", "syntax = \"proto3\";")], ""));
    assert_eq!(response.supported_features, 3);
    assert_eq!((response.minimum_edition, response.maximum_edition), (998, 1001));
    assert_eq!(response.files, [], "of nothing comes nothing");
}

const INNER: &str = "syntax = \"proto3\"; package inner; message Inner { int32 a = 1; }
    service Watch { rpc Watch(Inner) returns (stream Inner); }";
const OUTER: &str = "syntax = \"proto3\"; package outer; import \"inner.proto\";
    import \"google/protobuf/timestamp.proto\";
    message Outer { inner.Inner b = 1; google.protobuf.Timestamp c = 2; }
    service Store { rpc Read(inner.Inner) returns (Outer); }";

#[test]
fn only_the_files_that_are_asked_for_are_generated() {
    let file = generated(&request(&[("outer.proto", OUTER), ("inner.proto", INNER)], ""));
    assert_eq!(file.name, "outer.rs");
    assert!(file.content.contains("Option<super::inner::Inner>"), "{}", file.content);
    assert!(file.content.contains("Option<::prost_types::Timestamp>"), "{}", file.content);
}

/// The one that is imported streams, which is for others to generate.
#[test]
fn services_of_other_files_are_left_alone() {
    let with_package = INNER.replace("package inner;", "package outer;");
    let outer = OUTER.replace("inner.Inner", "Inner");
    let file = generated(&request(&[("outer.proto", &outer), ("inner.proto", &with_package)], ""));
    assert!(file.content.contains("pub trait Store:"), "{}", file.content);
    assert!(!file.content.contains("Watch"), "{}", file.content);
}

#[test]
fn a_file_without_a_package_has_the_name_that_the_build_script_gives() {
    let file = generated(&request(&[("test.proto", "syntax = \"proto3\"; message M {}")], ""));
    assert_eq!(file.name, "_.rs");
}

/// A compiler of editions hands on what proto3 makes of the same text, beside the features.
#[test]
fn descriptors_of_an_edition_become_what_its_text_becomes() {
    let body = "package test; import \"quorum.proto\"; import \"google/protobuf/empty.proto\";
        option features.repeated_field_encoding = EXPANDED;
        message M {
          int32 a = 1; string b = 2 [features.field_presence = IMPLICIT]; M c = 3;
          repeated int32 d = 4; map<string, int32> e = 5; oneof f { int32 g = 6; string h = 7; }
          message N { E i = 1 [deprecated = true]; enum E { ZERO = 0; } }
        }
        service Store { rpc Tell(M) returns (M) { option (quorum.multicast) = true; } }";
    for (year, edition) in [("2023", Edition::E2023), ("2024", Edition::E2024)] {
        let built = generate(&[("test.proto", &format!("edition = \"{year}\"; {body}"))]).unwrap();
        let file = encoded_file("test.proto", &format!("syntax = \"proto3\"; {body}"));
        let file = generated(&file.of_edition(edition as i32).request());
        assert_eq!(file.content, built);
        assert!(built.contains("a: ::core::option::Option<i32>"), "{built}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_as_the_build_script_says_it() {
    let text = "syntax = \"proto3\"; package test; import \"quorum.proto\"; message Q {}
        service Store {
          rpc Id(Q) returns (Q);
          rpc Read(Q) returns (Q) {
            option (quorum.rpc) = true;
            option (quorum.multicast) = true;
          }
          rpc Watch(stream Q) returns (Q);
        }";
    let built = generate(&[("test.proto", text)]).unwrap_err();
    assert_eq!(refusal(&encoded_file("test.proto", text).request()), built);
    assert!(built.starts_with("test.proto:4:11: rpc `Store.Read` has two"), "{built}");
}

#[test]
fn descriptors_that_proto3_has_nothing_for() {
    let text = "syntax = \"proto3\";
message M {
  M inner = 1 [features.message_encoding = DELIMITED];
  int32 a = 2 [features.field_presence = LEGACY_REQUIRED];
}
enum E {
  option features.enum_type = CLOSED;
  ZERO = 0;
}";
    let edition = text.replace("syntax = \"proto3\"", "edition = \"2023\"");
    let file = encoded_file("test.proto", text).of_edition(Edition::E2023 as i32);
    let built = generate(&[("test.proto", &edition)]).unwrap_err();
    assert_eq!(refusal(&file.request()), built);
    assert_eq!(built.matches("is not supported").count(), 3, "{built}");
}

#[test]
fn editions_and_syntaxes_that_are_not_known() {
    let file = || encoded_file("test.proto", "syntax = \"proto3\"; message M {}");
    expect![[r#"
        test.proto:1:1: this edition is not supported
          help: write `edition = "2023";` or `edition = "2024";`"#]]
    .assert_eq(&refusal(&file().of_edition(1002).request()));
    expect![[r#"
        test.proto:1:1: syntax `proto4` is not supported
          help: write `edition = "2023";` or `edition = "2024";`"#]]
    .assert_eq(&refusal(&file().of_syntax("proto4").request()));
    expect![[r#"
        test.proto:1:1: `import option` is not supported
          help: take the word `option` away"#]]
    .assert_eq(&refusal(&file().with_option_import("quorum.proto").request()));
}

fn with_parameter(parameter: &str) -> Vec<u8> {
    let text = "syntax = \"proto3\"; package test;
        message M { bytes data = 1; map<string, int32> map = 2; N n = 3; } message N {}";
    request(&[("test.proto", text)], parameter)
}

#[test]
fn parameters_change_how_messages_are_generated() {
    let of = |parameter: &str| generated(&with_parameter(parameter)).content;
    assert!(of("").contains("HashMap<"));
    assert!(of("btree_map=.").contains("BTreeMap<"));
    assert!(!of("btree_map=.other").contains("BTreeMap<"));
    assert!(of("bytes=.test.M").contains("::prost::bytes::Bytes"));
    let both = of("btree_map=.test.M.map,bytes=.");
    assert!(both.contains("BTreeMap<") && both.contains("::prost::bytes::Bytes"), "{both}");
    let elsewhere = of("extern_path=.test.N=::other::N");
    assert!(elsewhere.contains("Option<::other::N>"), "{elsewhere}");
    assert!(!elsewhere.contains("pub struct N"), "{elsewhere}");
}

#[test]
fn parameters_that_are_not_known_or_have_no_sense() {
    let refusal = |parameter: &str| refusal(&with_parameter(parameter));
    expect![[r#"
        unknown parameter `boxed=.test.M`
          help: the parameters are, by example, `btree_map=.storage.State.values`, `bytes=.storage`, `extern_path=.google.type=::google_type`"#]].assert_eq(&refusal("bytes=.,boxed=.test.M"));
    expect![[r#"
        parameter `bytes` has no value that makes sense
          help: write it like `bytes=.storage`"#]]
    .assert_eq(&refusal("bytes"));
    expect![[r#"
        parameter `btree_map=test.M` has no value that makes sense
          help: write it like `btree_map=.storage.State.values`"#]]
    .assert_eq(&refusal("btree_map=test.M"));
    expect![[r#"
        parameter `extern_path=.test.M=no path` has no value that makes sense
          help: write it like `extern_path=.google.type=::google_type`"#]]
    .assert_eq(&refusal("extern_path=.test.M=no path"));
    expect![[r#"
        parameter `extern_path=.test.M` has no value that makes sense
          help: write it like `extern_path=.google.type=::google_type`"#]]
    .assert_eq(&refusal("extern_path=.test.M"));
}

const SMALL: &str = "syntax = \"proto3\"; package small; message M { map<string, int32> a = 1; }
    enum E { ZERO = 0; } service Store { rpc Read(M) returns (M); }";

#[test]
fn a_request_that_is_cut_short_is_none() {
    let request = request(&[("small.proto", SMALL)], "bytes=.");
    assert!(generated(&request).content.contains("pub struct M"));
    for length in 0..request.len() {
        assert!(answer(&request[..length]).is_err(), "{length} of {} bytes", request.len());
    }
}

/// Each byte is made a few others. Some of these requests make sense, so nothing is said of what the
/// answer is, but that there is one.
#[test]
fn a_request_that_was_tampered_with_makes_no_panic() {
    let mut request = request(&[("small.proto", SMALL)], "");
    let mut refused = 0;
    for at in 0..request.len() {
        let byte = request[at];
        for other in [0, 0xff, byte ^ 1, byte ^ 0x40, byte.wrapping_add(3)] {
            request[at] = other;
            refused += usize::from(answer(&request).is_err());
        }
        request[at] = byte;
    }
    assert!(refused > request.len(), "{refused} refused of {} bytes", request.len());
}

#[test]
fn a_request_for_a_file_that_it_does_not_hold() {
    let mut small = encoded_file("small.proto", SMALL);
    small.wanted = vec!["small.proto".to_owned(), "other.proto".to_owned()];
    let error = answer(&small.request()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the request does not hold the file `other.proto`, which it asks to generate"
    );
    small.wanted.clear();
    let error = answer(&small.request()).unwrap_err().to_string();
    assert_eq!(error, "the request names no file to generate");
}
