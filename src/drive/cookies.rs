//! Between a jar and the record: what was sent, withheld and set, in the words of `trace`; and a test's hands on a jar.

use super::error::StepError;
use super::recorder::Recorder;
use crate::plan::{CookieChange, CookiesPlan};
use crate::trace::{CookieSent, CookieSet, CookieWithheld, JarCookie, Reason, SetVerdict};
use crate::web::cookie::{
    CookieKey, CookieRecord, Initiator, Jar, ParsedCookie, SameSite, SendContext, SetBlock, SetWarning, StoreContext, StoreOutcome,
    StoreVerdict, Withheld,
};
use bytes::Bytes;
use time::OffsetDateTime;
use url::Url;

/// The cookies of a Cookie header that a jar made, as parts of it: `sent` in the header's order (RFC 6265bis §5.8.3).
pub(crate) fn sent(header: &Bytes, cookies: &[CookieRecord]) -> Vec<CookieSent> {
    let mut at = 0;
    let mut part = |length: usize, separator: usize| {
        let end = header.len().min(at + length);
        let part = header.slice(at.min(end)..end);
        at = end + separator;
        part
    };
    let one = |cookie: &CookieRecord| {
        let name = &cookie.key.name;
        let name = part(name.len(), usize::from(!name.is_empty()));
        CookieSent { name, value: part(cookie.value.len(), "; ".len()) }
    };
    cookies.iter().map(one).collect()
}

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

/// The whole jar, without what has expired.
pub(crate) fn snapshot(jar: &Jar, now: OffsetDateTime) -> Vec<JarCookie> {
    jar.iter()
        .filter(|cookie| !cookie.is_expired(now))
        .map(|cookie| JarCookie {
            name: bytes(cookie.key.name.as_bytes()),
            value: bytes(cookie.value.as_bytes()),
            domain: cookie.key.domain.clone(),
            host_only: cookie.key.host_only,
            path: text(cookie.key.path.as_bytes()),
            secure: cookie.secure,
            http_only: cookie.http_only,
            same_site: (cookie.same_site != SameSite::Unspecified).then(|| cookie.same_site.as_str()),
            expires: cookie.expires,
            partition: cookie.key.partition.as_ref().map(ToString::to_string),
        })
        .collect()
}

/// Changes a jar as a scenario asks.
pub(crate) fn edit(jar: &mut Jar, plan: &CookiesPlan, recorder: &Recorder) -> Result<(), StepError> {
    let url = super::http::parse_url(&recorder.render(&plan.at)?)?;
    let now = recorder.clock().now();
    for edit in &plan.changes {
        apply(jar, &url, &edit.change, recorder, now)?;
    }
    Ok(())
}

fn apply(jar: &mut Jar, url: &Url, change: &CookieChange, recorder: &Recorder, now: OffsetDateTime) -> Result<(), StepError> {
    match change {
        CookieChange::Set(line) => {
            let line = recorder.render(line)?;
            let verdict = jar.store(&StoreContext::navigation(url.clone()), line.as_bytes(), now);
            match verdict.reasons() {
                [] => Ok(()),
                reasons => {
                    let why: Vec<_> = reasons.iter().map(|block| format!("{} ({block})", block.explain())).collect();
                    let name = text(verdict.cookie.name().as_bytes());
                    Err(StepError::Cookies(format!("the jar refuses cookie `{name}` of `{}`: {}", shown(url), why.join("; "))))
                }
            }
        }
        CookieChange::Value(name, value) => {
            let value = recorder.render(value)?;
            let key = find(jar, url, name)?.key;
            jar.set_value(&key, value.as_bytes()).map(drop).map_err(|error| StepError::Cookies(error.to_string()))
        }
        CookieChange::Rename(from, to) => {
            let mut cookie = find(jar, url, from)?;
            let old = cookie.key.clone();
            cookie.key.name = to.as_str().into();
            jar.insert(cookie).map_err(|error| StepError::Cookies(error.to_string()))?;
            jar.remove(&old);
            Ok(())
        }
        CookieChange::Delete(name) => {
            let key = find(jar, url, name)?.key;
            jar.remove(&key);
            Ok(())
        }
        CookieChange::Clear => {
            let context = SendContext::navigation(url.clone(), http::Method::GET, Initiator::UserAgent);
            for cookie in jar.cookies_for(&context, now).sent {
                jar.remove(&cookie.key);
            }
            Ok(())
        }
    }
}

fn find(jar: &Jar, url: &Url, name: &str) -> Result<CookieRecord, StepError> {
    jar.get(url, name).cloned().ok_or_else(|| {
        let host = url.host_str().unwrap_or_default();
        let there: Vec<_> = jar.for_host(host).map(|cookie| cookie.key.to_string()).collect();
        let there = if there.is_empty() { "no cookie for that host".to_owned() } else { there.join("; ") };
        StepError::Cookies(format!("the jar has no cookie `{name}` for `{}`; it has {there}", shown(url)))
    })
}

fn shown(url: &Url) -> String {
    super::http::shown(url)
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

    #[test]
    fn the_jars_header_is_taken_apart_as_it_was_put_together() {
        let url = Url::parse("https://app.test/").unwrap();
        let now = crate::base::clock::wall();
        let mut jar = Jar::default();
        for line in [&b"a=1"[..], b"=x=y", b"empty=", b"c=caf\xe9"] {
            assert!(jar.store(&StoreContext::navigation(url.clone()), line, now).is_stored());
        }
        let decision = jar.cookies_for(&SendContext::navigation(url, http::Method::GET, Initiator::UserAgent), now);
        let sent = sent(&decision.header.unwrap().into(), &decision.sent);
        let pairs: Vec<_> = sent.iter().map(|cookie| (&*cookie.name, &*cookie.value)).collect();
        assert_eq!(pairs, [(&b"a"[..], &b"1"[..]), (b"", b"x=y"), (b"empty", b""), (b"c", b"caf\xe9")]);
    }
}
