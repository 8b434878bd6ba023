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
              help: the options are (quorum.rpc), (quorum.unicast), (quorum.multicast), (quorum.quorumcall), (quorum.correctable), (quorum.per_node_arg), (quorum.custom_return_type), (quorum.ordered), (quorum.queue)"#]],
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
            test.proto:5:3: rpc `Store.Send` streams its request, which a call of type `rpc` does not
              help: take `stream` away from the request and make one call per message, or let both sides stream and take the call type away for a session with one node
            test.proto:6:3: rpc `Store.Watch` streams its reply, which a call of type `quorumcall` does not
              help: take `stream` away from the reply, or make it a `correctable`, whose result improves"#]],
    );
}

/// Each option where it means nothing.
#[test]
fn options_that_mean_nothing_for_a_call_type() {
    let option = |name: &str, options: &str| format!("  rpc {name}(Q) returns (R) {{ {options} }}");
    let rpcs = [
        option("A", "option (quorum.per_node_arg) = true;"),
        option("B", "option (quorum.unicast) = true; option (quorum.per_node_arg) = true;"),
        option("C", "option (quorum.custom_return_type) = \"u64\";"),
        option("D", "option (quorum.multicast) = true; option (quorum.custom_return_type) = \"u64\";"),
        option("E", "option (quorum.queue) = LATEST;"),
        option("F", "option (quorum.quorumcall) = true; option (quorum.queue) = LATEST;"),
        option("G", "option (quorum.correctable) = true; option (quorum.queue) = LATEST;"),
        option("H", "option (quorum.unicast) = true; option idempotency_level = IDEMPOTENT;"),
        option("I", "option (quorum.multicast) = true; option idempotency_level = NO_SIDE_EFFECTS;"),
        "  rpc J(Q) returns (stream R) { option (quorum.correctable) = true; option idempotency_level = IDEMPOTENT; }".to_owned(),
        option("K", "option (quorum.quorumcall) = true; option (quorum.custom_return_type) = \"a b\";"),
        option("L", "option (quorum.quorumcall) = true; option (quorum.correctable) = true;"),
    ];
    check_rpcs(
        &rpcs.join("\n"),
        &expect![[r#"
        test.proto:5:3: rpc `Store.A` has the option `per_node_arg`, which means nothing for `rpc`: it is called on one node
          help: take `per_node_arg` away, or change the call type
        test.proto:6:3: rpc `Store.B` has the option `per_node_arg`, which means nothing for `unicast`: it is called on one node
          help: take `per_node_arg` away, or change the call type
        test.proto:7:3: rpc `Store.C` has the option `custom_return_type`, which means nothing for `rpc`: it has no quorum function
          help: take `custom_return_type` away, or change the call type
        test.proto:8:3: rpc `Store.D` has the option `custom_return_type`, which means nothing for `multicast`: it has no quorum function
          help: take `custom_return_type` away, or change the call type
        test.proto:9:3: rpc `Store.E` has the option `queue`, which means nothing for `rpc`: whoever waits for its reply would wait in vain
          help: take `queue` away, or change the call type
        test.proto:10:3: rpc `Store.F` has the option `queue`, which means nothing for `quorumcall`: whoever waits for its reply would wait in vain
          help: take `queue` away, or change the call type
        test.proto:11:3: rpc `Store.G` has the option `queue`, which means nothing for `correctable`: whoever waits for its reply would wait in vain
          help: take `queue` away, or change the call type
        test.proto:12:3: rpc `Store.H` has the option `idempotency_level`, which means nothing for `unicast`: nobody learns whether it was lost
          help: take `idempotency_level` away, or change the call type
        test.proto:13:3: rpc `Store.I` has the option `idempotency_level`, which means nothing for `multicast`: nobody learns whether it was lost
          help: take `idempotency_level` away, or change the call type
        test.proto:14:3: rpc `Store.J` has the option `idempotency_level`, which means nothing for `correctable`: replies that were seen would come again
          help: take `idempotency_level` away, or change the call type
        test.proto:15:3: rpc `Store.K` has the custom_return_type `a b`, which is no Rust type
          help: name a type as the generated module can: `u64`, `crate::Summary`
        test.proto:16:3: rpc `Store.L` has two call types, `quorumcall` and `correctable`
          help: an rpc has one call type: keep the option that says how it is called, and write a second rpc where both are needed"#]],
    );
}

#[test]
fn streams_where_they_mean_nothing() {
    let rpcs = [
        "  rpc A(stream Q) returns (R);",
        "  rpc B(Q) returns (stream R);",
        "  rpc C(stream Q) returns (R) { option (quorum.unicast) = true; }",
        "  rpc D(stream Q) returns (R) { option (quorum.multicast) = true; }",
        "  rpc E(stream Q) returns (stream R) { option (quorum.quorumcall) = true; }",
        "  rpc F(stream Q) returns (stream R) { option (quorum.correctable) = true; }",
        "  rpc G(Q) returns (stream R) { option (quorum.unicast) = true; }",
        "  rpc H(Q) returns (stream R) { option (quorum.multicast) = true; }",
        "  rpc I(Q) returns (stream R) { option (quorum.quorumcall) = true; }",
        "  rpc J(stream Q) returns (stream R) { option (quorum.per_node_arg) = true; }",
        "  rpc K(stream Q) returns (stream R) { option (quorum.custom_return_type) = \"u64\"; }",
        "  rpc L(stream Q) returns (stream R) { option (quorum.queue) = LATEST; }",
        "  rpc M(stream Q) returns (stream R) { option (quorum.ordered) = false; }",
        "  rpc N(stream Q) returns (stream R) { option idempotency_level = IDEMPOTENT; }",
    ];
    check_rpcs(
        &rpcs.join("\n"),
        &expect![[r#"
            test.proto:5:3: rpc `Store.A` streams its request, which a call of type `rpc` does not
              help: take `stream` away from the request and make one call per message, or let both sides stream and take the call type away for a session with one node
            test.proto:6:3: rpc `Store.B` streams its reply, which a call of type `rpc` does not
              help: take `stream` away from the reply, or make it a `correctable`, whose result improves
            test.proto:7:3: rpc `Store.C` streams its request, which a call of type `unicast` does not
              help: take `stream` away from the request and make one call per message, or let both sides stream and take the call type away for a session with one node
            test.proto:8:3: rpc `Store.D` streams its request, which a call of type `multicast` does not
              help: take `stream` away from the request and make one call per message, or let both sides stream and take the call type away for a session with one node
            test.proto:9:3: rpc `Store.E` streams its request, which a call of type `quorumcall` does not
              help: take `stream` away from the request and make one call per message, or let both sides stream and take the call type away for a session with one node
            test.proto:10:3: rpc `Store.F` streams its request, which a call of type `correctable` does not
              help: take `stream` away from the request and make one call per message, or let both sides stream and take the call type away for a session with one node
            test.proto:11:3: rpc `Store.G` streams its reply, which a call of type `unicast` does not
              help: take `stream` away from the reply, or make it a `correctable`, whose result improves
            test.proto:12:3: rpc `Store.H` streams its reply, which a call of type `multicast` does not
              help: take `stream` away from the reply, or make it a `correctable`, whose result improves
            test.proto:13:3: rpc `Store.I` streams its reply, which a call of type `quorumcall` does not
              help: take `stream` away from the reply, or make it a `correctable`, whose result improves
            test.proto:14:3: rpc `Store.J` has the option `per_node_arg`, which means nothing for a session: it is called on one node
              help: take `per_node_arg` away, or change the call type
            test.proto:15:3: rpc `Store.K` has the option `custom_return_type`, which means nothing for a session: it has no quorum function
              help: take `custom_return_type` away, or change the call type
            test.proto:16:3: rpc `Store.L` has the option `queue`, which means nothing for a session: whoever waits for its reply would wait in vain
              help: take `queue` away, or change the call type
            test.proto:17:3: rpc `Store.M` has the option `ordered`, which means nothing for a session: it has one handler, which sees its messages in order
              help: take `ordered` away, or change the call type
            test.proto:18:3: rpc `Store.N` has the option `idempotency_level`, which means nothing for a session: it does not outlive its connection
              help: take `idempotency_level` away, or change the call type"#]],
    );
}

#[test]
fn a_value_that_an_option_does_not_have() {
    check_rpcs(
        "  rpc Read(Q) returns (R) { option (quorum.queue) = NEWEST; }",
        &expect![[r#"
            test.proto:5:29: rpc `Read`: option `(quorum.queue)` is ALL or LATEST
              help: write `option (quorum.queue) = LATEST;`"#]],
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
