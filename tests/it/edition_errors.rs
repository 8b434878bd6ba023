//! What an edition may say and that can't become Rust is refused, with the place and the mend.

use expect_test::{Expect, expect};

use crate::generated::generate;

fn refusal(text: &str) -> String {
    generate(&[("test.proto", text)]).expect_err("the file is wrong")
}

/// A file that is refused, whose second line is the first of `text`.
fn check_refusal(text: &str, expected: &Expect) {
    let of = |year: &str| refusal(&format!("edition = \"{year}\"; package test;\n{text}"));
    expected.assert_eq(&of("2023"));
    assert_eq!(of("2023"), of("2024"));
}

#[test]
fn features_that_proto3_has_nothing_for() {
    check_refusal(
        "message M {
  M inner = 1 [features.message_encoding = DELIMITED];
  int32 a = 2 [deprecated = false, features.field_presence = LEGACY_REQUIRED];
  enum F { option features.enum_type = CLOSED; NONE = 0; }
}
enum E {
  option features.enum_type = CLOSED;
  ZERO = 0;
}",
        &expect![[r#"
            test.proto:3:16: `features.message_encoding = DELIMITED` is not supported
              help: take it away: messages are written with their length in front
            test.proto:4:36: `features.field_presence = LEGACY_REQUIRED` is not supported
              help: take it away: a field that was not set is `None`, which the receiver can refuse
            test.proto:5:12: `features.enum_type = CLOSED` is not supported
              help: take it away, and let the first value be 0: an open enum keeps numbers that it has no name for
            test.proto:8:3: `features.enum_type = CLOSED` is not supported
              help: take it away, and let the first value be 0: an open enum keeps numbers that it has no name for"#]],
    );
}

#[test]
fn features_that_proto3_has_nothing_for_of_the_whole_file() {
    check_refusal(
        "option features.message_encoding = DELIMITED;
option features.enum_type = CLOSED;
option features.field_presence = LEGACY_REQUIRED;",
        &expect![[r#"
            test.proto:2:1: `features.message_encoding = DELIMITED` is not supported
              help: take it away: messages are written with their length in front
            test.proto:3:1: `features.enum_type = CLOSED` is not supported
              help: take it away, and let the first value be 0: an open enum keeps numbers that it has no name for
            test.proto:4:1: `features.field_presence = LEGACY_REQUIRED` is not supported
              help: take it away: a field that was not set is `None`, which the receiver can refuse"#]],
    );
    check_refusal(
        "option features = { message_encoding: DELIMITED enum_type: CLOSED };",
        &expect![[r#"
            test.proto:2:1: `features.enum_type = CLOSED` is not supported
              help: take it away, and let the first value be 0: an open enum keeps numbers that it has no name for
            test.proto:2:1: `features.message_encoding = DELIMITED` is not supported
              help: take it away: messages are written with their length in front"#]],
    );
}

#[test]
fn a_closed_enum_that_does_not_begin_with_zero() {
    check_refusal(
        "enum E {\n  option features.enum_type = CLOSED;\n  ONE = 1;\n}",
        &expect![[r#"
            test.proto:4:9: the first value of an open enum must be 0
              help: begin with a value of 0; closed enums are not supported"#]],
    );
}

#[test]
fn symbols_that_are_exported_or_local() {
    check_refusal(
        "export message M {
  local enum E { ZERO = 0; }
}
local message N {}
message export {}
message O { export message = 1; }",
        &expect![[r#"
            test.proto:2:1: `export message` is not supported
              help: take the word `export` away: what a file declares can be used in all files that import it
            test.proto:3:3: `local enum` is not supported
              help: take the word `local` away: what a file declares can be used in all files that import it
            test.proto:5:1: `local message` is not supported
              help: take the word `local` away: what a file declares can be used in all files that import it"#]],
    );
}

#[test]
fn an_import_of_options_only() {
    check_refusal(
        "import option \"quorum.proto\";\nmessage M { Missing m = 1; }",
        &expect![[r#"
            test.proto:2:8: `import option` is not supported
              help: take the word `option` away
            test.proto:3:13: name 'Missing' is not defined
              help: declare it, or import the file that does"#]],
    );
}

#[test]
fn words_of_older_syntaxes() {
    check_refusal(
        "message M {
  int32 a = 1 [default = 5];
  required int32 b = 2;
  repeated group C = 3 {}
}",
        &expect![[r#"
            test.proto:3:16: default values are not supported in an edition
              help: take it away: a field that was not set is `None`, and its reader knows the default
            test.proto:4:3: required fields are not allowed in an edition
              help: take the word `required` away
            test.proto:5:3: groups are not allowed in an edition
              help: declare a message, and a field of its type"#]],
    );
}

/// Whose errors name proto3, which is right.
#[test]
fn words_of_older_syntaxes_in_proto3() {
    let text = "syntax = \"proto3\";\nmessage M {\n  int32 a = 1 [default = 5];\n}";
    expect!["test.proto:3:16: default values are not allowed in proto3"].assert_eq(&refusal(text));
}

#[test]
fn a_feature_that_does_not_exist() {
    check_refusal(
        "option features.field_presense = IMPLICIT;
option features.field_presence = IMPLICT;",
        &expect![[r#"
            test.proto:2:1: option field 'features.field_presense' is not defined
              help: the features are listed at protobuf.dev/editions/features
            test.proto:3:1: expected a value of type 'google.protobuf.FeatureSet.FieldPresence' for option 'features.field_presence', but found 'IMPLICT'"#]],
    );
}

#[test]
fn an_edition_that_is_not_known() {
    let text = "// 2022\nedition = \"2022\";\nmessage M { X x = 1; }";
    expect![[r#"
        test.proto:2:11: edition "2022" is not supported
          help: write `edition = "2023";` or `edition = "2024";`
        test.proto:3:13: name 'X' is not defined
          help: declare it, or import the file that does"#]]
    .assert_eq(&refusal(text));
}

#[test]
fn an_edition_that_is_no_string_or_not_the_first_statement() {
    expect![[r#"
        test.proto:1:1: expected 'enum', 'extend', 'import', 'message', 'option', 'service', 'package' or ';', but found 'edition'
          help: begin the file with `edition = "2023";`"#]].assert_eq(&refusal("edition = 2023;"));
    expect![[r#"
        test.proto:2:1: expected 'enum', 'extend', 'import', 'message', 'option', 'service', 'package' or ';', but found 'edition'
          help: begin the file with `edition = "2023";`"#]].assert_eq(&refusal("package test;\nedition = \"2023\";"));
}

/// The statement is replaced by one of another length.
#[test]
fn later_errors_stand_where_they_are() {
    let rest = "message A {}\n  message M { Missing m = 1; }\n";
    let expected = "test.proto:3:15: name 'Missing' is not defined";
    for head in [
        "syntax = \"proto3\";",
        "edition = \"2023\";",
        "edition='2024';",
        "edition=\"2023\";",
        "/* ö */ edition /* ö */  =  \"2023\" ;",
    ] {
        let error = refusal(&format!("{head}\n{rest}"));
        assert!(error.starts_with(expected), "{head}: {error}");
    }
    let error = refusal(&format!("// A comment.\nedition\n =\n\"2023\";\n{rest}"));
    assert!(error.starts_with("test.proto:6:15:"), "{error}");
    let error = refusal("edition=\"2023\"; message M { X x = 1; }");
    assert!(error.starts_with("test.proto:1:29:"), "{error}");
}

#[test]
fn errors_behind_what_was_taken_out_stand_where_they_are() {
    check_refusal(
        "option features.(pb.go).api_level = API_OPEN; message M {
  reserved foo, // a name
    bar; X x = 1;
  int32 a = 2 [features.(pb.cpp).string_type = VIEW]; Y y = 3;
}",
        &expect![[r#"
            test.proto:4:10: name 'X' is not defined
              help: declare it, or import the file that does
            test.proto:5:55: name 'Y' is not defined
              help: declare it, or import the file that does"#]],
    );
    check_refusal(
        "message M {
  int32 a = 2 [features.(pb.cpp).string_type = VIEW, (none) = 1];
}
option features.(pb.go).api_level = API_OPEN; option nothing = 1;",
        &expect![[r#"
            test.proto:5:47: option field 'nothing' is not defined
              help: declare it, or import the file that does
            test.proto:3:54: name 'none' is not defined
              help: declare it, or import the file that does"#]],
    );
}

#[test]
fn a_file_that_another_one_hides() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    for folder in [&first, &second] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("test.proto"), "edition = \"2023\";").unwrap();
    }
    let proto = second.join("test.proto");
    let builder = quorum_codegen::Builder::new().out_dir(folder.path());
    let error = builder.compile(&[proto], &[first, second]).unwrap_err().to_string();
    expect![[r#"
        FOLDER/second/test.proto: `FOLDER/first/test.proto` has the same name and is found first
          help: change the order of the includes, or rename one of the files"#]]
    .assert_eq(&error.replace(&folder.path().display().to_string(), "FOLDER"));
}

/// Paths are compared, and not their spelling.
#[test]
fn a_folder_that_is_spelt_in_two_ways() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let [proto, out] = ["proto", "out"].map(|name| folder.path().join(name));
    std::fs::create_dir(&proto).unwrap();
    std::fs::create_dir(&out).unwrap();
    std::fs::write(proto.join("test.proto"), "edition = \"2023\";").unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let spelt = [format!("{name}/proto"), format!("./{name}/proto"), format!("{name}/./proto/")];
    for (include, folder) in spelt.iter().flat_map(|a| spelt.iter().map(move |b| (a, b))) {
        let builder = quorum_codegen::Builder::new().out_dir(&out);
        builder.compile(&[format!("{folder}/test.proto")], &[include]).unwrap();
    }
}
