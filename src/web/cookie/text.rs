//! The parts of a cookie that come from the wire, kept byte for byte. Clones share the octets: a jar hands out its cookies
//! with every request.

use std::fmt;

use bytes::Bytes;

/// Octets that a cookie name, value or path must not hold: control characters, but for the tab (RFC 6265bis §5.6 step 1).
pub(super) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control())
}

macro_rules! octets {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Bytes);

        impl $name {
            /// The octets as they came.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// How many octets there are.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self(Bytes::copy_from_slice(bytes))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::from(text.as_bytes())
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other.as_bytes()
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self == *other
            }
        }
    };
}

octets! {
    /// A cookie's name. Empty for a cookie whose line had no `=` or nothing before it.
    CookieName
}
octets! {
    /// A cookie's path, as the Path attribute spelled it: never decoded, never normalised (RFC 6265bis §5.1.4).
    CookiePath
}
octets! {
    /// A cookie's value. It may be a secret: `Debug` tells its length alone, and there is no `Display`.
    CookieValue
}

/// Shows the octets to a person; what is not UTF-8 becomes the replacement character.
impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Shows the octets to a person; what is not UTF-8 becomes the replacement character.
impl fmt::Display for CookiePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for CookiePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Debug for CookieValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} octets>", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_never_shows_itself() {
        assert_eq!(format!("{:?}", CookieValue::from("hunter2")), "<7 octets>");
    }

    #[test]
    fn a_name_shows_what_it_can() {
        assert_eq!(CookieName::from(&b"caf\xe9"[..]).to_string(), "caf\u{fffd}");
        assert_eq!(format!("{:?}", CookieName::from(&b"caf\xe9"[..])), r#""caf\xe9""#);
    }

    #[test]
    fn tabs_are_no_control_characters_here() {
        assert!(!has_control(b"a\tb\xff"));
        assert!(has_control(b"a\rb") && has_control(b"\x7f") && has_control(b"\0"));
    }
}
