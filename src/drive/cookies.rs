//! Between a jar and the record: what was sent, withheld and set, in the words of `trace`; and a test's hands on a jar.

use super::error::StepError;
use super::recorder::Recorder;
use crate::plan::{CookieChange, CookiesPlan};
use crate::trace::{CookieSent, JarCookie};
pub(crate) use crate::trace::{sent_in, set, unseen, withheld};
use crate::web::cookie::{CookieRecord, Initiator, Jar, SameSite, SendContext, StoreContext};
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
