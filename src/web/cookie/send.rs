//! Retrieving cookies for a request: the Cookie header, RFC 6265bis §5.8, with a reason for every cookie that stays behind.

use std::fmt;

use time::OffsetDateTime;

use super::context::{RedirectChain, SendContext};
use super::jar::{Jar, covers_host, header_order};
use super::matching::path_match;
use super::profile::{Policy, Rules, ThirdPartyCookies};
use super::reason::{SendBlock, SendWarning};
use super::record::{CookieRecord, SameSite};
use super::same_site::{Reaches, is_third_party};
use super::store::is_secure;
use crate::web::origin::Scheme;
use crate::web::site::Site;

/// Which cookies go with a request. `Debug` hides the header.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SendDecision {
    /// The Cookie header's value; `None` if there is nothing to send. It may hold secrets.
    pub header: Option<Vec<u8>>,
    /// The cookies in it, in its order.
    pub sent: Vec<CookieRecord>,
    /// The other cookies of the URL's registrable domain, each with at least one reason. Cookies of unrelated domains are
    /// not listed.
    pub withheld: Vec<Withheld>,
    /// What another user agent might have decided otherwise.
    pub warnings: Vec<SendWarning>,
}

impl fmt::Debug for SendDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendDecision")
            .field("sent", &self.sent)
            .field("withheld", &self.withheld)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// A cookie that stays behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// The cookie as it is in the jar.
    pub cookie: CookieRecord,
    /// Why; every reason that applies.
    pub reasons: Vec<SendBlock>,
}

/// What the decision about each cookie of a request shares.
struct Request<'a> {
    cx: &'a SendContext,
    host: &'a str,
    rules: Rules,
    secure: bool,
    top_level: Option<Site>,
    blocks_foreign: bool,
    reaches: Reaches,
    /// The reach if the redirect chain counted, where it could differ.
    strict_reaches: Option<Reaches>,
    now: OffsetDateTime,
}

impl Jar {
    /// Decides which cookies go with a request and marks them as accessed.
    pub fn cookies_for(&mut self, cx: &SendContext, now: OffsetDateTime) -> SendDecision {
        let mut decision = SendDecision::default();
        let (Some(_), Some(host)) = (Scheme::for_cookies(&cx.url), cx.url.host_str()) else {
            return decision;
        };
        self.drop_expired(host, now);
        let request = Request::new(cx, host, self.policy, now);
        let Some(family) = self.families.get_mut(crate::web::site::family(host)) else {
            return decision;
        };
        decision.sent.reserve_exact(family.len());
        for cookie in family {
            let reasons = request.reasons_against(cookie);
            if reasons.is_empty() {
                cookie.last_access = now;
                decision.warnings.extend(request.warning(cookie));
                decision.sent.push(cookie.clone());
            } else {
                decision.withheld.push(Withheld { cookie: cookie.clone(), reasons });
            }
        }
        decision.sent.sort_by(header_order);
        decision.withheld.sort_by(|a, b| header_order(&a.cookie, &b.cookie));
        decision.header = serialize(&decision.sent);
        decision
    }
}

impl<'a> Request<'a> {
    fn new(cx: &'a SendContext, host: &'a str, policy: Policy, now: OffsetDateTime) -> Self {
        let rules = policy.profile.rules();
        Self {
            cx,
            host,
            rules,
            secure: is_secure(&cx.url, rules),
            top_level: cx.target.top_level_site(&cx.url),
            blocks_foreign: policy.third_party_cookies == ThirdPartyCookies::Block && is_third_party(&cx.url, &cx.target, rules),
            reaches: Reaches::of_request(cx, policy),
            strict_reaches: (cx.redirect_chain == RedirectChain::CrossSite)
                .then(|| Reaches::of_request(cx, Policy { redirect_chain_counts: true, ..policy })),
            now,
        }
    }

    /// §5.8.3 step 1, and what browsers add to it, in the order in which Chromium tells it.
    fn reasons_against(&self, cookie: &CookieRecord) -> Vec<SendBlock> {
        let key = &cookie.key;
        let none_insecure = self.rules.none_requires_secure && cookie.same_site == SameSite::None && !cookie.secure;
        let reasons = [
            (cookie.secure && !self.secure).then_some(SendBlock::SecureOnly),
            (!path_match(self.cx.url.path().as_bytes(), key.path.as_bytes())).then_some(SendBlock::NotOnPath),
            (!covers_host(key, self.host)).then_some(SendBlock::DomainMismatch),
            (cookie.http_only && !self.cx.is_http_api).then_some(SendBlock::HttpOnly),
            self.reaches.withhold(cookie, self.rules, self.now),
            none_insecure.then_some(SendBlock::SameSiteNoneInsecure),
            (key.partition.is_some() && key.partition != self.top_level).then_some(SendBlock::PartitionMismatch),
            (key.partition.is_none() && self.blocks_foreign).then_some(SendBlock::UserPreferences),
        ];
        reasons.into_iter().flatten().collect()
    }

    fn warning(&self, cookie: &CookieRecord) -> Option<SendWarning> {
        self.strict_reaches?.withhold(cookie, self.rules, self.now)?;
        Some(SendWarning::CrossSiteRedirect { name: cookie.key.name.clone() })
    }
}

/// §5.8.3 step 4.
fn serialize(cookies: &[CookieRecord]) -> Option<Vec<u8>> {
    let mut header = Vec::new();
    for cookie in cookies {
        if !header.is_empty() {
            header.extend_from_slice(b"; ");
        }
        if !cookie.key.name.is_empty() {
            header.extend_from_slice(cookie.key.name.as_bytes());
            header.push(b'=');
        }
        header.extend_from_slice(cookie.value.as_bytes());
    }
    (!cookies.is_empty()).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::cookie::{Initiator, Profile, StoreContext, Target};
    use crate::web::origin::Origin;
    use http::Method;
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;
    use url::Url;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
    const APP: &str = "https://app.mosaic.test/";

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    fn origin(text: &str) -> Origin {
        text.parse().expect("an origin")
    }

    fn from(initiator: &str) -> Initiator {
        Initiator::Origin(origin(initiator))
    }

    fn jar_with(policy: Policy, at: &str, lines: &[&str]) -> Jar {
        let mut jar = Jar::new(policy);
        for line in lines {
            let verdict = jar.store(&StoreContext::navigation(url(at)), line.as_bytes(), NOW);
            assert!(verdict.is_stored(), "{line}: {:?}", verdict.outcome);
        }
        jar
    }

    fn profile(profile: Profile) -> Policy {
        Policy { profile, ..Policy::default() }
    }

    fn header(decision: &SendDecision) -> String {
        String::from_utf8(decision.header.clone().unwrap_or_default()).expect("ASCII in these tests")
    }

    /// `name: Reason, Reason` for each cookie that stays behind.
    fn withheld(decision: &SendDecision) -> Vec<String> {
        let words = |reasons: &[SendBlock]| reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
        decision.withheld.iter().map(|held| format!("{}: {}", held.cookie.key.name, words(&held.reasons))).collect()
    }

    const EACH_KIND: [&str; 4] = ["none=1; SameSite=None; Secure", "lax=1; SameSite=Lax", "strict=1; SameSite=Strict", "unset=1"];

    #[test]
    fn a_return_from_the_identity_provider_brings_lax_cookies_along() {
        let mut jar = jar_with(Policy::default(), APP, &EACH_KIND);
        let cx = SendContext::navigation(url(APP), Method::GET, from("https://auth.diversecanvas.test"));
        let decision = jar.cookies_for(&cx, NOW + Duration::minutes(5));
        assert_eq!(header(&decision), "none=1; lax=1; unset=1");
        assert_eq!(withheld(&decision), ["strict: SameSiteStrict"]);
    }

    #[test]
    fn a_form_post_from_another_site_brings_only_young_undeclared_and_none() {
        let mut jar = jar_with(Policy::default(), APP, &EACH_KIND);
        let cx = SendContext::navigation(url(APP), Method::POST, from("https://idp.example"));
        let soon = jar.cookies_for(&cx, NOW + Duration::seconds(120));
        assert_eq!(header(&soon), "none=1; unset=1");
        let late = jar.cookies_for(&cx, NOW + Duration::seconds(121));
        assert_eq!(header(&late), "none=1");
        assert_eq!(withheld(&late), ["lax: SameSiteLax", "strict: SameSiteStrict", "unset: SameSiteUnspecifiedTreatedAsLax"]);
    }

    #[test]
    fn a_cross_site_fetch_brings_none_alone_however_young_the_others_are() {
        let mut jar = jar_with(Policy::default(), APP, &EACH_KIND);
        let cx = SendContext::subresource(url(APP), Method::GET, origin("https://other.example"));
        assert_eq!(header(&jar.cookies_for(&cx, NOW)), "none=1");
        let framed = SendContext { target: Target::cross_site_frame(&origin("https://app.mosaic.test")), ..cx };
        assert_eq!(header(&jar.cookies_for(&framed, NOW)), "none=1");
    }

    #[test]
    fn same_site_requests_and_the_persons_own_bring_all() {
        let mut jar = jar_with(Policy::default(), APP, &EACH_KIND);
        let fetch = SendContext::subresource(url(APP), Method::POST, origin("https://www.mosaic.test"));
        assert_eq!(jar.cookies_for(&fetch, NOW).sent.len(), 4);
        let typed = SendContext::navigation(url(APP), Method::GET, Initiator::UserAgent);
        assert_eq!(jar.cookies_for(&typed, NOW).sent.len(), 4);
        let sandboxed = SendContext::navigation(url(APP), Method::GET, Initiator::Opaque);
        assert_eq!(withheld(&jar.cookies_for(&sandboxed, NOW)), ["strict: SameSiteStrict"]);
    }

    #[test]
    fn user_agents_without_default_lax_send_undeclared_cookies_everywhere() {
        for (who, expected) in [
            (Profile::Firefox, "none=1; unset=1"),
            (Profile::Safari, "none=1; unset=1"),
            (Profile::Curl, "none=1; lax=1; strict=1; unset=1"),
        ] {
            let mut jar = jar_with(profile(who), APP, &EACH_KIND);
            let cx = SendContext::navigation(url(APP), Method::POST, from("https://idp.example"));
            assert_eq!(header(&jar.cookies_for(&cx, NOW + Duration::hours(1))), expected, "{who}");
        }
    }

    #[test]
    fn a_silent_bounce_over_another_site_keeps_strict_cookies() {
        let mut jar = jar_with(Policy::default(), APP, &["strict=1; SameSite=Strict"]);
        let start = SendContext::navigation(url(APP), Method::GET, from("https://app.mosaic.test"));
        let bounced = start.redirected(url("https://idp.example/authorize"), Method::GET).redirected(url(APP), Method::GET);
        assert_eq!(bounced.redirect_chain, RedirectChain::CrossSite);
        let decision = jar.cookies_for(&bounced, NOW);
        assert_eq!(header(&decision), "strict=1");
        assert_eq!(decision.warnings, [SendWarning::CrossSiteRedirect { name: "strict".into() }]);
        let counting = Policy { redirect_chain_counts: true, ..Policy::default() };
        let mut jar = jar_with(counting, APP, &["strict=1; SameSite=Strict"]);
        assert_eq!(withheld(&jar.cookies_for(&bounced, NOW)), ["strict: SameSiteStrict"]);
    }

    #[test]
    fn another_scheme_of_the_same_domain_is_told_apart_from_another_site() {
        let cx = SendContext::subresource(url(APP), Method::GET, origin("http://app.mosaic.test"));
        let mut chrome = jar_with(Policy::default(), APP, &EACH_KIND);
        assert_eq!(
            withheld(&chrome.cookies_for(&cx, NOW)),
            ["lax: SchemefulSameSiteLax", "strict: SchemefulSameSiteStrict", "unset: SchemefulSameSiteUnspecifiedTreatedAsLax"]
        );
        let mut firefox = jar_with(profile(Profile::Firefox), APP, &EACH_KIND);
        assert_eq!(firefox.cookies_for(&cx, NOW).sent.len(), 4);
    }

    #[test]
    fn cookies_of_the_domain_that_stay_behind_say_why_and_strangers_are_not_named() {
        let mut jar = jar_with(Policy::default(), APP, &["own=1", "deep=1; Path=/api/auth", "sec=1; Secure"]);
        jar.store(&StoreContext::navigation(url("https://api.mosaic.test/x/y")), b"api=1", NOW);
        jar.store(&StoreContext::navigation(url("https://elsewhere.test")), b"far=1", NOW);
        let cx = SendContext::navigation(url("http://app.mosaic.test/"), Method::GET, Initiator::UserAgent);
        let decision = jar.cookies_for(&cx, NOW);
        assert_eq!(header(&decision), "own=1");
        assert_eq!(withheld(&decision), ["deep: NotOnPath", "api: NotOnPath, DomainMismatch", "sec: SecureOnly"]);
    }

    #[test]
    fn longer_paths_come_first_and_then_older_cookies() {
        let mut jar = jar_with(Policy::default(), APP, &["b=1; Path=/", "a=1; Path=/", "c=1; Path=/x/y", "d=1; Path=/x"]);
        let cx = SendContext::navigation(url("https://app.mosaic.test/x/y/z"), Method::GET, Initiator::UserAgent);
        assert_eq!(header(&jar.cookies_for(&cx, NOW)), "c=1; d=1; b=1; a=1");
    }

    #[test]
    fn sending_marks_as_accessed_and_withholding_does_not() {
        let mut jar = jar_with(Policy::default(), APP, &["here=1; Path=/", "there=1; Path=/there"]);
        let later = NOW + Duration::hours(1);
        jar.cookies_for(&SendContext::navigation(url(APP), Method::GET, Initiator::UserAgent), later);
        let accessed: Vec<_> = jar.iter().map(|cookie| cookie.last_access).collect();
        assert_eq!(accessed, [later, NOW]);
    }

    #[test]
    fn secure_cookies_go_to_loopback_where_the_user_agent_trusts_it() {
        let at = "http://localhost:3000/";
        let mut jar = jar_with(Policy::default(), at, &["n=1; Secure"]);
        let cx = SendContext::navigation(url("http://localhost:4000/"), Method::GET, Initiator::UserAgent);
        assert_eq!(header(&jar.cookies_for(&cx, NOW)), "n=1", "and ports do not matter");
    }

    #[test]
    fn a_planted_cookie_with_same_site_none_still_needs_secure() {
        let mut jar = Jar::default();
        let mut planted = CookieRecord::new(&url(APP), "n", b"1", NOW).expect("https");
        planted.same_site = SameSite::None;
        jar.insert(planted).expect("a clean cookie");
        let cx = SendContext::navigation(url(APP), Method::GET, Initiator::UserAgent);
        assert_eq!(withheld(&jar.cookies_for(&cx, NOW)), ["n: SameSiteNoneInsecure"]);
    }

    #[test]
    fn scripts_do_not_see_http_only_cookies() {
        let mut jar = jar_with(Policy::default(), APP, &["seen=1", "hidden=1; HttpOnly"]);
        let cx = SendContext::navigation(url(APP), Method::GET, Initiator::UserAgent);
        let script = SendContext { is_http_api: false, ..cx };
        let decision = jar.cookies_for(&script, NOW);
        assert_eq!(header(&decision), "seen=1");
        assert_eq!(withheld(&decision), ["hidden: HttpOnly"]);
    }

    #[test]
    fn partitioned_cookies_stay_under_their_top_level_site() {
        let widget = "https://widget.example/";
        let policy = Policy { third_party_cookies: ThirdPartyCookies::Block, ..Policy::default() };
        let mut jar = jar_with(policy, widget, &["first=1; SameSite=None; Secure"]);
        let page = origin("https://app.mosaic.test");
        let line = b"part=1; SameSite=None; Secure; Partitioned";
        assert!(jar.store(&StoreContext::subresource(url(widget), &page), line, NOW).is_stored());
        let embedded = SendContext::subresource(url(widget), Method::GET, page);
        let decision = jar.cookies_for(&embedded, NOW);
        assert_eq!(header(&decision), "part=1");
        assert_eq!(withheld(&decision), ["first: UserPreferences"]);
        let visited = SendContext::navigation(url(widget), Method::GET, Initiator::UserAgent);
        let decision = jar.cookies_for(&visited, NOW);
        assert_eq!(header(&decision), "first=1");
        assert_eq!(withheld(&decision), ["part: PartitionMismatch"]);
    }

    #[test]
    fn debug_text_of_a_decision_holds_no_value() {
        let mut jar = jar_with(Policy::default(), APP, &["sid=hunter2"]);
        let decision = jar.cookies_for(&SendContext::navigation(url(APP), Method::GET, Initiator::UserAgent), NOW);
        let text = format!("{decision:?} {jar:?}");
        assert!(text.contains("sid") && !text.contains("hunter2") && !text.contains("104, 117, 110"), "{text}");
    }

    #[test]
    fn a_scheme_without_cookies_gets_none() {
        let mut jar = jar_with(Policy::default(), APP, &["n=1"]);
        let cx = SendContext::navigation(url("alga://app.mosaic.test/"), Method::GET, Initiator::UserAgent);
        assert_eq!(jar.cookies_for(&cx, NOW), SendDecision::default());
    }

    const HOSTS: [&str; 6] = ["a.test", "x.a.test", "y.x.a.test", "xa.test", "127.0.0.1", "b.co.uk"];

    fn any_line() -> impl Strategy<Value = String> {
        let attributes = prop::sample::subsequence(
            vec!["Secure", "HttpOnly", "Path=/", "Path=/x", "Domain=a.test", "Domain=x.a.test", "Max-Age=60", "SameSite=Lax"],
            0..5,
        );
        ("[ab]{0,1}", "[!-:<-~]{0,8}", attributes)
            .prop_map(|(name, value, attributes)| format!("{name}={value}; {}", attributes.join("; ")))
    }

    proptest! {
        #[test]
        fn what_is_sent_is_what_was_stored(name in "[!-:<>-~]{1,12}", value in prop::collection::vec(0x80_u8..=0xff, 0..40)) {
            prop_assume!(!name.starts_with("__"));
            let line = [name.as_bytes(), b"=", &value, b"; Path=/"].concat();
            let mut jar = Jar::default();
            prop_assert!(jar.store(&StoreContext::navigation(url(APP)), &line, NOW).is_stored());
            let cx = SendContext::navigation(url(APP), Method::GET, Initiator::UserAgent);
            prop_assert_eq!(jar.cookies_for(&cx, NOW).header, Some([name.as_bytes(), b"=", &value].concat()));
        }

        #[test]
        fn a_cookie_reaches_only_hosts_that_it_is_for(
            sets in prop::collection::vec((0..HOSTS.len(), any_line()), 1..12),
            to in 0..HOSTS.len(),
        ) {
            let mut jar = Jar::default();
            for (host, line) in &sets {
                jar.store(&StoreContext::navigation(url(&format!("https://{}/x/", HOSTS[*host]))), line.as_bytes(), NOW);
            }
            let keys: std::collections::BTreeSet<_> = jar.iter().map(|cookie| &cookie.key).collect();
            prop_assert_eq!(keys.len(), jar.len(), "one cookie a key");
            let host = HOSTS[to];
            let cx = SendContext::navigation(url(&format!("https://{host}/x/")), Method::GET, Initiator::UserAgent);
            for cookie in jar.cookies_for(&cx, NOW).sent {
                let below = host.strip_suffix(cookie.key.domain.as_str()).is_some_and(|head| head.ends_with('.'));
                prop_assert!(cookie.key.domain == host || (below && !cookie.key.host_only), "{} to {host}", cookie.key);
            }
        }

        #[test]
        fn what_has_expired_is_never_sent(lines in prop::collection::vec(any_line(), 1..12), later in 60_i64..10_000_000) {
            let mut jar = Jar::default();
            for line in &lines {
                jar.store(&StoreContext::navigation(url("https://a.test/x/")), line.as_bytes(), NOW);
            }
            let cx = SendContext::navigation(url("https://a.test/x/"), Method::GET, Initiator::UserAgent);
            let decision = jar.cookies_for(&cx, NOW + Duration::seconds(later));
            prop_assert!(decision.sent.iter().all(|cookie| cookie.expires.is_none()));
            prop_assert!(decision.withheld.iter().all(|held| held.cookie.expires.is_none()));
        }

        #[test]
        fn any_octets_can_be_stored_and_asked_for(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..6)) {
            let mut jar = Jar::default();
            for line in &lines {
                let verdict = jar.store(&StoreContext::navigation(url(APP)), line, NOW);
                prop_assert_eq!(verdict.cookie.line(), line);
            }
            let cx = SendContext::navigation(url(APP), Method::GET, Initiator::UserAgent);
            let header = jar.cookies_for(&cx, NOW).header.unwrap_or_default();
            prop_assert!(!header.iter().any(|byte| *byte != b'\t' && byte.is_ascii_control()));
        }
    }
}
