//! UUIDs (RFC 9562): the ids of users, sessions, flows and codes.

use crate::topology::provider::fresh;
use sha2::{Digest as _, Sha256};

/// A random one (§5.4).
pub(super) fn random() -> String {
    render(fresh::bytes(), 4)
}

/// The one that belongs to a name (§5.8): stable, and nothing one could take for the name.
pub(super) fn derived(name: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
    render(bytes, 8)
}

/// The bytes of a UUID in its usual form.
pub(super) fn parse(text: &str) -> Option<[u8; 16]> {
    let well_formed = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let number = u128::from_str_radix(&text.replace('-', ""), 16).ok().filter(|_| well_formed)?;
    Some(number.to_be_bytes())
}

/// The usual form of these bytes.
pub(super) fn text(bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn render(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    text(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_survives_the_way_there_and_back() {
        let id = random();
        assert_eq!(parse(&id).map(text), Some(id.clone()));
        assert_eq!((&id[14..15], derived("ada@x.test").len()), ("4", 36));
        assert_eq!(derived("ada@x.test"), derived("ada@x.test"));
        assert!(parse("").is_none() && parse(&id[1..]).is_none() && parse(&"é".repeat(18)).is_none());
    }
}
