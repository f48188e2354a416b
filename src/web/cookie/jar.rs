//! The cookies of one user agent, and a test's hands on them.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use url::Url;

use super::matching::{domain_match, path_match};
use super::profile::Policy;
use super::record::{CookieKey, CookieRecord};
use super::text::{CookieName, CookieValue, has_control};
use crate::web::site::family;

/// A cookie store. Deciding what goes in is [`store`](Self::store), what goes out [`cookies_for`](Self::cookies_for).
///
/// A clone is a snapshot. Cookies are kept by registrable domain, so that a request looks at those of its own site alone.
/// That is Chromium's layout, and has one consequence: a Domain cookie never crosses a public suffix on its way down, as the
/// letter of §5.8.3 would let one from `amazonaws.com` reach the hosts below `s3.amazonaws.com`.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    pub(super) policy: Policy,
    pub(super) families: BTreeMap<String, Vec<CookieRecord>>,
    next_order: u64,
}

/// Why a hand-made cookie cannot be planted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCookie {
    /// It would be an empty pair.
    #[error("a cookie needs a name or a value")]
    Empty,
    /// It would break the Cookie header apart.
    #[error("the cookie {part} holds a control character or `{forbidden}`, which no browser could send")]
    Octets {
        /// Name or value.
        part: &'static str,
        /// What else must not be there.
        forbidden: &'static str,
    },
    /// The jar has no such cookie.
    #[error("the jar holds no cookie {0}")]
    Unknown(Box<CookieKey>),
}

impl Jar {
    /// An empty jar of a user agent with these settings.
    pub fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// The settings.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// How many cookies there are, expired ones included until somebody looks.
    pub fn len(&self) -> usize {
        self.families.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.families.values().all(Vec::is_empty)
    }

    /// All cookies, by registrable domain and then by age.
    pub fn iter(&self) -> impl Iterator<Item = &CookieRecord> {
        self.families.values().flatten()
    }

    /// The cookies whose domain covers a host (canonical, as in [`Url::host_str`]), whatever their path and attributes.
    pub fn for_host<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a CookieRecord> {
        self.family(host).iter().filter(move |cookie| covers_host(&cookie.key, host))
    }

    /// The cookie of this name that covers a URL; of several, the one that the Cookie header would name first.
    /// Attributes and expiry are passed over.
    pub fn get(&self, url: &Url, name: &str) -> Option<&CookieRecord> {
        let host = url.host_str()?;
        let covers =
            |key: &CookieKey| key.name == *name && covers_host(key, host) && path_match(url.path().as_bytes(), key.path.as_bytes());
        self.family(host).iter().filter(|cookie| covers(&cookie.key)).min_by(|a, b| header_order(a, b))
    }

    /// Plants a cookie as it is, past all the rules, and hands back the one of the same key that it replaces.
    ///
    /// # Errors
    /// If the cookie could not stand in a Cookie header.
    pub fn insert(&mut self, cookie: CookieRecord) -> Result<Option<CookieRecord>, InvalidCookie> {
        check_pair(&cookie.key.name, &cookie.value)?;
        let old = self.remove(&cookie.key);
        self.add(cookie, old.as_ref().map(|old| old.order));
        Ok(old)
    }

    /// Takes out the cookie of this key.
    pub fn remove(&mut self, key: &CookieKey) -> Option<CookieRecord> {
        let family = self.families.get_mut(family(&key.domain))?;
        let at = family.iter().position(|cookie| cookie.key == *key)?;
        Some(family.remove(at))
    }

    /// Takes out all cookies that the test picks.
    pub fn remove_matching(&mut self, mut pick: impl FnMut(&CookieRecord) -> bool) -> Vec<CookieRecord> {
        let mut removed = Vec::new();
        self.families.retain(|_, family| {
            removed.extend(family.extract_if(.., |cookie| pick(cookie)));
            !family.is_empty()
        });
        removed
    }

    /// Takes out what has expired.
    pub fn remove_expired(&mut self, now: OffsetDateTime) -> Vec<CookieRecord> {
        self.remove_matching(|cookie| cookie.is_expired(now))
    }

    /// Ends the session: takes out all cookies that do not outlive it (§5.7, last paragraph).
    pub fn end_session(&mut self) -> Vec<CookieRecord> {
        self.remove_matching(|cookie| !cookie.is_persistent())
    }

    /// Changes a stored value in place and nothing else, as a tamperer would, and hands back the old one.
    ///
    /// # Errors
    /// If there is no such cookie, or if the value could not stand in a Cookie header.
    pub fn set_value(&mut self, key: &CookieKey, value: &[u8]) -> Result<CookieValue, InvalidCookie> {
        let value = CookieValue::from(value);
        check_pair(&key.name, &value)?;
        let cookie = self
            .families
            .get_mut(family(&key.domain))
            .and_then(|family| family.iter_mut().find(|cookie| cookie.key == *key))
            .ok_or_else(|| InvalidCookie::Unknown(Box::new(key.clone())))?;
        Ok(std::mem::replace(&mut cookie.value, value))
    }

    /// All cookies that could have to do with a host.
    pub(super) fn family(&self, host: &str) -> &[CookieRecord] {
        self.families.get(family(host)).map_or(&[], Vec::as_slice)
    }

    /// Adds a cookie whose key is free, at the end or at an inherited place in the order of creation.
    pub(super) fn add(&mut self, mut cookie: CookieRecord, inherited: Option<u64>) {
        cookie.order = inherited.unwrap_or(self.next_order);
        self.next_order += 1;
        self.families.entry(family(&cookie.key.domain).to_owned()).or_default().push(cookie);
    }

    /// Drops what has expired among the cookies of a host's registrable domain.
    pub(super) fn drop_expired(&mut self, host: &str, now: OffsetDateTime) {
        if let Some(family) = self.families.get_mut(family(host)) {
            family.retain(|cookie| !cookie.is_expired(now));
        }
    }
}

/// Whether a cookie is for this host (§5.8.3 step 1, first requirement).
pub(super) fn covers_host(key: &CookieKey, host: &str) -> bool {
    if key.host_only { host == key.domain } else { domain_match(host, &key.domain) }
}

/// Longer paths first, then earlier creation (§5.8.3 step 2).
pub(super) fn header_order(a: &CookieRecord, b: &CookieRecord) -> std::cmp::Ordering {
    (b.key.path.len(), a.created, a.order).cmp(&(a.key.path.len(), b.created, b.order))
}

fn check_pair(name: &CookieName, value: &CookieValue) -> Result<(), InvalidCookie> {
    if name.is_empty() && value.is_empty() {
        return Err(InvalidCookie::Empty);
    }
    if has_control(name.as_bytes()) || name.as_bytes().iter().any(|byte| b"=;".contains(byte)) {
        return Err(InvalidCookie::Octets { part: "name", forbidden: "= or ;" });
    }
    if has_control(value.as_bytes()) || value.as_bytes().contains(&b';') {
        return Err(InvalidCookie::Octets { part: "value", forbidden: ";" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    fn cookie(at: &str, name: &str, value: &str) -> CookieRecord {
        CookieRecord::new(&url(at), name, value.as_bytes(), NOW).expect("an http URL")
    }

    #[test]
    fn a_planted_cookie_replaces_its_like_and_keeps_its_place() {
        let mut jar = Jar::default();
        for (name, value) in [("a", "1"), ("b", "1")] {
            assert_eq!(jar.insert(cookie("https://x.test", name, value)), Ok(None));
        }
        let old = jar.insert(cookie("https://x.test", "a", "2")).expect("a clean cookie").expect("replaces");
        assert_eq!(old.value, "1");
        assert_eq!(jar.len(), 2);
        assert!(
            header_order(
                jar.get(&url("https://x.test/p"), "a").expect("planted"),
                jar.get(&url("https://x.test/p"), "b").expect("planted")
            )
            .is_lt()
        );
    }

    #[test]
    fn what_would_break_the_header_is_not_planted() {
        let mut jar = Jar::default();
        for (name, value) in [("", ""), ("a=", "1"), ("a;", "1"), ("a", "1;b=2"), ("a", "1\r\nX: y")] {
            assert!(jar.insert(cookie("https://x.test", name, value)).is_err(), "{name} {value}");
        }
        assert!(jar.is_empty());
    }

    #[test]
    fn a_value_can_be_tampered_with_and_nothing_else_changes() {
        let mut jar = Jar::default();
        let planted = cookie("https://x.test", "sid", "good");
        jar.insert(planted.clone()).expect("a clean cookie");
        assert_eq!(jar.set_value(&planted.key, b"evil").expect("it is there"), "good");
        let found = jar.get(&url("https://x.test/"), "sid").expect("still there");
        assert_eq!(found.value, "evil");
        assert_eq!(found.created, NOW);
        let other = cookie("https://y.test", "sid", "good").key;
        assert_eq!(jar.set_value(&other, b"x"), Err(InvalidCookie::Unknown(Box::new(other.clone()))));
    }

    #[test]
    fn a_snapshot_is_independent() {
        let mut jar = Jar::default();
        jar.insert(cookie("https://x.test", "a", "1")).expect("a clean cookie");
        let snapshot = jar.clone();
        assert_eq!(jar.remove_matching(|cookie| cookie.key.name == "a").len(), 1);
        assert!(jar.is_empty());
        assert_eq!(snapshot.len(), 1);
    }

    #[test]
    fn expiry_and_the_end_of_a_session_take_what_is_theirs() {
        let mut jar = Jar::default();
        let mut lasting = cookie("https://x.test", "lasting", "1");
        lasting.expires = Some(NOW + Duration::hours(1));
        jar.insert(lasting).expect("a clean cookie");
        jar.insert(cookie("https://x.test", "session", "1")).expect("a clean cookie");
        let names = |removed: Vec<CookieRecord>| removed.iter().map(|cookie| cookie.key.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(jar.end_session()), ["session"]);
        assert!(jar.remove_expired(NOW).is_empty());
        assert_eq!(names(jar.remove_expired(NOW + Duration::hours(1))), ["lasting"]);
    }

    #[test]
    fn hosts_see_their_own_and_their_parents_cookies() {
        let mut jar = Jar::default();
        jar.insert(cookie("https://app.x.test", "own", "1")).expect("a clean cookie");
        let mut parent = cookie("https://x.test", "parent", "1");
        parent.key.host_only = false;
        jar.insert(parent).expect("a clean cookie");
        let names = |host| jar.for_host(host).map(|cookie| cookie.key.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names("app.x.test"), ["own", "parent"]);
        assert_eq!(names("api.x.test"), ["parent"]);
        assert!(names("y.test").is_empty());
    }
}
