//! Files that were written for Gorums become the same Rust as those that were written for Quorum.

use expect_test::{Expect, expect};

use crate::generated::generate;

/// A service whose rpcs stand from line 5 on.
fn with_rpcs(imports: &str, rpcs: &str) -> String {
    format!(
        "syntax = \"proto3\"; package test; {imports}\n\
         message Q {{}}\n\
         message R {{}}\n\
         service Store {{\n{rpcs}\n}}\n"
    )
}

fn generate_rpcs(imports: &str, rpcs: &str) -> Result<String, String> {
    generate(&[("test.proto", &with_rpcs(imports, rpcs))])
}

fn check_rpcs(rpcs: &str, expected: &Expect) {
    expected.assert_eq(&generate_rpcs(GORUMS, rpcs).expect_err("the file is wrong"));
}

const QUORUM: &str = "import \"quorum.proto\";";
const GORUMS: &str = "import \"gorums.proto\";";
/// As the guide of Gorums imports it.
const BY_MODULE: &str = "import \"github.com/relab/gorums/gorums.proto\";";

/// One rpc of each call type, with the options of `package`.
fn each_call_type(package: &str) -> String {
    ["rpc", "unicast", "multicast", "quorumcall", "correctable"]
        .map(|option| {
            format!("  rpc Do{option}(Q) returns (R) {{ option ({package}.{option}) = true; }}\n")
        })
        .concat()
}

#[test]
fn every_call_type_of_gorums_is_that_of_quorum() {
    let ours = generate_rpcs(QUORUM, &each_call_type("quorum")).unwrap();
    assert_eq!(generate_rpcs(GORUMS, &each_call_type("gorums")).unwrap(), ours);
    assert_eq!(generate_rpcs(BY_MODULE, &each_call_type("gorums")).unwrap(), ours);
    // Had no option been read, all would be plain rpcs.
    assert!(ours.contains("::quorum_runtime::QuorumCall<Q, R>"), "{ours}");
}

#[test]
fn a_quorum_call_of_gorums_whose_reply_streams_is_a_correctable() {
    let stream = |package: &str, option: &str| {
        let rpc =
            format!("  rpc Do(Q) returns (stream R) {{ option ({package}.{option}) = true; }}");
        generate_rpcs(if package == "gorums" { GORUMS } else { QUORUM }, &rpc)
    };
    assert_eq!(stream("gorums", "quorumcall").unwrap(), stream("quorum", "correctable").unwrap());
    stream("quorum", "quorumcall").expect_err("our own option says what it means");
}

#[test]
fn the_further_options_of_gorums_mean_the_same() {
    let rpc = |package: &str| {
        format!(
            "  rpc Do(Q) returns (R) {{ option ({package}.quorumcall) = true; \
             option ({package}.per_node_arg) = true; \
             option ({package}.custom_return_type) = \"u64\"; }}"
        )
    };
    assert_eq!(
        generate_rpcs(GORUMS, &rpc("gorums")).unwrap(),
        generate_rpcs(QUORUM, &rpc("quorum")).unwrap()
    );
}

#[test]
fn async_is_accepted_and_changes_nothing() {
    let with = "rpc Read(Q) returns (R) {\n option (gorums.quorumcall) = true;\n option (gorums.async) = true; }";
    let without = with.replace("option (gorums.async) = true;", "");
    assert_eq!(generate_rpcs(GORUMS, with), generate_rpcs(GORUMS, &without));
}

#[test]
fn one_file_may_be_imported_under_two_names() {
    let imports = format!("{GORUMS} {BY_MODULE}");
    let ours = generate_rpcs(QUORUM, &each_call_type("quorum"));
    assert_eq!(generate_rpcs(&imports, &each_call_type("gorums")), ours);
}

/// With a copy of `gorums.proto` that is not ours.
fn generate_with_copy(option: &str) -> Result<String, String> {
    let copy = "syntax = \"proto3\"; package gorums; import \"google/protobuf/descriptor.proto\";
        extend google.protobuf.MethodOptions { bool quorumcall = 60000; bool broadcast = 60001; }";
    let rpc = format!("  rpc Read(Q) returns (R) {{\n    option (gorums.{option};\n  }}");
    generate(&[("test.proto", &with_rpcs(GORUMS, &rpc)), ("gorums.proto", copy)])
}

#[test]
fn a_copy_of_the_file_in_the_project_is_used_instead() {
    let ours = "rpc Read(Q) returns (R) { option (quorum.quorumcall) = true; }";
    assert_eq!(generate_with_copy("quorumcall) = true"), generate_rpcs(QUORUM, ours));
}

/// Else the rpc would be called in another way than it says.
#[test]
fn an_option_that_is_declared_and_not_supported() {
    expect![[r#"
        test.proto:5:3: rpc `Store.Read` has the option `(gorums.broadcast)`, which is not supported
          help: the options are (gorums.rpc), (gorums.unicast), (gorums.multicast), (gorums.quorumcall), (gorums.correctable), (gorums.async), (gorums.per_node_arg), (gorums.custom_return_type)"#]]
    .assert_eq(&generate_with_copy("broadcast) = true").expect_err("it is not supported"));
    assert!(generate_with_copy("broadcast) = false").is_ok(), "it is not set");
}

#[test]
fn an_option_of_an_older_gorums() {
    check_rpcs(
        "  rpc Read(Q) returns (R) {\n    option (gorums.qc) = true;\n  }",
        &expect![[r#"
            test.proto:6:5: rpc `Read`: there is no option `(gorums.qc)`
              help: the options are (gorums.rpc), (gorums.unicast), (gorums.multicast), (gorums.quorumcall), (gorums.correctable), (gorums.async), (gorums.per_node_arg), (gorums.custom_return_type)"#]],
    );
}

#[test]
fn an_option_of_gorums_without_its_import() {
    let rpc = "  rpc Read(Q) returns (R) { option (gorums.quorumcall) = true; }";
    let refusal = generate_rpcs(QUORUM, rpc).unwrap_err();
    expect![[r#"
        test.proto:5:29: rpc `Read`: option `(gorums.quorumcall)` is used without its import
          help: add `import "gorums.proto";` to the file"#]]
    .assert_eq(&refusal);
}

#[test]
fn an_option_of_gorums_with_a_value_of_the_wrong_type() {
    check_rpcs(
        "  rpc Read(Q) returns (R) { option (gorums.async) = \"yes\"; }",
        &expect![[r#"
            test.proto:5:29: rpc `Read`: option `(gorums.async)` is true or false
              help: write `option (gorums.async) = true;`"#]],
    );
}

#[test]
fn an_option_that_is_set_twice() {
    check_rpcs(
        "  rpc Read(Q) returns (R) {
    option (gorums.rpc) = true;
    option (gorums.rpc) = true;
  }",
        &expect![[r#"
            test.proto:7:5: rpc `Read`: option `(gorums.rpc)` is set twice
              help: keep one of the two"#]],
    );
}

/// As in the tests of Gorums itself.
#[test]
fn a_package_may_begin_like_that_of_the_options() {
    let text = |rest: &str| {
        format!("syntax = \"proto3\"; package gorums.inner; {GORUMS}\nmessage Q {{}}\n{rest}")
    };
    let service = "service S { rpc R(Q) returns (Q) { option (gorums.quorumcall) = true; } }";
    let code = generate(&[("test.proto", &text(service))]).unwrap();
    assert!(code.contains("::quorum_runtime::QuorumCall<Q, Q>"), "{code}");
    let refusal = |rest: &str| generate(&[("test.proto", &text(rest))]).unwrap_err();
    expect![[r#"
        test.proto:3:9: name 'gorums.inner.Q' is defined twice
          help: rename one of the two"#]]
    .assert_eq(&refusal("message Q {}"));
    expect![[r#"
        test.proto:3:31: 'gorums.Missing' resolves to 'gorums.Missing', which is not defined
          help: declare it, or import the file that does"#]]
    .assert_eq(&refusal("service S { rpc R(Q) returns (gorums.Missing); }"));
}

/// prost has Rust types for these, and panics where it does not know what they stand for.
#[test]
fn fields_may_be_of_the_types_of_google() {
    let text = "syntax = \"proto3\"; package test; import \"google/protobuf/timestamp.proto\";
        message State { google.protobuf.Timestamp time = 1; }";
    let code = generate(&[("test.proto", text)]).unwrap();
    assert!(code.contains("time: ::core::option::Option<::prost_types::Timestamp>"), "{code}");
    assert_eq!(code.matches("pub struct").count(), 1, "{code}");
}

/// The front end lets one number have two names where `protoc` doesn't. The names mean the same.
#[test]
fn both_files_in_one() {
    let imports = format!("{QUORUM} {GORUMS}");
    let rpc = |package: &str, option: &str| {
        format!("  rpc Read{package}(Q) returns (R) {{ option ({package}.{option}) = true; }}\n")
    };
    let mixed = rpc("quorum", "quorumcall") + &rpc("gorums", "multicast");
    let ours = mixed.replace("(gorums.", "(quorum.");
    assert_eq!(generate_rpcs(&imports, &mixed), generate_rpcs(QUORUM, &ours));
}
