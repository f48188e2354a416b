//! What a jar decided, in the words of a chain.

use super::cookie::{CookieSent, CookieSet, CookieWithheld, Reason, SetVerdict};
use crate::web::cookie::{CookieKey, ParsedCookie, SetBlock, SetWarning, StoreOutcome, StoreVerdict, Withheld};
use bytes::Bytes;

/// The pairs of a Cookie header that no jar made (RFC 6265bis §4.2.1).
pub(crate) fn sent_in(header: &[u8]) -> Vec<CookieSent> {
    header
        .split(|&byte| byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|&byte| byte == b'=') {
            Some(at) => CookieSent { name: bytes(&pair[..at]), value: bytes(&pair[at + 1..]) },
            None => CookieSent { name: Bytes::new(), value: bytes(pair) },
        })
        .collect()
}

/// A cookie that stayed behind.
pub(crate) fn withheld(withheld: &Withheld) -> CookieWithheld {
    let key = &withheld.cookie.key;
    CookieWithheld {
        name: bytes(key.name.as_bytes()),
        domain: if key.host_only { key.domain.clone() } else { format!(".{}", key.domain) },
        path: text(key.path.as_bytes()),
        reasons: withheld.reasons.iter().map(|block| reason(block.as_str(), block.explain())).collect(),
    }
}

/// A Set-Cookie line and the jar's verdict on it.
pub(crate) fn set(verdict: &StoreVerdict) -> CookieSet {
    let outcome = match &verdict.outcome {
        StoreOutcome::Stored { replaced: false } => SetVerdict::Stored,
        StoreOutcome::Stored { replaced: true } => SetVerdict::Replaced,
        StoreOutcome::Deleted { hit: true, .. } => SetVerdict::Deleted,
        StoreOutcome::Deleted { hit: false, near_misses } => {
            SetVerdict::DeletedNothing(near_misses.iter().map(CookieKey::to_string).collect())
        }
        StoreOutcome::Blocked { reasons } => {
            SetVerdict::Blocked(reasons.iter().map(|block: &SetBlock| reason(block.as_str(), block.explain())).collect())
        }
    };
    let mut warnings: Vec<Reason> = verdict.warnings.iter().map(|warning| reason(warning_code(warning), &warning.to_string())).collect();
    warnings.extend(verdict.evicted.iter().map(|key| reason("Evicted", &format!("there were too many cookies, so {key} had to go"))));
    parsed(&verdict.cookie, outcome, warnings)
}

/// A Set-Cookie line that no jar looked at.
pub(crate) fn unseen(line: &[u8]) -> CookieSet {
    parsed(&ParsedCookie::parse(line), SetVerdict::Unknown, Vec::new())
}

fn parsed(cookie: &ParsedCookie, verdict: SetVerdict, warnings: Vec<Reason>) -> CookieSet {
    let (name, value) = cookie.pair();
    CookieSet {
        raw: bytes(cookie.line()),
        name: bytes(name),
        value: bytes(value),
        attributes: cookie.attributes().map(|attribute| (text(attribute.name), attribute.value.map(text))).collect(),
        verdict,
        warnings,
    }
}

fn reason(code: &str, explanation: &str) -> Reason {
    Reason { code: code.to_owned(), explanation: explanation.to_owned() }
}

/// A word for each warning, in the style of the reasons for blocking.
fn warning_code(warning: &SetWarning) -> &'static str {
    match warning {
        SetWarning::AttributeTooLong { .. } => "AttributeValueExceedsMaxSize",
        SetWarning::ExpiresNotADate => "InvalidExpires",
        SetWarning::MaxAgeNotANumber => "InvalidMaxAge",
        SetWarning::SameSiteUnknown { .. } => "InvalidSameSite",
        SetWarning::LifetimeCapped => "LifetimeCapped",
        SetWarning::DomainIsBare => "DomainIsBare",
        SetWarning::PartitionedUnknown => "PartitionedUnknown",
    }
}

fn bytes(octets: &[u8]) -> Bytes {
    Bytes::copy_from_slice(octets)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_cookie_header_is_taken_apart_byte_for_byte() {
        let pairs = sent_in(b"a=1; b=x=%3D\xff;; bare");
        let pairs: Vec<_> = pairs.iter().map(|cookie| (&*cookie.name, &*cookie.value)).collect();
        assert_eq!(pairs, [(&b"a"[..], &b"1"[..]), (b"b", b"x=%3D\xff"), (b"", b"bare")]);
    }
}
