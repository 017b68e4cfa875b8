//! The part of protobuf that Substrate's request protocols use: varints, byte strings and nested messages.
//!
//! Terms: a *message* is a sequence of fields; a *field* is a number with a value. Zero and the empty string are the
//! default values, which writers leave out.
//!
//! Rules
//! - R1 Reading borrows: no length off the wire is ever allocated.
//! - R2 Unknown fields are skipped, so that newer peers are understood; a message of more than [`MAX_FIELDS`] fields is
//!   refused.
//! - R3 Of a field that stands twice the last one counts, unless it is a list: the caller decides.
//!
//! Out of scope: groups (deprecated), packed lists, text.

/// Most fields in one message: an answer of `state/2` has one for each pair.
pub const MAX_FIELDS: usize = 131_072;

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// The bytes end inside a field.
    #[error("the message ends inside a field")]
    Short,
    /// A varint of more than 64 bits.
    #[error("a varint has more than 64 bits")]
    Varint,
    /// A field without number, or of a kind that nothing uses.
    #[error("field key {key} is unknown")]
    Key {
        /// Number and kind as they stand on the wire.
        key: u64,
    },
    /// More than [`MAX_FIELDS`].
    #[error("more than {MAX_FIELDS} fields")]
    TooMany,
    /// The field has another type than its number says.
    #[error("field {number} has the wrong type")]
    Type {
        /// Its number.
        number: u64,
    },
    /// The field must be there.
    #[error("field {number} is missing")]
    Missing {
        /// Its number.
        number: u64,
    },
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Numbers and booleans.
    Varint(u64),
    /// Byte strings, text, nested messages.
    Bytes(&'a [u8]),
    /// Four or eight bytes, which nothing here uses.
    Fixed(&'a [u8]),
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u64,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> Field<'a> {
    /// The bytes of the field.
    ///
    /// # Errors
    /// When it is a number.
    pub fn bytes(&self) -> Result<&'a [u8], ProtobufError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(ProtobufError::Type { number: self.number }),
        }
    }

    /// The number in the field.
    ///
    /// # Errors
    /// When it is a byte string.
    pub fn varint(&self) -> Result<u64, ProtobufError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(ProtobufError::Type { number: self.number }),
        }
    }
}

/// The fields of a message in order.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    left: usize,
}

/// Reads the fields of a message.
#[must_use]
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message, left: MAX_FIELDS }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Result<Field<'a>, ProtobufError> {
        self.left = self.left.checked_sub(1).ok_or(ProtobufError::TooMany)?;
        let key = self.varint()?;
        let number = key >> 3;
        if number == 0 {
            return Err(ProtobufError::Key { key });
        }
        let value = match key & 0b111 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed(self.take(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Short)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed(self.take(4)?),
            _ => return Err(ProtobufError::Key { key }),
        };
        Ok(Field { number, value })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ProtobufError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ProtobufError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(ProtobufError::Short)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return Err(ProtobufError::Varint);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Varint)
    }
}

/// Appends a number; also zero, so that it can stand for the presence of a choice.
pub fn put_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    push_varint(out, number << 3);
    push_varint(out, value);
}

/// Appends a byte string; also an empty one.
pub fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    push_varint(out, number << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_known_message() {
        // Field 1 = 150, field 2 = "testing", as protobuf's own documentation shows them.
        let bytes = [0x08, 0x96, 0x01, 0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g'];
        let read: Vec<_> = fields(&bytes).collect::<Result<_, _>>().expect("a message");
        assert_eq!(read[0], Field { number: 1, value: Value::Varint(150) });
        assert_eq!(read[1].bytes(), Ok(&b"testing"[..]));
        assert_eq!(read[1].varint(), Err(ProtobufError::Type { number: 2 }));
        let mut written = Vec::new();
        put_varint(&mut written, 1, 150);
        put_bytes(&mut written, 2, b"testing");
        assert_eq!(written, bytes);
    }

    #[test]
    fn r1_what_is_cut_short_or_too_long_is_refused() {
        fn all(bytes: &[u8]) -> Result<Vec<Field<'_>>, ProtobufError> {
            fields(bytes).collect()
        }
        assert_eq!(all(&[0x08]), Err(ProtobufError::Short));
        assert_eq!(all(&[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(ProtobufError::Short));
        assert_eq!(all(&[[0x08].as_slice(), &[0xff; 10]].concat()), Err(ProtobufError::Varint));
        let most = [[0x08].as_slice(), &[0xff; 9], &[0x01]].concat();
        assert_eq!(all(&most).map(|fields| fields[0].value), Ok(Value::Varint(u64::MAX)));
        assert_eq!(all(&[[0x08].as_slice(), &[0xff; 9], &[0x02]].concat()), Err(ProtobufError::Varint));
        assert_eq!(all(&[0x02, 0x00]), Err(ProtobufError::Key { key: 2 }));
        assert_eq!(all(&[0x0b]), Err(ProtobufError::Key { key: 0x0b }));
    }

    #[test]
    fn r2_the_number_of_fields_is_bounded() {
        let bytes = [0x08, 0x00].repeat(MAX_FIELDS);
        assert_eq!(fields(&bytes).filter(Result::is_ok).count(), MAX_FIELDS);
        let more = [0x08, 0x00].repeat(MAX_FIELDS + 1);
        assert_eq!(fields(&more).last(), Some(Err(ProtobufError::TooMany)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(list in prop::collection::vec(
            (1u64..1 << 29, prop_oneof![any::<u64>().prop_map(Ok), any::<Vec<u8>>().prop_map(Err)]), 0..9)
        ) {
            let mut bytes = Vec::new();
            for (number, value) in &list {
                match value {
                    Ok(value) => put_varint(&mut bytes, *number, *value),
                    Err(value) => put_bytes(&mut bytes, *number, value),
                }
            }
            let read: Vec<_> = fields(&bytes).collect::<Result<_, _>>().expect("a message");
            prop_assert_eq!(read.len(), list.len());
            for (field, (number, value)) in read.iter().zip(&list) {
                prop_assert_eq!(field.number, *number);
                let expected = value.as_ref().map_or_else(|bytes| Value::Bytes(bytes), |value| Value::Varint(*value));
                prop_assert_eq!(field.value, expected);
            }
        }

        #[test]
        fn r1_any_bytes_end(bytes: Vec<u8>) {
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
