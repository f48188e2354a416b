//! CBOR (RFC 8949) in the form that authenticators write, "CTAP2 canonical CBOR" (CTAP 2.2 §8): definite lengths, no tags, no
//! floats, four levels at most.

/// Levels of nesting, the outermost counted.
const DEEPEST: u8 = 4;

/// One value. Integers beyond 64 bits of sign and size do not occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Bool(bool),
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CborError {
    #[error("the CBOR ends too early")]
    Short,
    #[error("the CBOR holds what authenticators do not write")]
    Strange,
    #[error("the CBOR is nested too deeply")]
    Deep,
}

impl Value {
    /// The value that `bytes` begin with, and what comes after it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Value, &[u8]), CborError> {
        read(bytes, DEEPEST)
    }

    /// The entry of a map.
    pub(super) fn get(&self, key: &Value) -> Option<&Value> {
        match self {
            Value::Map(entries) => entries.iter().find(|(known, _)| known == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The entry of a map whose keys are integers, as COSE has them.
    pub(super) fn at(&self, key: i64) -> Option<&Value> {
        self.get(&Value::Integer(key))
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

fn read(bytes: &[u8], depth: u8) -> Result<(Value, &[u8]), CborError> {
    let depth = depth.checked_sub(1).ok_or(CborError::Deep)?;
    let (&first, rest) = bytes.split_first().ok_or(CborError::Short)?;
    let (major, info) = (first >> 5, first & 0x1f);
    if major == 7 {
        let value = match info {
            20 => Value::Bool(false),
            21 => Value::Bool(true),
            22 => Value::Null,
            _ => return Err(CborError::Strange),
        };
        return Ok((value, rest));
    }
    let (argument, rest) = argument(info, rest)?;
    match major {
        0 => Ok((Value::Integer(i64::try_from(argument).map_err(|_| CborError::Strange)?), rest)),
        1 => Ok((Value::Integer(-1 - i64::try_from(argument).map_err(|_| CborError::Strange)?), rest)),
        2 => take(rest, argument).map(|(bytes, rest)| (Value::Bytes(bytes.to_vec()), rest)),
        3 => {
            let (bytes, rest) = take(rest, argument)?;
            let text = String::from_utf8(bytes.to_vec()).map_err(|_| CborError::Strange)?;
            Ok((Value::Text(text), rest))
        }
        4 => {
            let (mut items, mut rest) = (Vec::new(), rest);
            // Every item takes a byte at least, so a length that lies ends here and not in memory.
            for _ in 0..argument {
                let (item, after) = read(rest, depth)?;
                items.push(item);
                rest = after;
            }
            Ok((Value::Array(items), rest))
        }
        5 => {
            let (mut entries, mut rest) = (Vec::new(), rest);
            for _ in 0..argument {
                let (key, after) = read(rest, depth)?;
                let (value, after) = read(after, depth)?;
                if entries.iter().any(|(known, _)| *known == key) {
                    return Err(CborError::Strange);
                }
                entries.push((key, value));
                rest = after;
            }
            Ok((Value::Map(entries), rest))
        }
        _ => Err(CborError::Strange),
    }
}

/// The number that goes with a head (RFC 8949 §3); indefinite lengths are refused.
fn argument(info: u8, rest: &[u8]) -> Result<(u64, &[u8]), CborError> {
    let length = match info {
        0..=23 => return Ok((u64::from(info), rest)),
        24..=27 => 1_u64 << (info - 24),
        _ => return Err(CborError::Strange),
    };
    let (bytes, rest) = take(rest, length)?;
    Ok((bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), rest))
}

fn take(bytes: &[u8], length: u64) -> Result<(&[u8], &[u8]), CborError> {
    let length = usize::try_from(length).map_err(|_| CborError::Short)?;
    bytes.split_at_checked(length).ok_or(CborError::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(bytes: &[u8]) -> Result<Value, CborError> {
        Value::read(bytes).map(|(value, _)| value)
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        // RFC 8949, appendix A.
        assert_eq!(value(b"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"), Ok(Value::Integer(1_000_000_000_000)));
        assert_eq!(value(b"\x39\x03\xe7"), Ok(Value::Integer(-1000)));
        assert_eq!(value(b"\x44\x01\x02\x03\x04"), Ok(Value::Bytes(vec![1, 2, 3, 4])));
        assert_eq!(value(b"\x62\xc3\xbc"), Ok(Value::Text("ü".to_owned())));
        assert_eq!(value(b"\x83\x01\x02\x03"), Ok(Value::Array(vec![Value::Integer(1), Value::Integer(2), Value::Integer(3)])));
        let map = value(b"\xa2\x61a\x01\x61b\x82\x02\xf4").expect("a map");
        assert_eq!(map.get(&Value::Text("b".to_owned())), Some(&Value::Array(vec![Value::Integer(2), Value::Bool(false)])));
        assert_eq!(Value::read(b"\x01\xff").expect("a number").1, b"\xff");
    }

    #[test]
    fn what_authenticators_do_not_write_is_refused() {
        assert_eq!(value(b""), Err(CborError::Short));
        assert_eq!(value(b"\x5a\xff\xff\xff\xff"), Err(CborError::Short));
        assert_eq!(value(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Err(CborError::Short));
        assert_eq!(value(b"\x5f\x41\x01\xff"), Err(CborError::Strange), "indefinite length");
        assert_eq!(value(b"\xc0\x61a"), Err(CborError::Strange), "a tag");
        assert_eq!(value(b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a"), Err(CborError::Strange), "a float");
        assert_eq!(value(b"\xa2\x01\x01\x01\x02"), Err(CborError::Strange), "a key twice");
        assert_eq!(value(b"\x81\x81\x81\x81\x01"), Err(CborError::Deep));
        assert_eq!(value(b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), Err(CborError::Strange), "more than 63 bits");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Value::read(&bytes);
        }
    }
}
