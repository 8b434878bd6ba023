use proptest::prelude::*;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};

use super::*;

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    state: Option<State>,
    #[prost(sint64, tag = "3")]
    delta: i64,
    #[prost(int32, tag = "4")]
    mode: i32,
    #[prost(bytes, tag = "5")]
    blob: Vec<u8>,
    #[prost(uint32, repeated, tag = "6")]
    votes: Vec<u32>,
    #[prost(double, tag = "7")]
    weight: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct State {
    #[prost(bytes, tag = "1")]
    value: Vec<u8>,
    #[prost(uint64, tag = "2")]
    time: u64,
}

fn entry() -> Entry {
    let state = Some(State { value: b"v".to_vec(), time: 17 });
    let (delta, mode, blob, votes) = (-2, 1, vec![0, 255], vec![1, 300]);
    Entry { key: "k7".into(), state, delta, mode, blob, votes, weight: 0.5 }
}

fn field(number: i32, name: &str, kind: Type, of: Option<&str>) -> FieldDescriptorProto {
    let mut field = FieldDescriptorProto {
        name: Some(name.into()),
        number: Some(number),
        type_name: of.map(Into::into),
        ..FieldDescriptorProto::default()
    };
    field.set_type(kind);
    field.set_label(Label::Optional);
    field
}

fn message(name: &str, field: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto { name: Some(name.into()), field, ..DescriptorProto::default() }
}

fn schema() -> Schema {
    let entry = message(
        "Entry",
        vec![
            field(1, "key", Type::String, None),
            field(2, "state", Type::Message, Some(".a.Entry.State")),
            field(3, "delta", Type::Sint64, None),
            field(4, "mode", Type::Enum, Some(".a.Mode")),
            field(5, "blob", Type::Bytes, None),
            field(6, "votes", Type::Uint32, None),
            field(7, "weight", Type::Double, None),
        ],
    );
    let state = message(
        "State",
        vec![field(1, "value", Type::Bytes, None), field(2, "time", Type::Uint64, None)],
    );
    let sync = EnumValueDescriptorProto {
        name: Some("SYNC".into()),
        number: Some(1),
        ..EnumValueDescriptorProto::default()
    };
    let mode = EnumDescriptorProto {
        name: Some("Mode".into()),
        value: vec![sync],
        ..EnumDescriptorProto::default()
    };
    let method = MethodDescriptorProto {
        name: Some("Put".into()),
        input_type: Some(".a.Entry".into()),
        output_type: Some(".a.Entry.State".into()),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("Store".into()),
        method: vec![method],
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        package: Some("a".into()),
        message_type: vec![DescriptorProto { nested_type: vec![state], ..entry }],
        enum_type: vec![mode],
        service: vec![service],
        ..FileDescriptorProto::default()
    };
    Schema::decode(&FileDescriptorSet { file: vec![file] }.encode_to_vec()).expect("a schema")
}

fn plain(bytes: &[u8]) -> String {
    text(bytes, None, "", Message::Request)
}

#[test]
fn fields_have_numbers_without_descriptors() {
    let expected =
        r#"1: "k7" 2 { 1: "v" 2: 17 } 3: 3 4: 1 5: 0x00ff 6: 0x01ac02 7: 0x3fe0000000000000"#;
    assert_eq!(plain(&entry().encode_to_vec()), expected);
}

#[test]
fn fields_have_names_with_descriptors() {
    let bytes = entry().encode_to_vec();
    let expected = r#"key: "k7" state { value: "v" time: 17 } delta: -2 mode: SYNC blob: 0x00ff votes: [1, 300] weight: 0.5"#;
    assert_eq!(text(&bytes, Some(&schema()), "a.Store.Put", Message::Request), expected);
    let reply = State { value: vec![], time: 3 }.encode_to_vec();
    assert_eq!(text(&reply, Some(&schema()), "a.Store.Put", Message::Reply), "time: 3");
    assert_eq!(text(&reply, Some(&schema()), "a.Store.Other", Message::Reply), "2: 3");
}

#[test]
fn what_is_long_is_cut() {
    let long = State { value: "é".repeat(500).into_bytes(), time: 1 }.encode_to_vec();
    assert_eq!(plain(&long), format!("1: \"{}\"… (1000 bytes) 2: 1", "é".repeat(60)));
    let binary = State { value: vec![0xff; 1000], time: 1 }.encode_to_vec();
    assert_eq!(plain(&binary), format!("1: 0x{}… (1000 bytes) 2: 1", "ff".repeat(30)));
    let many = [0x08, 0x01].repeat(500);
    assert!(plain(&many).ends_with(" 1: 1 …"), "{}", plain(&many));
    assert_eq!(plain(&[0xff; 40]), format!("0x{}… (40 bytes)", "ff".repeat(30)));
}

#[test]
fn a_text_is_a_text_although_it_could_be_a_message() {
    let state = State { value: b" A".to_vec(), time: 0 };
    assert_eq!(plain(&state.encode_to_vec()), r#"1: " A""#);
}

#[test]
fn messages_within_each_other_end_somewhere() {
    let nested = (0..100).fold(vec![0x08, 0x01], |inner, _| {
        let mut outer = vec![0x0a, inner.len() as u8];
        outer.extend(inner);
        if outer.len() < 120 { outer } else { vec![0x08, 0x01] }
    });
    assert!(plain(&nested).contains("{ … }"), "{}", plain(&nested));
}

#[test]
fn a_text_cannot_leave_its_quotes_or_its_line() {
    let text = State { value: b"a\"\n\\".to_vec(), time: 0 }.encode_to_vec();
    assert_eq!(plain(&text), r#"1: "a\"\n\\""#);
}

proptest! {
    #[test]
    fn any_bytes_become_a_short_line(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let schema = schema();
        for known in [None, Some(&schema)] {
            let text = text(&bytes, known, "a.Store.Put", Message::Request);
            prop_assert!(text.chars().count() < 2 * MAX_LETTERS, "{text}");
            prop_assert!(!text.contains(char::is_control), "{text}");
            prop_assert_eq!(text.is_empty(), bytes.is_empty());
        }
    }
}
