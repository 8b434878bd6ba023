use prost::{DecodeError, Message};
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use prost_types::FileDescriptorProto;
use prost_types::field_descriptor_proto::{Label, Type};

use super::features::{self, Features, Unsupported};
use super::presence::Oneofs;
use crate::error::Problem;
use crate::proto::position::{Includes, nearest};

/// Makes proto3 of the encoded descriptor of a file that is written in an edition. What it can't
/// express is added to `problems`.
///
/// Decoded as a [`DynamicMessage`], because `prost_types` drops custom options.
pub(super) fn to_proto3(
    encoded: &[u8],
    includes: &Includes,
    problems: &mut Vec<Problem>,
) -> Result<Vec<u8>, DecodeError> {
    let typed = FileDescriptorProto::decode(encoded)?;
    let mut file = DynamicMessage::decode(typed.descriptor(), encoded)?;
    let mut lowering = Lowering { path: Vec::new(), refusals: Vec::new() };
    lowering.file(&mut file);
    // prost has types of its own for these.
    if !typed.name().starts_with("google/protobuf/") {
        problems.extend(lowering.problems(&typed, includes));
    }
    Ok(file.encode_to_vec())
}

struct Lowering {
    /// Of the element that is visited, as `SourceCodeInfo` counts.
    path: Vec<i32>,
    /// By the paths of the options that are refused.
    refusals: Vec<(Vec<i32>, &'static Unsupported)>,
}

impl Lowering {
    fn file(&mut self, file: &mut DynamicMessage) {
        file.set_field_by_name("syntax", Value::String("proto3".to_owned()));
        file.clear_field_by_name("edition");
        let features = self.features(file, Features::default());
        self.each(file, "message_type", |this, message| this.message(message, features));
        self.each(file, "enum_type", |this, r#enum| {
            this.features(r#enum, features);
        });
    }

    fn message(&mut self, message: &mut DynamicMessage, outer: Features) {
        let features = self.features(message, outer);
        self.each(message, "nested_type", |this, nested| this.message(nested, features));
        self.each(message, "enum_type", |this, r#enum| {
            this.features(r#enum, features);
        });
        if is_map_entry(message) {
            return;
        }
        let mut oneofs = Oneofs::of(message);
        self.each(message, "field", |this, field| {
            let features = this.features(field, features);
            if number(field, "label") == Label::Repeated as i32 {
                pack(field, features.packed);
            } else if features.presence && !field.has_field_by_name("oneof_index") {
                oneofs.add_for(field);
            }
        });
        oneofs.put_into(message);
    }

    /// Takes the features out of an element, and says what holds for it.
    fn features(&mut self, element: &mut DynamicMessage, outer: Features) -> Features {
        let options_number = field_number(element, "options");
        let Some(options) = options(element) else { return outer };
        let features_number = field_number(options, "features");
        let Some(Value::Message(set)) = options.take_field_by_name("features") else {
            return outer;
        };
        for unsupported in features::unsupported(&set) {
            let mut path = self.path.clone();
            path.extend([options_number, features_number, field_number(&set, unsupported.feature)]);
            self.refusals.push((path, unsupported));
        }
        outer.overridden_by(&set)
    }

    /// What was refused, in the order of the file.
    fn problems(self, file: &FileDescriptorProto, includes: &Includes) -> Vec<Problem> {
        let located = self.refusals.iter().map(|(path, refusal)| (nearest(file, path), refusal));
        let mut located: Vec<_> = located.collect();
        located.sort_by_key(|(location, _)| location.map(|location| &location.span));
        let problem = |(location, refusal): (_, &&Unsupported)| Problem {
            place: includes.place_of(file.name(), location),
            message: refusal.message.to_owned(),
            help: Some(refusal.help.to_owned()),
        };
        located.into_iter().map(problem).collect()
    }

    /// Visits the messages that an element holds in one of its fields.
    fn each(
        &mut self,
        element: &mut DynamicMessage,
        field: &str,
        mut visit: impl FnMut(&mut Self, &mut DynamicMessage),
    ) {
        let number = field_number(element, field);
        let values = element.get_field_by_name_mut(field).and_then(Value::as_list_mut);
        for (index, value) in (0..).zip(values.into_iter().flatten()) {
            let Value::Message(inner) = value else { continue };
            self.path.extend([number, index]);
            visit(self, inner);
            self.path.truncate(self.path.len() - 2);
        }
    }
}

/// Says how a repeated field is written, if its type leaves a choice.
fn pack(field: &mut DynamicMessage, packed: bool) {
    let unpackable = [Type::String, Type::Bytes, Type::Message, Type::Group];
    if unpackable.map(|unpackable| unpackable as i32).contains(&number(field, "type")) {
        return;
    }
    if let Some(Value::Message(options)) = field.get_field_by_name_mut("options") {
        options.set_field_by_name("packed", Value::Bool(packed));
    }
}

fn is_map_entry(message: &mut DynamicMessage) -> bool {
    let options = options(message);
    options.is_some_and(|options| {
        options.get_field_by_name("map_entry").is_some_and(|value| value.as_bool() == Some(true))
    })
}

fn options(element: &mut DynamicMessage) -> Option<&mut DynamicMessage> {
    if !element.has_field_by_name("options") {
        return None;
    }
    element.get_field_by_name_mut("options")?.as_message_mut()
}

/// The number of the value of an enum field.
pub(super) fn number(element: &DynamicMessage, field: &str) -> i32 {
    element.get_field_by_name(field).and_then(|value| value.as_enum_number()).unwrap_or_default()
}

fn field_number(element: &DynamicMessage, field: &str) -> i32 {
    let field = element.descriptor().get_field_by_name(field);
    field.and_then(|field| i32::try_from(field.number()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use protox::file::{File, FileResolver};

    use super::*;

    struct Text(String);

    impl FileResolver for Text {
        fn open_file(&self, name: &str) -> Result<File, protox::Error> {
            File::from_source(name, &self.0)
        }
    }

    /// The encoded descriptor of a file.
    fn encoded(text: &str) -> Vec<u8> {
        let text = Text(format!("syntax = \"proto3\"; package test; {text}"));
        let mut compiler = protox::Compiler::with_file_resolver(text);
        compiler.open_file("test.proto").unwrap();
        compiler.descriptor_pool().files().next().unwrap().encode_to_vec()
    }

    fn decoded(encoded: &[u8]) -> FileDescriptorProto {
        let mut file = FileDescriptorProto::decode(encoded).unwrap();
        file.source_code_info = None;
        file
    }

    /// prost looks at little of this, others may look at all.
    #[test]
    fn the_descriptor_is_that_of_proto3() {
        let mut problems = Vec::new();
        let edition = encoded(
            "message M {
               int32 a = 1; oneof b { int32 c = 2; string d = 3; } M e = 4; E f = 5;
               map<string, bytes> g = 6; repeated M h = 7;
               message N { string _i = 1; }
             }
             enum E { ZERO = 0; }",
        );
        let lowered = to_proto3(&edition, &Includes(Vec::new()), &mut problems).unwrap();
        let proto3 = encoded(
            "message M {
               optional int32 a = 1; oneof b { int32 c = 2; string d = 3; } M e = 4;
               optional E f = 5; map<string, bytes> g = 6; repeated M h = 7;
               message N { optional string _i = 1; }
             }
             enum E { ZERO = 0; }",
        );
        assert_eq!(decoded(&lowered), decoded(&proto3));
        assert_eq!(problems, []);
    }

    #[test]
    fn a_oneof_is_named_like_nothing_else() {
        let edition = encoded("message M { int32 a = 1; message _a {} enum X_a { ZERO = 0; } }");
        let lowered = to_proto3(&edition, &Includes(Vec::new()), &mut Vec::new()).unwrap();
        assert_eq!(decoded(&lowered).message_type[0].oneof_decl[0].name(), "XX_a");
    }
}
