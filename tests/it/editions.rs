//! Files of the editions 2023 and 2024 become the Rust that proto3 becomes which says the same.

use crate::generated::generate;

/// The code for a file with this text.
fn rust(text: &str) -> String {
    generate(&[("test.proto", text)]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// An edition and the proto3 that says the same.
fn check_same(edition: &str, proto3: &str) {
    let proto3 = rust(&format!("syntax = \"proto3\"; package test;\n{proto3}"));
    for year in ["2023", "2024"] {
        let text = format!("edition = \"{year}\"; package test;\n{edition}");
        assert_eq!(rust(&text), proto3, "{text}");
    }
}

#[test]
fn singular_fields_have_presence() {
    check_same(
        "message M { int32 a = 1; string b = 2; bytes c = 3; bool d = 4; E e = 5; }
         enum E { ZERO = 0; }",
        "message M {
           optional int32 a = 1; optional string b = 2; optional bytes c = 3;
           optional bool d = 4; optional E e = 5;
         }
         enum E { ZERO = 0; }",
    );
    assert!(
        rust("edition = \"2023\"; message M { int32 a = 1; }")
            .contains("a: ::core::option::Option<i32>")
    );
}

#[test]
fn messages_lists_maps_and_oneofs_are_as_ever() {
    let fields = "message M {
        M inner = 1; repeated int32 list = 2; map<string, int32> map = 3; repeated M inners = 4;
        oneof choice { int32 number = 5; string text = 6; M message = 7; }
    }";
    check_same(fields, fields);
}

#[test]
fn presence_can_be_switched_off_for_a_file() {
    let messages = "message M { int32 a = 1; N n = 2; message N { string b = 1; } }";
    check_same(&format!("option features.field_presence = IMPLICIT;\n{messages}"), messages);
    check_same(&format!("option features = {{ field_presence: IMPLICIT }};\n{messages}"), messages);
}

#[test]
fn presence_can_be_switched_off_and_on_for_a_field() {
    check_same(
        "message M { int32 a = 1 [features.field_presence = IMPLICIT]; int32 b = 2; }",
        "message M { int32 a = 1; optional int32 b = 2; }",
    );
    check_same(
        "option features.field_presence = IMPLICIT;
         message M {
           int32 a = 1 [deprecated = true, features.field_presence = EXPLICIT]; int32 b = 2;
         }",
        "message M { optional int32 a = 1 [deprecated = true]; int32 b = 2; }",
    );
}

#[test]
fn fields_of_nested_messages_have_presence_too() {
    check_same(
        "message M { message N { message O { int32 a = 1; } } }",
        "message M { message N { message O { optional int32 a = 1; } } }",
    );
}

/// Behind an optional field `a` stands a oneof `_a`, or `X_a` where that is taken.
#[test]
fn a_message_may_be_named_like_the_oneof_of_a_field() {
    let code =
        rust("edition = \"2023\"; message M { int32 a = 1; message _a {} enum X_a { Z = 0; } }");
    assert!(code.contains("a: ::core::option::Option<i32>"), "{code}");
}

#[test]
fn repeated_numbers_are_packed_unless_they_are_to_be_expanded() {
    check_same(
        "message M {
           repeated int32 a = 1 [features.repeated_field_encoding = EXPANDED];
           repeated int32 b = 2;
         }",
        "message M { repeated int32 a = 1 [packed = false]; repeated int32 b = 2; }",
    );
    check_same(
        "option features.repeated_field_encoding = EXPANDED;
         message M {
           repeated E a = 1;
           repeated bool b = 2 [features.repeated_field_encoding = PACKED];
           repeated string c = 3; repeated M d = 4; map<int32, int32> e = 5;
         }
         enum E { ZERO = 0; }",
        "message M {
           repeated E a = 1 [packed = false]; repeated bool b = 2;
           repeated string c = 3; repeated M d = 4; map<int32, int32> e = 5;
         }
         enum E { ZERO = 0; }",
    );
}

#[test]
fn extensions_stay_what_they_are() {
    let options = "import \"google/protobuf/descriptor.proto\";
        extend google.protobuf.FieldOptions { string note = 50000; repeated int32 marks = 50001; }
        extend google.protobuf.MessageOptions { Marks all = 50002; }
        message Marks { repeated int32 marks = 1; repeated M none = 2; }
        message M {
          option (all) = { marks: [1, 2], none: [] };
          extensions 10 to 20;
          repeated M list = 1 [(note) = \"x\", (marks) = 1];
        }
        extend M { int32 more = 10; }";
    check_same(options, options);
}

#[test]
fn features_that_change_nothing_are_accepted() {
    let body = "message M { repeated string a = 1; } enum E { ZERO = 0; }";
    for option in [
        "option features.utf8_validation = VERIFY;",
        "option features.json_format = LEGACY_BEST_EFFORT;",
        "option features.enum_type = OPEN;",
        "option features.message_encoding = LENGTH_PREFIXED;",
        "option features.enforce_naming_style = STYLE_LEGACY;",
        "option features.default_symbol_visibility = EXPORT_ALL;",
    ] {
        check_same(&format!("{option}\n{body}"), body);
    }
}

#[test]
fn features_of_other_languages_are_accepted() {
    check_same(
        "import \"google/protobuf/go_features.proto\";
         import \"google/protobuf/cpp_features.proto\";
         option features.(pb.go).api_level = API_OPEN;
         option features.(pb.go) = { api_level: API_OPEN; legacy_unmarshal_json_enum: true; };
         message M {
           string a = 1 [features.(pb.cpp).string_type = VIEW];
           string b = 2 [features.(pb.cpp).string_type = VIEW, deprecated = true];
           string c = 3 [deprecated = true, features.(pb.cpp).string_type = VIEW];
           string d = 4 [features.(pb.cpp).string_type = VIEW,
                         features.field_presence = IMPLICIT, // a comment
                         features.(pb.go).api_level = API_OPEN];
         }",
        "message M {
           optional string a = 1; optional string b = 2 [deprecated = true];
           optional string c = 3 [deprecated = true]; string d = 4;
         }",
    );
}

#[test]
fn reserved_names_are_written_without_quotes() {
    check_same(
        "message M { reserved 2, 5 to 7; reserved foo, bar; repeated string a = 1; }
         enum E { reserved -1; reserved OLD; ZERO = 0; }",
        "message M { reserved 2, 5 to 7; reserved \"foo\", \"bar\"; repeated string a = 1; }
         enum E { reserved -1; reserved \"OLD\"; ZERO = 0; }",
    );
}

#[test]
fn the_options_and_comments_of_rpcs_are_read() {
    let service = "import \"quorum.proto\";
        message Q {}
        // Stores things.
        service Store {
          // Reads them.
          rpc Read(Q) returns (Q) { option (quorum.quorumcall) = true; }
          rpc Tell(Q) returns (Q) { option deprecated = true; option (quorum.multicast) = true; }
        }";
    check_same(service, service);
    assert!(
        rust(&format!("edition = \"2023\"; {service}"))
            .contains("::quorum_runtime::QuorumCall<Q, Q>")
    );
}

#[test]
fn editions_and_proto3_import_each_other() {
    let inner = "package test; message Inner { int32 c = 1; }";
    let outer = "package test; import \"inner.proto\"; message Outer { int32 a = 1; Inner b = 2; }";
    let (edition, proto3) = ("edition = \"2023\";", "syntax = \"proto3\";");
    for (first, second) in [(edition, proto3), (proto3, edition), (edition, edition)] {
        let (outer, inner) = (format!("{first} {outer}"), format!("{second} {inner}"));
        let code = generate(&[("outer.proto", &outer), ("inner.proto", &inner)]).unwrap();
        assert_eq!(code.contains("a: ::core::option::Option<i32>"), first == edition, "{code}");
        assert_eq!(code.contains("c: ::core::option::Option<i32>"), second == edition, "{code}");
        assert!(code.contains("b: ::core::option::Option<Inner>"), "{code}");
    }
}
