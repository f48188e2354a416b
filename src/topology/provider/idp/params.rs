//! Parameters as they come from the wire: `application/x-www-form-urlencoded`, in a query or a body.

use percent_encoding::percent_decode;
use std::borrow::Cow;

/// More parameters than any honest request has; the rest of a longer list is not read.
const MOST: usize = 100;

/// Decoded parameters, in order. A parameter without a value counts as absent (RFC 6749 §3.1).
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
    broken: Option<Broken>,
}

/// Why parameters cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// RFC 6749 §3.1: parameters must not be included more than once.
    #[error("parameter {0} is repeated")]
    Repeated(&'static str),
    #[error("a parameter is not valid UTF-8")]
    Encoding,
    #[error("there are more than {MOST} parameters")]
    TooMany,
}

impl Params {
    /// Reads a query or a body.
    pub(super) fn read(encoded: &[u8]) -> Self {
        let mut params = Self::default();
        for pair in encoded.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            if params.pairs.len() == MOST {
                params.broken = Some(Broken::TooMany);
                break;
            }
            let at = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let value = pair.get(at + 1..).unwrap_or_default();
            match (decode(&pair[..at]), decode(value)) {
                (Some(_), Some(value)) if value.is_empty() => {}
                (Some(name), Some(value)) => params.pairs.push((name, value)),
                _ => params.broken = Some(Broken::Encoding),
            }
        }
        params
    }

    /// The value of `name`, or that it is there more than once.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&str>, Broken> {
        let mut values = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() { Err(Broken::Repeated(name)) } else { Ok(value) }
    }

    /// The value of `name` where a repeated one is as good as none.
    pub(super) fn only(&self, name: &'static str) -> Option<&str> {
        self.get(name).ok().flatten()
    }

    /// Whether something was wrong with the list as a whole.
    pub(super) fn whole(&self) -> Result<(), Broken> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// The list in its encoded form.
    pub(super) fn encode(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish()
    }
}

fn decode(encoded: &[u8]) -> Option<String> {
    let spaced: Cow<'_, [u8]> = if encoded.contains(&b'+') {
        encoded.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect::<Vec<_>>().into()
    } else {
        encoded.into()
    };
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_empty_ones_are_absent() {
        let params = Params::read(b"a=1+2%263&b=&c&d=x=y");
        assert_eq!(params.get("a"), Ok(Some("1 2&3")));
        assert_eq!((params.get("b"), params.get("c")), (Ok(None), Ok(None)));
        assert_eq!(params.get("d"), Ok(Some("x=y")));
        assert_eq!(params.encode(), "a=1+2%263&d=x%3Dy");
    }

    #[test]
    fn repeated_undecodable_and_countless_parameters_are_told() {
        assert_eq!(Params::read(b"a=1&a=2").get("a"), Err(Broken::Repeated("a")));
        let params = Params::read(b"a=%ff&b=1");
        assert_eq!((params.whole(), params.get("b")), (Err(Broken::Encoding), Ok(Some("1"))));
        assert_eq!(Params::read("a=1&".repeat(101).as_bytes()).whole(), Err(Broken::TooMany));
    }
}
