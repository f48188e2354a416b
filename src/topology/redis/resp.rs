//! As much of the Redis serialization protocol as it takes to tell one message from the next, and a command's words.
//!
//! RESP2 and RESP3 as the protocol specification at redis.io has them, and inline commands. Payloads are never decoded.

use std::ops::ControlFlow;

/// Largest message that is passed on, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;
/// Longest line: a length, an error, or a command typed by hand (Redis itself allows 64 KiB).
const LONGEST_LINE: usize = 64 * 1024;

/// Bytes that follow no known protocol, or more of them than are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// How far a message was read. It goes on where it stopped, so that a long one is not read again with every packet.
#[derive(Debug)]
pub(super) struct Scan {
    at: usize,
    /// Values still to come.
    left: u64,
}

impl Scan {
    pub(super) fn new() -> Self {
        Self { at: 0, left: 1 }
    }

    /// The length of the message that `buffer` begins with, once all of it is there.
    pub(super) fn message(&mut self, buffer: &[u8]) -> Result<Option<usize>, Malformed> {
        while self.left > 0 {
            match self.value(buffer)? {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(()) => return Ok(None),
            }
            if self.at > LARGEST {
                return Err(Malformed);
            }
        }
        Ok(Some(self.at))
    }

    fn value(&mut self, buffer: &[u8]) -> Result<ControlFlow<()>, Malformed> {
        let rest = &buffer[self.at.min(buffer.len())..];
        let Some(end) = rest.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n') else {
            return if rest.len() >= LONGEST_LINE { Err(Malformed) } else { Ok(ControlFlow::Break(())) };
        };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let (kind, length) = line.split_first().map_or((0, &line[..0]), |(kind, length)| (*kind, length));
        let after = end + 1;
        match kind {
            b'$' | b'!' | b'=' => {
                let body = match number(length)? {
                    length if length < 0 => 0,
                    length => usize::try_from(length).ok().filter(|length| *length <= LARGEST).ok_or(Malformed)? + 2,
                };
                if rest.len() < after + body {
                    return Ok(ControlFlow::Break(()));
                }
                self.at += after + body;
                self.left -= 1;
            }
            b'*' | b'~' | b'>' | b'%' | b'|' => {
                let members = u64::try_from(number(length)?).unwrap_or(0);
                if members > LARGEST as u64 {
                    return Err(Malformed);
                }
                let pairs = matches!(kind, b'%' | b'|');
                // What an attribute belongs to comes after it, and is part of the message.
                let own = u64::from(kind != b'|');
                self.left = self.left - own + members * if pairs { 2 } else { 1 };
                self.at += after;
            }
            _ => {
                self.at += after;
                self.left -= 1;
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn number(text: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Malformed)
}

/// The words of a command.
pub(super) fn words(message: &[u8]) -> Vec<&[u8]> {
    if message.first() != Some(&b'*') {
        let line = message.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        return line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    }
    let mut words = Vec::new();
    let mut rest = message;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        if let Some(length) = line.strip_prefix(b"$").and_then(|length| number(length).ok()).and_then(|length| usize::try_from(length).ok())
            && let Some(word) = rest.get(..length)
        {
            words.push(word);
            rest = rest.get(length + 2..).unwrap_or_default();
        }
    }
    words
}

/// Whether `text` is like `pattern`, in which `*` stands for anything.
pub(super) fn like(pattern: &str, text: &[u8]) -> bool {
    let mut parts = pattern.as_bytes().split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&[u8]> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = (0..=rest.len().saturating_sub(part.len())).find(|at| rest[*at..].starts_with(part)) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn length(bytes: &[u8]) -> Option<usize> {
        Scan::new().message(bytes).unwrap()
    }

    #[test]
    fn a_message_ends_where_its_last_value_does() {
        for whole in [
            "+OK\r\n",
            "$-1\r\n",
            "$3\r\na\nb\r\n",
            "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
            "%1\r\n+a\r\n:1\r\n",
            "|1\r\n+a\r\n+b\r\n:3\r\n",
            "*0\r\n",
            "PING\r\n",
        ] {
            let mut stream = whole.as_bytes().to_vec();
            stream.extend(b"+next\r\n");
            assert_eq!(length(&stream), Some(whole.len()), "{whole:?}");
            let mut scan = Scan::new();
            let early = (0..whole.len()).find(|end| scan.message(&stream[..*end]).unwrap().is_some());
            assert_eq!(early, None, "{whole:?}");
            assert_eq!(scan.message(&stream), Ok(Some(whole.len())), "{whole:?}");
        }
    }

    #[test]
    fn what_is_too_much_or_no_number_is_refused() {
        assert_eq!(Scan::new().message(b"$99999999999\r\n"), Err(Malformed));
        assert_eq!(Scan::new().message(b"*x\r\n"), Err(Malformed));
        assert_eq!(Scan::new().message(&vec![b'a'; LONGEST_LINE + 1]), Err(Malformed));
    }

    #[test]
    fn words_are_those_of_the_client_byte_for_byte() {
        assert_eq!(words(b"*2\r\n$3\r\nGET\r\n$3\r\n\r\n\xff\r\n"), [&b"GET"[..], b"\r\n\xff"]);
        assert_eq!(words(b"SET  a b\r\n"), [&b"SET"[..], b"a", b"b"]);
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(like("gateway:session:*", b"gateway:session:1") && like("*:1", b"a:1") && like("a*c*e", b"abcde") && like("*", b""));
        assert!(!like("gateway:session:*", b"gateway:session") && !like("a", b"ab") && !like("a*b*b", b"ab"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'2'), Just(b'-'), any::<u8>()], 0..64)) {
            let _ = Scan::new().message(&bytes);
            let _ = words(&bytes);
        }
    }
}
