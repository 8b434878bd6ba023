use prost_reflect::{DynamicMessage, Kind, ReflectMessage, Value};
use prost_types::field_descriptor_proto::Type;

use super::descriptor::number;

/// The oneofs of a message, to which fields with presence add one each: that is how proto3 says
/// `optional`.
pub(super) struct Oneofs {
    /// Those that are declared, of which the index of the next one follows.
    declared: usize,
    added: Vec<String>,
    /// Names that stand in the message already.
    taken: Vec<String>,
}

impl Oneofs {
    pub(super) fn of(message: &DynamicMessage) -> Self {
        let names = |field| names(message, field);
        let taken = ["field", "oneof_decl", "nested_type", "enum_type", "extension"];
        Self {
            declared: names("oneof_decl").len(),
            added: Vec::new(),
            taken: taken.into_iter().flat_map(names).collect(),
        }
    }

    /// Gives a field presence, unless it has that by its type.
    pub(super) fn add_for(&mut self, field: &mut DynamicMessage) {
        let r#type = number(field, "type");
        if r#type == Type::Message as i32 || r#type == Type::Group as i32 {
            return;
        }
        let index = i32::try_from(self.declared + self.added.len()).unwrap_or(i32::MAX);
        field.set_field_by_name("proto3_optional", Value::Bool(true));
        field.set_field_by_name("oneof_index", Value::I32(index));
        // As `protoc` names it.
        let mut name = name(field);
        if !name.starts_with('_') {
            name.insert(0, '_');
        }
        while self.taken.contains(&name) {
            name.insert(0, 'X');
        }
        self.taken.push(name.clone());
        self.added.push(name);
    }

    pub(super) fn put_into(self, message: &mut DynamicMessage) {
        let Some(declared) = message.descriptor().get_field_by_name("oneof_decl") else { return };
        let Kind::Message(oneof) = declared.kind() else { return };
        let added = self.added.into_iter().map(|name| {
            let mut oneof = DynamicMessage::new(oneof.clone());
            oneof.set_field_by_name("name", Value::String(name));
            Value::Message(oneof)
        });
        if let Value::List(oneofs) = message.get_field_mut(&declared) {
            oneofs.extend(added);
        }
    }
}

fn names(message: &DynamicMessage, field: &str) -> Vec<String> {
    let values = message.get_field_by_name(field);
    let values = values.as_ref().and_then(|values| values.as_list()).unwrap_or_default();
    values.iter().filter_map(Value::as_message).map(name).collect()
}

fn name(element: &DynamicMessage) -> String {
    let name = element.get_field_by_name("name");
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
