//! Receiving a cookie: the storage model, RFC 6265bis §5.7, with a reason for every cookie that is not stored.

use time::{Duration, OffsetDateTime};
use url::Url;

use super::context::StoreContext;
use super::jar::Jar;
use super::matching::{default_path, domain_match, path_match};
use super::parse::ParsedCookie;
use super::profile::{Rules, ThirdPartyCookies};
use super::reason::{SetBlock, SetWarning};
use super::record::{CookieKey, CookieRecord, SameSite};
use super::same_site::{Reaches, is_third_party};
use super::text::CookiePath;
use crate::web::origin::{Scheme, is_loopback};
use crate::web::site::{family, is_address, is_public_suffix};

/// No cookie lives longer (§5.6.1 step 3, §5.6.2 step 4).
const LONGEST_LIFE: Duration = Duration::days(400);

/// What became of one Set-Cookie line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreVerdict {
    /// The line taken apart, whatever became of it.
    pub cookie: ParsedCookie,
    /// The key under which it was stored or deleted; `None` if it was blocked before it had one.
    pub key: Option<CookieKey>,
    /// What became of it.
    pub outcome: StoreOutcome,
    /// What in it went without effect.
    pub warnings: Vec<SetWarning>,
    /// Cookies that had to go because there were too many. The new one may be among them.
    pub evicted: Vec<CookieKey>,
}

/// The verdict itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It is in the jar.
    Stored {
        /// Whether it took the place of a cookie with the same key.
        replaced: bool,
    },
    /// It had expired when it came, as servers do it to delete a cookie.
    Deleted {
        /// Whether there was a cookie with this key.
        hit: bool,
        /// If not, cookies of the same name under other keys, which this line left alone.
        near_misses: Vec<CookieKey>,
    },
    /// It was turned away; at least one reason.
    Blocked {
        /// Why, in the order in which Chromium looks.
        reasons: Vec<SetBlock>,
    },
}

impl StoreVerdict {
    /// Whether the cookie is in the jar now.
    pub const fn is_stored(&self) -> bool {
        matches!(self.outcome, StoreOutcome::Stored { .. })
    }

    /// Why it was blocked; empty if it was not.
    pub fn reasons(&self) -> &[SetBlock] {
        match &self.outcome {
            StoreOutcome::Blocked { reasons } => reasons,
            _ => &[],
        }
    }
}

/// A cookie turned away, with its key if it got so far.
struct Refusal {
    key: Option<CookieKey>,
    reasons: Vec<SetBlock>,
}

impl From<SetBlock> for Refusal {
    fn from(reason: SetBlock) -> Self {
        Self { key: None, reasons: vec![reason] }
    }
}

impl Jar {
    /// Receives one Set-Cookie line, the field's value octet for octet, and stores it, deletes what it deletes, or tells why not.
    ///
    /// Like Chromium, it looks first at what makes a line no cookie at all, then at everything else, so that more than one
    /// reason can come out. A deleting line is subject to the same rules as any other.
    pub fn store(&mut self, cx: &StoreContext, line: &[u8], now: OffsetDateTime) -> StoreVerdict {
        let cookie = ParsedCookie::parse(line);
        let mut warnings = cookie.warnings().to_vec();
        if let Some(host) = cx.url.host_str() {
            self.drop_expired(host, now);
        }
        let (key, outcome, evicted) = match self.admit(cx, &cookie, now, &mut warnings) {
            Ok(record) => {
                let key = record.key.clone();
                let (outcome, evicted) = self.place(record, now);
                (Some(key), outcome, evicted)
            }
            Err(refusal) => (refusal.key, StoreOutcome::Blocked { reasons: refusal.reasons }, Vec::new()),
        };
        StoreVerdict { cookie, key, outcome, warnings, evicted }
    }

    /// Steps 2 to 22: what the cookie would be, or why it may not be.
    #[expect(clippy::result_large_err, reason = "both sides carry a cookie's key, and neither travels further than the caller")]
    fn admit(
        &self,
        cx: &StoreContext,
        cookie: &ParsedCookie,
        now: OffsetDateTime,
        warnings: &mut Vec<SetWarning>,
    ) -> Result<CookieRecord, Refusal> {
        let rules = self.policy.profile.rules();
        if let Some(fault) = cookie.content_fault() {
            return Err(fault.into());
        }
        if !rules.tabs && cookie.has_inner_tab() {
            return Err(SetBlock::DisallowedCharacter.into());
        }
        if !rules.nameless && cookie.pair().0.is_empty() {
            return Err(SetBlock::NoCookieContent.into());
        }
        let (Some(source_scheme), Some(host)) = (Scheme::for_cookies(&cx.url), cx.url.host_str()) else {
            return Err(SetBlock::SchemeNotSupported.into());
        };
        let scope = Scope::of(cookie, host, rules)?;
        if scope.is_bare {
            warnings.push(SetWarning::DomainIsBare);
        }
        let mut record = CookieRecord {
            key: CookieKey {
                name: cookie.name(),
                domain: scope.domain,
                host_only: scope.host_only,
                path: cookie.path().map_or_else(|| CookiePath::from(default_path(cx.url.path())), CookiePath::from),
                partition: None,
            },
            value: cookie.value(),
            created: now,
            last_access: now,
            expires: expiry(cookie, cx, rules, now, warnings),
            secure: cookie.secure(),
            http_only: cookie.http_only(),
            same_site: cookie.same_site(),
            source_scheme,
            source_port: cx.url.port().unwrap_or(source_scheme.default_port()),
            order: 0,
        };
        let mut reasons = Vec::new();
        if !prefix_holds(cookie, &record, cx.is_http_api) {
            reasons.push(SetBlock::InvalidPrefix);
        }
        if cookie.partitioned() && !rules.partitioned {
            warnings.push(SetWarning::PartitionedUnknown);
        } else if cookie.partitioned() {
            record.key.partition = cx.target.top_level_site(&cx.url);
            if !record.secure || record.key.partition.is_none() {
                reasons.push(SetBlock::InvalidPartitioned);
            }
        }
        if reasons.is_empty() {
            reasons = self.objections(cx, &record, rules);
        }
        if reasons.is_empty() { Ok(record) } else { Err(Refusal { key: Some(record.key), reasons }) }
    }

    /// What speaks against a well-formed cookie in these circumstances and beside the cookies that are there.
    fn objections(&self, cx: &StoreContext, record: &CookieRecord, rules: Rules) -> Vec<SetBlock> {
        let secure = is_secure(&cx.url, rules);
        let foreign = self.policy.third_party_cookies == ThirdPartyCookies::Block
            && record.key.partition.is_none()
            && is_third_party(&cx.url, &cx.target, rules);
        if foreign {
            // Chromium asks the settings first, and nothing else after that.
            return vec![SetBlock::UserPreferences];
        }
        let objections = [
            (record.secure && !secure).then_some(SetBlock::SecureOnly),
            (record.http_only && !cx.is_http_api).then_some(SetBlock::HttpOnly),
            Reaches::of_response(cx, rules).refuse(record.same_site, rules),
            (rules.none_requires_secure && record.same_site == SameSite::None && !record.secure).then_some(SetBlock::SameSiteNoneInsecure),
            (!record.secure && !secure && self.covers_secure(record)).then_some(SetBlock::OverwriteSecure),
            (!cx.is_http_api && self.find(&record.key).is_some_and(|old| old.http_only)).then_some(SetBlock::OverwriteHttpOnly),
        ];
        objections.into_iter().flatten().collect()
    }

    /// "Leave secure cookies alone" (step 16): whether the new cookie would lie over a Secure one of its name.
    fn covers_secure(&self, new: &CookieRecord) -> bool {
        self.family(&new.key.domain).iter().any(|old| {
            old.secure
                && old.key.name == new.key.name
                && old.key.partition == new.key.partition
                && (domain_match(&old.key.domain, &new.key.domain) || domain_match(&new.key.domain, &old.key.domain))
                && path_match(new.key.path.as_bytes(), old.key.path.as_bytes())
        })
    }

    fn find(&self, key: &CookieKey) -> Option<&CookieRecord> {
        self.family(&key.domain).iter().find(|cookie| cookie.key == *key)
    }

    /// Steps 23 and 24, and eviction.
    fn place(&mut self, mut record: CookieRecord, now: OffsetDateTime) -> (StoreOutcome, Vec<CookieKey>) {
        let old = self.remove(&record.key);
        if record.is_expired(now) {
            let hit = old.is_some();
            let near_misses = if hit { Vec::new() } else { self.namesakes(&record.key) };
            return (StoreOutcome::Deleted { hit, near_misses }, Vec::new());
        }
        let replaced = old.is_some();
        let inherits = |old: &CookieRecord| self.policy.profile.rules().creation_survives_new_value || old.value == record.value;
        let ancestor = old.filter(inherits);
        if let Some(ancestor) = &ancestor {
            record.created = ancestor.created;
        }
        let (family, partition) = (family(&record.key.domain).to_owned(), record.key.partition.clone());
        self.add(record, ancestor.map(|ancestor| ancestor.order));
        (StoreOutcome::Stored { replaced }, self.evict(&family, partition.as_ref(), now))
    }

    fn namesakes(&self, key: &CookieKey) -> Vec<CookieKey> {
        self.family(&key.domain).iter().filter(|cookie| cookie.key.name == key.name).map(|cookie| cookie.key.clone()).collect()
    }
}

/// Whether the user agent takes a URL's protocol for a secure one; see [`Rules::secure_on_loopback`].
pub(super) fn is_secure(url: &Url, rules: Rules) -> bool {
    Scheme::for_cookies(url) == Some(Scheme::Https) || rules.secure_on_loopback && url.host().is_some_and(|host| is_loopback(&host))
}

/// The hosts that a cookie is for (steps 7 to 10).
struct Scope {
    domain: String,
    host_only: bool,
    /// Whether a Domain attribute was there but could only mean the host itself.
    is_bare: bool,
}

impl Scope {
    fn of(cookie: &ParsedCookie, host: &str, rules: Rules) -> Result<Self, SetBlock> {
        let declared = if rules.empty_domain_resets { cookie.domain() } else { cookie.last_nonempty_domain() };
        let declared = declared.unwrap_or_default();
        let domain = declared.strip_prefix(b".").unwrap_or(declared);
        let host_alone = |is_bare| Ok(Self { domain: host.to_owned(), host_only: true, is_bare });
        if domain.is_empty() {
            return host_alone(false);
        }
        let Some(domain) = std::str::from_utf8(domain).ok().filter(|domain| domain.is_ascii()) else {
            return Err(SetBlock::InvalidDomain);
        };
        if is_address(domain) || is_public_suffix(domain) {
            let dotted = declared.len() > domain.len();
            let same = domain == host && (!dotted || rules.dotted_bare_host);
            return if same { host_alone(true) } else { Err(SetBlock::InvalidDomain) };
        }
        if domain_match(host, domain) && family(host) == family(domain) {
            Ok(Self { domain: domain.to_owned(), host_only: false, is_bare: false })
        } else {
            Err(SetBlock::InvalidDomain)
        }
    }
}

/// Whether the cookie keeps what its name's prefix promises (steps 20 to 22, and the layered-cookies draft for `__Http-`).
///
/// Prefixes are compared without regard to case, all of them: the layered-cookies draft wants `__Http-` exact, but Chromium and
/// Firefox make no difference. A value that starts like a prefix must not come without a name, since it would read as one.
fn prefix_holds(cookie: &ParsedCookie, record: &CookieRecord, is_http_api: bool) -> bool {
    const PREFIXES: [&[u8]; 4] = [b"__Secure-", b"__Host-Http-", b"__Host-", b"__Http-"];
    let (name, value) = cookie.pair();
    let starts = |text: &[u8], prefix: &[u8]| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if name.is_empty() {
        return !PREFIXES.iter().any(|prefix| starts(value, prefix));
    }
    let http = record.http_only && is_http_api;
    // Chromium wants no Domain attribute at all; the standard is content with the host-only flag.
    let host = record.key.host_only
        && cookie.domain().is_none_or(|domain| domain.is_empty() || is_address(&record.key.domain))
        && cookie.path() == Some(b"/");
    match PREFIXES.iter().position(|prefix| starts(name, prefix)) {
        Some(0) => record.secure,
        Some(1) => record.secure && host && http,
        Some(2) => record.secure && host,
        Some(_) => record.secure && http,
        None => true,
    }
}

/// When the cookie ends: Max-Age before Expires, no later than 400 days from now (step 6).
fn expiry(
    cookie: &ParsedCookie,
    cx: &StoreContext,
    rules: Rules,
    now: OffsetDateTime,
    warnings: &mut Vec<SetWarning>,
) -> Option<OffsetDateTime> {
    let wanted = match (cookie.max_age(), cookie.expires()) {
        (Some(seconds), _) => now.saturating_add(Duration::seconds(seconds)),
        (None, Some(date)) => match cx.server_date.filter(|_| rules.expires_by_server_clock) {
            Some(server) => date.saturating_add(now - server),
            None => date,
        },
        (None, None) => return None,
    };
    let limit = now.saturating_add(LONGEST_LIFE);
    if wanted > limit {
        warnings.push(SetWarning::LifetimeCapped);
    }
    Some(wanted.min(limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::cookie::{Policy, Profile, Target};
    use crate::web::origin::Origin;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn jar(profile: Profile) -> Jar {
        Jar::new(Policy { profile, ..Policy::default() })
    }

    fn navigation(url: &str) -> StoreContext {
        StoreContext::navigation(url.parse().expect("a URL"))
    }

    fn page(origin: &str) -> Origin {
        origin.parse().expect("an origin")
    }

    fn within(url: &str, origin: &str) -> StoreContext {
        StoreContext::subresource(url.parse().expect("a URL"), &page(origin))
    }

    fn set(jar: &mut Jar, url: &str, line: &str) -> StoreVerdict {
        jar.store(&navigation(url), line.as_bytes(), NOW)
    }

    /// The reasons for which an empty Chrome jar turns a navigation's cookie away.
    fn reasons(url: &str, line: &str) -> Vec<SetBlock> {
        set(&mut Jar::default(), url, line).reasons().to_vec()
    }

    #[test]
    fn content_that_is_no_cookie_is_turned_away_first() {
        assert_eq!(reasons("https://a.test", "="), [SetBlock::NoCookieContent]);
        assert_eq!(reasons("https://a.test", "a=b\x01; SameSite=None"), [SetBlock::DisallowedCharacter]);
        assert_eq!(reasons("https://a.test", "a=b\tc"), [SetBlock::DisallowedCharacter]);
        assert_eq!(reasons("https://a.test", "a=b; x=y\tz"), [SetBlock::DisallowedCharacter]);
        assert!(reasons("https://a.test", "\ta\t=\tb\t;\tSecure").is_empty());
        assert!(set(&mut jar(Profile::Firefox), "https://a.test", "a=b\tc").is_stored());
        let large = format!("a={}", "x".repeat(4096));
        assert_eq!(reasons("https://a.test", &large), [SetBlock::NameValuePairExceedsMaxSize]);
        assert_eq!(reasons("ftp://a.test", "a=b"), [SetBlock::SchemeNotSupported]);
        assert!(reasons("wss://a.test", "a=b; Secure").is_empty());
    }

    #[test]
    fn a_domain_must_be_the_host_or_a_parent_below_the_public_suffix() {
        for (url, domain, stored) in [
            ("https://a.b.test", "b.test", true),
            ("https://a.b.test", ".B.test", true),
            ("https://a.b.test", "", true),
            ("https://a.b.test", "a.b.test", true),
            ("https://a.b.test", "test", false),
            ("https://a.b.test", "c.b.test", false),
            ("https://a.b.test", "x.a.b.test", false),
            ("https://a.b.test", "..b.test", false),
            ("https://a.b.test", "b.test.", false),
            ("https://a.b.test", "bücher.test", false),
            ("https://app.vercel.app", "vercel.app", false),
            ("https://vercel.app", "vercel.app", true),
            ("https://a.co.uk", "co.uk", false),
            ("https://a.s3.amazonaws.com", "amazonaws.com", false),
            ("http://localhost:3000", "localhost", true),
            ("http://localhost:3000", ".localhost", false),
            ("http://127.0.0.1", "127.0.0.1", true),
            ("http://127.0.0.1", "0.0.1", false),
            ("http://[::1]", "[::1]", true),
        ] {
            let blocked = reasons(url, &format!("n=v; Domain={domain}"));
            let expected: &[SetBlock] = if stored { &[] } else { &[SetBlock::InvalidDomain] };
            assert_eq!(blocked, expected, "{domain} from {url}");
        }
    }

    #[test]
    fn a_domain_that_can_only_mean_the_host_makes_a_host_only_cookie() {
        let verdict = set(&mut Jar::default(), "http://localhost:3000", "n=v; Domain=localhost");
        assert!(verdict.key.expect("stored").host_only);
        assert_eq!(verdict.warnings, [SetWarning::DomainIsBare]);
        assert!(set(&mut jar(Profile::Firefox), "http://localhost:3000", "n=v; Domain=.localhost").is_stored());
    }

    #[test]
    fn prefixes_are_promises_in_any_case_of_letters() {
        let held = [
            "__Secure-n=v; Secure",
            "__Host-n=v; Secure; Path=/",
            "__Http-n=v; Secure; HttpOnly",
            "__Host-Http-n=v; Secure; HttpOnly; Path=/",
            "__Hostn=v",
        ];
        for line in held {
            assert!(reasons("https://a.test/x/", line).is_empty(), "{line}");
        }
        let broken = [
            "__Secure-n=v",
            "__SECURE-n=v",
            "__Host-n=v; Secure",
            "__Host-n=v; Path=/",
            "__Host-n=v; Secure; Path=/x",
            "__host-n=v; Secure; Path=/; Domain=a.test",
            "__Http-n=v; Secure",
            "__http-n=v; HttpOnly",
            "__Host-Http-n=v; Secure; Path=/",
            "__Host-Http-n=v; Secure; HttpOnly",
            "=__Host-n=v; Secure; Path=/",
            "__secure-n; Secure",
        ];
        for line in broken {
            assert_eq!(reasons("https://a.test/x/", line), [SetBlock::InvalidPrefix], "{line}");
        }
    }

    #[test]
    fn a_secure_cookie_needs_a_secure_connection_or_a_loopback_host() {
        assert_eq!(reasons("http://a.test", "n=v; Secure"), [SetBlock::SecureOnly]);
        assert!(reasons("http://localhost:3000", "n=v; Secure").is_empty());
        assert!(reasons("http://127.0.0.1", "n=v; Secure").is_empty());
        let verdict = set(&mut jar(Profile::Safari), "http://localhost:3000", "n=v; Secure");
        assert_eq!(verdict.reasons(), [SetBlock::SecureOnly]);
    }

    #[test]
    fn same_site_none_wants_secure_where_the_user_agent_does() {
        assert_eq!(reasons("https://a.test", "n=v; SameSite=None"), [SetBlock::SameSiteNoneInsecure]);
        assert_eq!(
            reasons("http://a.test", "n=v; SameSite=None; Secure"),
            [SetBlock::SecureOnly],
            "a Secure cookie is not insecure as well"
        );
        for profile in [Profile::Safari, Profile::Curl] {
            assert!(set(&mut jar(profile), "https://a.test", "n=v; SameSite=None").is_stored());
        }
    }

    #[test]
    fn any_same_site_may_be_stored_by_a_top_level_navigation() {
        for line in ["n=v; SameSite=Strict", "n=v; SameSite=Lax", "n=v", "n=v; SameSite=None; Secure"] {
            assert!(reasons("https://a.test", line).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_cross_site_subresource_may_store_same_site_none_alone() {
        let blocked = |line: &str, profile| {
            jar(profile).store(&within("https://api.test", "https://app.example"), line.as_bytes(), NOW).reasons().to_vec()
        };
        assert_eq!(blocked("n=v; SameSite=Strict", Profile::Chrome), [SetBlock::SameSiteStrict]);
        assert_eq!(blocked("n=v; SameSite=Lax", Profile::Chrome), [SetBlock::SameSiteLax]);
        assert_eq!(blocked("n=v", Profile::Chrome), [SetBlock::SameSiteUnspecifiedTreatedAsLax]);
        assert_eq!(blocked("n=v; SameSite=None; Secure", Profile::Chrome), []);
        assert_eq!(blocked("n=v", Profile::Firefox), []);
        assert_eq!(blocked("n=v; SameSite=Strict", Profile::Curl), []);
    }

    #[test]
    fn the_same_domain_under_another_scheme_is_another_site_to_chrome() {
        let cx = within("https://api.mosaic.test", "http://app.mosaic.test");
        let blocked = |profile| jar(profile).store(&cx, b"n=v; SameSite=Lax", NOW).reasons().to_vec();
        assert_eq!(blocked(Profile::Chrome), [SetBlock::SchemefulSameSiteLax]);
        assert_eq!(blocked(Profile::Firefox), []);
    }

    #[test]
    fn blocked_third_parties_may_store_partitioned_cookies_alone() {
        let policy = Policy { third_party_cookies: ThirdPartyCookies::Block, ..Policy::default() };
        let mut jar = Jar::new(policy);
        let cx = within("https://widget.test", "https://app.example");
        let blocked = jar.store(&cx, b"n=v; SameSite=None; Secure", NOW);
        assert_eq!(blocked.reasons(), [SetBlock::UserPreferences]);
        let stored = jar.store(&cx, b"n=v; SameSite=None; Secure; Partitioned", NOW);
        assert_eq!(stored.key.expect("stored").partition.expect("partitioned").to_string(), "https://app.example");
        assert!(jar.store(&within("https://api.app.example", "https://app.example"), b"n=v", NOW).is_stored());
    }

    #[test]
    fn partitioned_needs_secure_and_a_page_with_a_site() {
        assert_eq!(reasons("https://a.test", "n=v; Partitioned"), [SetBlock::InvalidPartitioned]);
        let opaque = Target::Inside { top_level: None, site_for_cookies: None };
        let cx = StoreContext { target: opaque, ..navigation("https://a.test") };
        let verdict = Jar::default().store(&cx, b"n=v; Secure; SameSite=None; Partitioned", NOW);
        assert_eq!(verdict.reasons(), [SetBlock::InvalidPartitioned]);
        let verdict = set(&mut jar(Profile::Curl), "https://a.test", "n=v; Partitioned");
        assert!(verdict.is_stored());
        assert_eq!(verdict.warnings, [SetWarning::PartitionedUnknown]);
    }

    #[test]
    fn a_secure_cookie_is_left_alone_by_clear_text() {
        let mut jar = Jar::default();
        set(&mut jar, "https://a.test/", "sid=1; Secure; Path=/login; Domain=a.test");
        let overlay = |url: &str, line: &str| set(&mut jar.clone(), url, line).reasons().to_vec();
        assert_eq!(overlay("http://a.test/", "sid=2; Path=/login"), [SetBlock::OverwriteSecure]);
        assert_eq!(overlay("http://a.test/", "sid=2; Path=/login/en"), [SetBlock::OverwriteSecure]);
        assert_eq!(overlay("http://b.a.test/", "sid=2; Path=/login"), [SetBlock::OverwriteSecure]);
        assert_eq!(overlay("http://a.test/", "sid=; Path=/login; Max-Age=0"), [SetBlock::OverwriteSecure]);
        assert_eq!(overlay("http://a.test/", "sid=2; Path=/"), []);
        assert_eq!(overlay("http://a.test/", "other=2; Path=/login"), []);
        assert_eq!(overlay("https://a.test/", "sid=2; Path=/login"), []);
    }

    #[test]
    fn a_secure_cookie_of_another_partition_is_not_covered() {
        let mut jar = Jar::default();
        set(&mut jar, "https://a.test/", "sid=1; Secure; Path=/; Partitioned");
        assert!(set(&mut jar, "http://a.test/", "sid=2; Path=/").is_stored());
    }

    #[test]
    fn scripts_neither_set_nor_replace_http_only_cookies() {
        let mut jar = Jar::default();
        let script = StoreContext { is_http_api: false, ..navigation("https://a.test") };
        assert_eq!(jar.store(&script, b"n=v; HttpOnly", NOW).reasons(), [SetBlock::HttpOnly]);
        let promised = jar.store(&script, b"__Http-n=v; Secure; HttpOnly", NOW);
        assert_eq!(promised.reasons(), [SetBlock::InvalidPrefix], "`__Http-` promises HTTP, not the attribute alone");
        set(&mut jar, "https://a.test", "n=v; HttpOnly");
        assert_eq!(jar.store(&script, b"n=w", NOW).reasons(), [SetBlock::OverwriteHttpOnly]);
        assert!(jar.store(&script, b"m=w", NOW).is_stored());
        assert!(set(&mut jar, "https://a.test", "n=w").is_stored(), "HTTP may");
    }

    #[test]
    fn max_age_comes_before_expires_and_life_is_capped() {
        let expires = |line: &str| {
            let mut jar = Jar::default();
            let verdict = set(&mut jar, "https://a.test", line);
            (jar.iter().next().and_then(|cookie| cookie.expires), verdict.warnings)
        };
        assert_eq!(expires("n=v").0, None);
        assert_eq!(expires("n=v; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT").0, Some(NOW + Duration::minutes(1)));
        let capped = (Some(NOW + Duration::days(400)), vec![SetWarning::LifetimeCapped]);
        assert_eq!(expires("n=v; Max-Age=99999999999999999999"), capped);
        assert_eq!(expires("n=v; Expires=Fri, 01 Jan 2100 00:00:00 GMT"), capped);
    }

    #[test]
    fn expires_is_read_by_the_servers_clock_where_the_user_agent_does() {
        let line = b"n=v; Expires=Wed, 31 Dec 2025 23:30:00 GMT";
        let cx = StoreContext { server_date: Some(NOW - Duration::hours(1)), ..navigation("https://a.test") };
        let mut chrome = Jar::default();
        assert!(chrome.store(&cx, line, NOW).is_stored());
        assert_eq!(chrome.iter().next().expect("stored").expires, Some(NOW + Duration::minutes(30)));
        assert!(!jar(Profile::Safari).store(&cx, line, NOW).is_stored());
    }

    #[test]
    fn a_deleting_line_tells_what_it_hit_or_missed() {
        let mut jar = Jar::default();
        set(&mut jar, "https://app.a.test/", "sid=1; Domain=a.test; Path=/");
        let miss = set(&mut jar, "https://app.a.test/", "sid=; Max-Age=0; Path=/");
        let StoreOutcome::Deleted { hit: false, near_misses } = miss.outcome else { panic!("{:?}", miss.outcome) };
        assert_eq!(near_misses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["`sid` for a.test and below, path /"]);
        let hit = set(&mut jar, "https://app.a.test/", "sid=; Domain=a.test; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(hit.outcome, StoreOutcome::Deleted { hit: true, near_misses: vec![] });
        assert!(jar.is_empty());
    }

    #[test]
    fn host_only_and_domain_cookies_of_one_host_are_two() {
        let mut jar = Jar::default();
        for line in ["n=1", "n=2; Domain=a.test"] {
            assert_eq!(set(&mut jar, "https://a.test", line).outcome, StoreOutcome::Stored { replaced: false });
        }
        assert_eq!(set(&mut jar, "https://a.test", "n=3").outcome, StoreOutcome::Stored { replaced: true });
        assert_eq!(jar.len(), 2);
    }

    #[test]
    fn a_replaced_cookie_stays_as_old_as_it_was_if_the_user_agent_has_it_so() {
        let created = |profile, value: &str| {
            let mut jar = jar(profile);
            set(&mut jar, "https://a.test", "n=1");
            jar.store(&navigation("https://a.test"), format!("n={value}").as_bytes(), NOW + Duration::minutes(1));
            jar.iter().next().expect("stored").created
        };
        assert_eq!(created(Profile::Chrome, "1"), NOW);
        assert_eq!(created(Profile::Chrome, "2"), NOW + Duration::minutes(1));
        assert_eq!(created(Profile::Firefox, "2"), NOW);
    }

    #[test]
    fn a_cookie_without_a_name_is_a_matter_of_the_user_agent() {
        assert!(set(&mut Jar::default(), "https://a.test", "lonely").is_stored());
        let verdict = set(&mut jar(Profile::Curl), "https://a.test", "=lonely");
        assert_eq!(verdict.reasons(), [SetBlock::NoCookieContent]);
    }
}
