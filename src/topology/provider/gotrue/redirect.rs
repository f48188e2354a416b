//! Where users may be sent, and with what.

use super::Inner;
use super::call::Turn;
use super::failure::Failure;
use crate::plan::GotruePlan;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url, form_urlencoded};

/// Longest address that is taken.
const LONGEST: usize = 8 * 1024;

impl Inner {
    /// Where the user goes afterwards: what was asked for, the page that asked, or the site; the first that is allowed.
    pub(super) fn referrer(&self, turn: &Turn<'_>) -> String {
        let call = turn.call;
        let asked = [call.header("redirect_to"), call.query.get("redirect_to")].into_iter().find(|asked| !asked.is_empty());
        let allowed = [asked.unwrap_or_default(), call.referer()].into_iter().find(|address| is_allowed(&self.plan, address));
        allowed.unwrap_or(self.plan.site_url.as_str()).to_owned()
    }
}

/// Whether users may be sent to `address`: it lies on the site, or fits one of the patterns.
pub(super) fn is_allowed(plan: &GotruePlan, address: &str) -> bool {
    // What a browser reads otherwise than the pattern does must not come near one (URL §4.4).
    let is_plain = address.len() <= LONGEST && !address.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    let Some(url) = Url::parse(address).ok().filter(|_| is_plain) else { return false };
    let is_web = matches!(url.scheme(), "http" | "https");
    if matches!(url.scheme(), "javascript" | "data" | "blob" | "about" | "file" | "vbscript")
        || is_web && !(url.username().is_empty() && url.password().is_none())
    {
        return false;
    }
    let site = &plan.site_url;
    let is_local = url.host_str().is_some_and(|host| host == "localhost" || host.ends_with(".localhost"));
    let same_port = url.port_or_known_default() == site.port_or_known_default();
    // RFC 8252 §7.3: the port of an app on the same machine changes.
    if url.host().is_some() && url.scheme() == site.scheme() && url.host() == site.host() && (same_port || is_local || is_loopback(&url)) {
        return true;
    }
    match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) if !is_loopback(&url) => return false,
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => return true,
        _ => {}
    }
    let whole = address.split('#').next().unwrap_or_default();
    plan.redirect_urls.iter().any(|pattern| pattern.fits(whole))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        _ => false,
    }
}

/// `address` with these in its query, in place of what has the same name; the query comes out sorted, as the original does it.
pub(super) fn with_query(address: &str, parameters: &[(&str, &str)]) -> String {
    let (before, fragment) = address.split_once('#').map_or((address, None), |(before, fragment)| (before, Some(fragment)));
    let (base, query) = before.split_once('?').unwrap_or((before, ""));
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        all.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    for (name, value) in parameters {
        all.insert((*name).to_owned(), vec![(*value).to_owned()]);
    }
    let pairs = all.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{base}{query}{fragment}")
}

/// `address` with these in its fragment, sorted; `sb` marks it as the auth server's.
pub(super) fn with_fragment(address: &str, parameters: &[(&str, &str)]) -> String {
    let base = address.split('#').next().unwrap_or_default();
    let mut pairs = parameters.to_vec();
    pairs.push(("sb", ""));
    pairs.sort_unstable();
    format!("{base}#{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// `address` with an error in query and fragment; in the fragment alone when `query` is false.
pub(super) fn with_error(address: &str, failure: &Failure, query: bool) -> String {
    let parameters = failure.parameters();
    let address = if query { with_query(address, &parameters) } else { address.to_owned() };
    // The original encodes a fragment that is encoded already.
    let target = with_fragment(&address, &parameters);
    match target.split_once('#') {
        Some((base, fragment)) => format!("{base}#{}", fragment.replace('%', "%25")),
        None => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RedirectGlob;

    fn plan() -> GotruePlan {
        let mut plan = GotruePlan::new("https://app.test".parse().unwrap());
        plan.redirect_urls = ["https://*.preview.test/**", "com.app.mobile://**"].map(|glob| RedirectGlob::parse(glob).unwrap()).to_vec();
        plan
    }

    #[test]
    fn users_go_to_the_site_or_where_a_pattern_allows() {
        for address in ["https://app.test", "https://app.test:443/a?b=c#d", "https://pr-1.preview.test/x", "com.app.mobile://login#x"] {
            assert!(is_allowed(&plan(), address), "{address}");
        }
        for address in [
            "",
            "/a",
            "http://app.test/",
            "https://app.test:8443/",
            "https://app.test.evil.test/",
            "https://app.test@evil.test/",
            "https://me@pr.preview.test/",
            "https://evil.test\\.preview.test/x",
            "https://evil.test/x.preview.test/",
            " https://app.test/",
            "https://app.test/\n",
            "https://app.test\u{a0}/",
            "javascript:alert(1)",
            "https://8.8.8.8/",
            "https://134744072/",
            "com.app.other://login",
        ] {
            assert!(!is_allowed(&plan(), address), "{address}");
        }
    }

    #[test]
    fn parameters_join_what_is_there_and_errors_stand_in_both_places() {
        assert_eq!(with_query("https://x/cb?b=2&a=1#f", &[("code", "c d"), ("a", "3")]), "https://x/cb?a=3&b=2&code=c+d#f");
        assert_eq!(with_fragment("app://cb#old", &[("type", "x")]), "app://cb#sb=&type=x");
        let failure = Failure::bad_request("bad_oauth_state", "a: b");
        let both = "?error=invalid_request&error_code=bad_oauth_state&error_description=a%3A+b\
                    #error=invalid_request&error_code=bad_oauth_state&error_description=a%253A+b&sb=";
        assert_eq!(with_error("https://x/", &failure, true), format!("https://x/{both}"));
    }
}
