//! A `.proto` that can't become Rust is refused at build time, with the place and the mend.

use std::fs;

use expect_test::{Expect, expect};

/// Generates from a file `test.proto` with this text, and checks the error.
fn check(text: &str, expected: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("test.proto"), text).unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let proto = folder.path().join("test.proto");
    let result = quorum_codegen::Builder::new().out_dir(&out).compile(&[proto], &[folder.path()]);
    let error = result.expect_err("the file is wrong").to_string();
    let error = error.replace(&format!("{}/", folder.path().display()), "");
    expected.assert_eq(&error.replace(&folder.path().display().to_string(), "FOLDER"));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "nothing was generated");
}

/// The same for a service with these rpcs, in lines 5 and on.
fn check_rpcs(rpcs: &str, expected: &Expect) {
    check(&with_rpcs(rpcs), expected);
}

fn with_rpcs(rpcs: &str) -> String {
    format!(
        "syntax = \"proto3\"; package test; import \"quorum.proto\";\n\
         message Q {{}}\n\
         message R {{}}\n\
         service Store {{\n{rpcs}\n}}\n"
    )
}

#[test]
fn two_call_types_on_one_rpc() {
    check_rpcs(
        "  rpc Read(Q) returns (R) {\n    option (quorum.quorumcall) = true;\n    option (quorum.multicast) = true;\n  }",
        &expect![[r#"
            test.proto:5:3: rpc `Store.Read` has two call types, `multicast` and `quorumcall`
              help: an rpc has one call type: keep the option that says how it is called, and write a second rpc where both are needed"#]],
    );
}

#[test]
fn an_option_that_does_not_exist() {
    check_rpcs(
        "  rpc Read(Q) returns (R) {\n    option (quorum.quorumcal) = true;\n  }",
        &expect![[r#"
            test.proto:6:5: rpc `Read`: there is no option `(quorum.quorumcal)`
              help: the options are (quorum.rpc), (quorum.unicast), (quorum.multicast), (quorum.quorumcall)"#]],
    );
}

#[test]
fn an_option_without_its_import() {
    check(
        "syntax = \"proto3\";\nmessage Q {}\nservice Store {\n  rpc Read(Q) returns (Q) { option (quorum.quorumcall) = true; }\n}\n",
        &expect![[r#"
            test.proto:4:29: rpc `Read`: option `(quorum.quorumcall)` is used without its import
              help: add `import "quorum.proto";` to the file"#]],
    );
}

#[test]
fn an_option_with_a_value_of_the_wrong_type() {
    check_rpcs(
        "  rpc Read(Q) returns (R) { option (quorum.quorumcall) = \"yes\"; }",
        &expect![[r#"
            test.proto:5:29: rpc `Read`: option `(quorum.quorumcall)` is true or false
              help: write `option (quorum.quorumcall) = true;`"#]],
    );
}

#[test]
fn an_import_that_is_not_there() {
    check(
        "syntax = \"proto3\";\nimport \"other/types.proto\";\n",
        &expect![[r#"
            test.proto:2:1: import 'other/types.proto' not found
              help: name its folder among the includes; looked in `FOLDER`"#]],
    );
}

#[test]
fn a_file_that_is_not_there() {
    let result = quorum_codegen::compile(&["nowhere/none.proto"], &["nowhere"]);
    expect![[r#"
        nowhere/none.proto: there is no such file
          help: name a file that is there; looked in `nowhere`"#]]
    .assert_eq(&result.unwrap_err().to_string());
}

#[test]
fn a_syntax_error() {
    check(
        "syntax = \"proto3\";\nmessage Q {\n  strin g key = 1;\n}\n",
        &expect!["test.proto:3:11: expected '=', but found 'key'"],
    );
}

#[test]
fn a_message_that_is_not_declared() {
    check_rpcs(
        "  rpc Read(Missing) returns (R);",
        &expect![[r#"
            test.proto:5:12: name 'Missing' is not defined
              help: declare it, or import the file that does"#]],
    );
}

#[test]
fn streams() {
    check_rpcs(
        "  rpc Send(stream Q) returns (R);\n  rpc Watch(Q) returns (stream R) { option (quorum.quorumcall) = true; }",
        &expect![[r#"
            test.proto:5:3: rpc `Store.Send` streams its request, which no call type here supports
              help: take `stream` away from the request, and make one call per message
            test.proto:6:3: rpc `Store.Watch` streams its reply, which no call type here supports
              help: take `stream` away from the reply, and make one call per message"#]],
    );
}

#[test]
fn two_rpcs_with_one_rust_name() {
    check_rpcs(
        "  rpc ReadAll(Q) returns (R);\n  rpc Read_all(Q) returns (R);",
        &expect![[r#"
        test.proto:6:3: rpc `Store.Read_all` and rpc `Store.ReadAll` both become the Rust method `read_all`
          help: rename one of them"#]],
    );
}

#[test]
fn an_rpc_named_like_a_method_of_the_runtime() {
    check_rpcs(
        "  rpc Id(Q) returns (R);\n  rpc Members(Q) returns (R) { option (quorum.multicast) = true; }\n  rpc Clone(Q) returns (R);",
        &expect![[r#"
            test.proto:5:3: rpc `Store.Id` becomes the Rust method `id`, which `quorum_runtime::Node` has already
              help: rename it, to `IdValue` for example
            test.proto:6:3: rpc `Store.Members` becomes the Rust method `members`, which `quorum_runtime::Configuration` has already
              help: rename it, to `MembersValue` for example
            test.proto:7:3: rpc `Store.Clone` becomes the Rust method `clone`, which `quorum_runtime::Node` has already
              help: rename it, to `CloneValue` for example"#]],
    );
}

#[test]
fn a_service_named_like_a_method_of_the_manager() {
    check(
        "syntax = \"proto3\";\nmessage Q {}\nservice Node { rpc Read(Q) returns (Q); }\n",
        &expect![[r#"
            test.proto:3:1: service `Node` becomes the Rust method `node`, which `quorum_runtime::Manager` has already
              help: rename it, to `NodeService` for example"#]],
    );
}

#[test]
fn a_message_named_like_a_generated_item() {
    check(
        "syntax = \"proto3\";\nmessage store_server {}\nenum StoreNode { ZERO = 0; }\nmessage Q {}\nservice Store { rpc Read(Q) returns (Q); }\n",
        &expect![[r#"
            test.proto:2:1: message `store_server` and an item that is generated for service `Store` both become the Rust item `StoreServer`
              help: rename the message or the service
            test.proto:3:1: enum `StoreNode` and an item that is generated for service `Store` both become the Rust item `StoreNode`
              help: rename the enum or the service"#]],
    );
}

#[test]
fn a_message_named_like_its_service() {
    check(
        "syntax = \"proto3\";\nmessage Store {}\nservice Store { rpc Read(Store) returns (Store); }\n",
        &expect![[r#"
            test.proto:3:9: name 'Store' is defined twice
              help: rename one of the two"#]],
    );
}

#[test]
fn two_services_with_one_generated_item() {
    check(
        "syntax = \"proto3\";\nmessage Q {}\nservice Store { rpc Read(Q) returns (Q); }\nservice StoreServer { rpc Read(Q) returns (Q); }\n",
        &expect![[r#"
            test.proto:4:1: service `StoreServer` and service `Store` both become the Rust item `StoreServer`
              help: rename one of the services"#]],
    );
}

#[test]
fn an_option_that_is_set_to_false_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let proto = folder.path().join("test.proto");
    let rpc = "rpc Read(Q) returns (R) { option (quorum.quorumcall) = false; option (quorum.multicast) = true; }";
    fs::write(&proto, with_rpcs(rpc)).unwrap();
    quorum_codegen::Builder::new()
        .out_dir(folder.path())
        .compile(&[proto], &[folder.path()])
        .unwrap();
    let code = fs::read_to_string(folder.path().join("test.rs")).unwrap();
    assert!(code.contains("-> ::quorum_runtime::OneWay"), "{code}");
    assert!(!code.contains("QuorumCall"), "{code}");
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    let generate = || {
        let folder = tempfile::tempdir().unwrap();
        let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto/recorder.proto");
        let include = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
        let builder = quorum_codegen::Builder::new().out_dir(folder.path());
        builder.compile(&[proto], &[include]).unwrap();
        fs::read(folder.path().join("recorder.rs")).unwrap()
    };
    assert_eq!(generate(), generate());
}
