//! What a message contains, in a line that can be read.
//!
//! The form is that of the text format of Protocol Buffers, on one line. Without descriptors, fields
//! have numbers in place of names, and what bytes are is guessed.

mod schema;
mod wire;

use std::fmt::Write;

use prost_types::field_descriptor_proto::Type;

pub(super) use self::schema::Schema;
use self::schema::{FieldType, MessageType};
use self::wire::{Field, Fields, Value, is_message};
use super::escape::push_clean;
use crate::observe::Message;

/// The most letters of one content that are written.
const MAX_LETTERS: usize = 300;

/// The most letters of a text in it, and twice the most bytes of what is none.
const MAX_TEXT: usize = 60;

/// The most numbers of one list.
const MAX_LIST: usize = 20;

/// The most messages that are in each other.
const MAX_DEPTH: usize = 12;

/// Content as text, shortened. Empty where there is none.
pub(super) fn text(
    bytes: &[u8],
    schema: Option<&Schema>,
    method: &str,
    message: Message,
) -> String {
    let known = schema.and_then(|schema| schema.content(method, message));
    let mut text = Text::default();
    if is_message(bytes) {
        text.fields(bytes, known, 0);
    } else if !bytes.is_empty() {
        text.hex(bytes);
    }
    text.0
}

/// What is written so far.
#[derive(Default)]
struct Text(String);

impl Text {
    fn is_full(&self) -> bool {
        self.0.len() >= MAX_LETTERS
    }

    fn push(&mut self, text: impl std::fmt::Display) {
        // To write to a string does not fail.
        let _ = write!(self.0, "{text}");
    }

    fn fields(&mut self, bytes: &[u8], known: Option<MessageType<'_>>, depth: usize) {
        for field in Fields(bytes) {
            let Ok(field) = field else {
                return self.push(" …");
            };
            if !self.0.is_empty() && !self.0.ends_with(' ') {
                self.push(' ');
            }
            if self.is_full() {
                return self.push('…');
            }
            self.field(field, known, depth);
        }
    }

    fn field(&mut self, field: Field<'_>, known: Option<MessageType<'_>>, depth: usize) {
        let Field { number, value } = field;
        let of = known.and_then(|known| Some((known, known.field(number)?)));
        match of {
            Some((_, of)) => push_clean(&mut self.0, &of.name),
            None => self.push(number),
        }
        match (value, of) {
            (Value::Bytes(bytes), Some((known, of))) if of.kind == Type::Message => {
                self.message(bytes, known.within(of), depth);
            }
            (Value::Bytes(bytes), None) if is_nested(bytes) => self.message(bytes, None, depth),
            _ => {
                self.push(": ");
                match of {
                    Some((known, of)) => self.typed(value, known, of),
                    None => self.guessed(value),
                }
            }
        }
    }

    fn message(&mut self, bytes: &[u8], known: Option<MessageType<'_>>, depth: usize) {
        if depth == MAX_DEPTH {
            return self.push(" { … }");
        }
        self.push(" { ");
        self.fields(bytes, known, depth + 1);
        self.push(if bytes.is_empty() { "}" } else { " }" });
    }

    fn guessed(&mut self, value: Value<'_>) {
        match value {
            Value::Varint(value) => self.push(value),
            Value::Fixed64(value) => self.push(format_args!("{value:#x}")),
            Value::Fixed32(value) => self.push(format_args!("{value:#x}")),
            Value::Bytes(bytes) => self.bytes(bytes),
        }
    }

    /// A value whose kind is known; where the bytes are of another, they are right.
    fn typed(&mut self, value: Value<'_>, known: MessageType<'_>, of: &FieldType) {
        match value {
            Value::Varint(value) => self.varint(value, known, of),
            Value::Fixed64(value) => match of.kind {
                Type::Double => self.push(f64::from_bits(value)),
                Type::Sfixed64 => self.push(value.cast_signed()),
                _ => self.push(value),
            },
            Value::Fixed32(value) => match of.kind {
                Type::Float => self.push(f32::from_bits(value)),
                Type::Sfixed32 => self.push(value.cast_signed()),
                _ => self.push(value),
            },
            Value::Bytes(bytes) if matches!(of.kind, Type::String | Type::Bytes) => {
                self.bytes(bytes);
            }
            Value::Bytes(bytes) => self.list(bytes, known, of),
        }
    }

    fn varint(&mut self, value: u64, known: MessageType<'_>, of: &FieldType) {
        match of.kind {
            Type::Bool => self.push(value != 0),
            Type::Int32 | Type::Int64 => self.push(value.cast_signed()),
            Type::Sint32 | Type::Sint64 => {
                self.push((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
            Type::Enum => {
                match i32::try_from(value).ok().and_then(|value| known.value(of, value)) {
                    Some(name) => push_clean(&mut self.0, name),
                    None => self.push(value.cast_signed()),
                }
            }
            _ => self.push(value),
        }
    }

    /// The numbers of a field that may have several, which are packed.
    fn list(&mut self, bytes: &[u8], known: MessageType<'_>, of: &FieldType) {
        let mut rest = Fields(bytes);
        self.push('[');
        for place in 0.. {
            if rest.0.is_empty() {
                break;
            }
            self.push(if place == 0 { "" } else { ", " });
            let value = match of.kind {
                _ if place == MAX_LIST => None,
                Type::Double | Type::Fixed64 | Type::Sfixed64 => {
                    let bytes = rest.bytes(8).and_then(|bytes| bytes.first_chunk());
                    bytes.map(|bytes| Value::Fixed64(u64::from_le_bytes(*bytes)))
                }
                Type::Float | Type::Fixed32 | Type::Sfixed32 => {
                    let bytes = rest.bytes(4).and_then(|bytes| bytes.first_chunk());
                    bytes.map(|bytes| Value::Fixed32(u32::from_le_bytes(*bytes)))
                }
                _ => rest.varint().map(Value::Varint),
            };
            let Some(value) = value else {
                self.push('…');
                break;
            };
            self.typed(value, known, of);
        }
        self.push(']');
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match readable(bytes, |letter| !letter.is_control() || "\n\r\t".contains(letter)) {
            Some(text) => self.quoted(text, bytes.len()),
            None => self.hex(bytes),
        }
    }

    fn quoted(&mut self, text: &str, length: usize) {
        self.push('"');
        let end = text.char_indices().nth(MAX_TEXT).map_or(text.len(), |(end, _)| end);
        push_clean(&mut self.0, &text[..end].replace('\\', "\\\\").replace('"', "\\\""));
        self.push('"');
        if end < length {
            self.push(format_args!("… ({length} bytes)"));
        }
    }

    fn hex(&mut self, bytes: &[u8]) {
        self.push("0x");
        for byte in bytes.iter().take(MAX_TEXT / 2) {
            self.push(format_args!("{byte:02x}"));
        }
        if bytes.len() > MAX_TEXT / 2 {
            self.push(format_args!("… ({} bytes)", bytes.len()));
        }
    }
}

/// Whether bytes of which nothing is known are a message more likely than a text. The first byte of
/// most messages is none of a text.
fn is_nested(bytes: &[u8]) -> bool {
    is_message(bytes) && readable(bytes, |letter| !letter.is_control()).is_none()
}

/// The beginning of a text that has these letters alone.
fn readable(bytes: &[u8], is_allowed: impl Fn(char) -> bool) -> Option<&str> {
    /// At least as many letters as are written, and not the bytes of a whole file.
    const LOOKED_AT: usize = 4 * MAX_TEXT + 4;
    let looked_at = &bytes[..bytes.len().min(LOOKED_AT)];
    let text = match std::str::from_utf8(looked_at) {
        Ok(text) => text,
        // The last letter is cut in two.
        Err(error) if error.error_len().is_none() && bytes.len() > LOOKED_AT => {
            std::str::from_utf8(&looked_at[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    text.chars().all(is_allowed).then_some(text)
}

#[cfg(test)]
mod tests;
