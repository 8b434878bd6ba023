use std::collections::BTreeMap;

use prost::{DecodeError, Message as _};
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::observe::Message;

/// The names of fields and of values of enums, and what each method takes and gives.
#[derive(Clone, Debug, Default)]
pub(in crate::trace) struct Schema {
    /// By full name, with the dot in front that descriptors have.
    messages: BTreeMap<String, BTreeMap<u32, FieldType>>,
    enums: BTreeMap<String, BTreeMap<i32, String>>,
    /// The types of request and reply, by `package.Service.Method`.
    methods: BTreeMap<String, [String; 2]>,
}

/// What is known of a field.
#[derive(Clone, Debug)]
pub(super) struct FieldType {
    pub(super) name: String,
    pub(super) kind: Type,
    /// Where it is a message or an enum: which.
    pub(super) of: String,
}

/// The message that some bytes are to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageType<'a> {
    schema: &'a Schema,
    fields: &'a BTreeMap<u32, FieldType>,
}

impl Schema {
    pub(in crate::trace) fn decode(descriptors: &[u8]) -> Result<Self, DecodeError> {
        let mut schema = Self::default();
        for file in FileDescriptorSet::decode(descriptors)?.file {
            let package = file.package.filter(|package| !package.is_empty());
            let within = package.as_ref().map_or_else(String::new, |package| format!(".{package}"));
            for message in file.message_type {
                schema.message(&within, message);
            }
            for values in file.enum_type {
                schema.values(&within, values);
            }
            for service in file.service {
                let name = format!("{within}.{}", service.name.unwrap_or_default());
                for method in service.method {
                    let types =
                        [method.input_type, method.output_type].map(Option::unwrap_or_default);
                    let path = format!("{name}.{}", method.name.unwrap_or_default());
                    schema.methods.insert(path.trim_start_matches('.').to_owned(), types);
                }
            }
        }
        Ok(schema)
    }

    /// What a message of this method is, if that is known.
    pub(super) fn content(&self, method: &str, message: Message) -> Option<MessageType<'_>> {
        let [request, reply] = self.methods.get(method)?;
        match message {
            Message::Request => self.message_type(request),
            Message::Reply => self.message_type(reply),
            _ => None,
        }
    }

    fn message_type(&self, name: &str) -> Option<MessageType<'_>> {
        self.messages.get(name).map(|fields| MessageType { schema: self, fields })
    }

    fn message(&mut self, within: &str, message: DescriptorProto) {
        let name = format!("{within}.{}", message.name.unwrap_or_default());
        for nested in message.nested_type {
            self.message(&name, nested);
        }
        for values in message.enum_type {
            self.values(&name, values);
        }
        let fields = message.field.into_iter().filter_map(FieldType::numbered).collect();
        self.messages.insert(name, fields);
    }

    fn values(&mut self, within: &str, values: EnumDescriptorProto) {
        let name = format!("{within}.{}", values.name.unwrap_or_default());
        let values = values.value.into_iter();
        let names = values.map(|value| (value.number.unwrap_or(0), value.name.unwrap_or_default()));
        self.enums.insert(name, names.collect());
    }
}

impl FieldType {
    fn numbered(field: FieldDescriptorProto) -> Option<(u32, Self)> {
        let number = field.number.and_then(|number| u32::try_from(number).ok())?;
        let kind = field.r#type();
        let (name, of) = (field.name.unwrap_or_default(), field.type_name.unwrap_or_default());
        Some((number, Self { name, kind, of }))
    }
}

impl<'a> MessageType<'a> {
    pub(super) fn field(self, number: u32) -> Option<&'a FieldType> {
        self.fields.get(&number)
    }

    /// What a field holds that is a message.
    pub(super) fn within(self, field: &FieldType) -> Option<Self> {
        self.schema.message_type(&field.of)
    }

    /// The name of a value of an enum.
    pub(super) fn value(self, field: &FieldType, value: i32) -> Option<&'a str> {
        self.schema.enums.get(&field.of)?.get(&value).map(String::as_str)
    }
}
