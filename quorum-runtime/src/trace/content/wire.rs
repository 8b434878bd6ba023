use std::ops::ControlFlow;

/// The most fields that are looked at to find out whether bytes are a message.
const MAX_CHECKED: usize = 1000;

/// A field of an encoded message, with no meaning but its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
}

/// What a field holds, as far as the bytes tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// The fields in a message, in order. The last is an `Err` where the bytes are no message.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

/// These bytes are no field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Malformed;

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number))?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(*self.bytes(8)?.first_chunk()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(*self.bytes(4)?.first_chunk()?)),
            // Groups are those of proto2, and nobody's any more.
            _ => return None,
        };
        Some(Field { number, value })
    }

    /// The next number of a list that is packed.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let step = |value, (place, byte): (u32, &u8)| {
            let part = u64::from(byte & 0x7f);
            let value = value | part.checked_shl(7 * place).unwrap_or(0);
            if byte & 0x80 == 0 {
                ControlFlow::Break((place as usize + 1, value))
            } else {
                ControlFlow::Continue(value)
            }
        };
        let ControlFlow::Break((length, value)) = (0..10).zip(self.0).try_fold(0, step) else {
            return None;
        };
        self.0 = &self.0[length..];
        Some(value)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Whether these bytes can be a message; not what is in its fields.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    !bytes.is_empty() && Fields(bytes).take(MAX_CHECKED).all(|field| field.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_message() {
        let bytes =
            [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let fields: Result<Vec<_>, _> = Fields(&bytes).collect();
        let values =
            [Value::Varint(150), Value::Bytes(b"hi"), Value::Fixed32(1), Value::Fixed64(2)];
        let numbered = (1..).zip(values).map(|(number, value)| Field { number, value });
        assert_eq!(fields, Ok(numbered.collect()));
    }

    #[test]
    fn what_is_cut_off_is_malformed_once() {
        for bytes in [&[0x08][..], &[0x08, 0x80], &[0x12, 3, b'h'], &[0x1d, 1], &[0x0b], &[0x00, 1]]
        {
            assert_eq!(Fields(bytes).collect::<Vec<_>>(), [Err(Malformed)], "{bytes:?}");
        }
    }
}
