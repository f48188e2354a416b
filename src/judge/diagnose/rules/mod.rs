//! The registry: one rule, one file, one id.

mod accepted;
mod edge;
mod redirects;
mod sent;
mod state;
mod store;
mod stored;
mod tokens;

use super::facts::Facts;
use super::{Evidence, Finding, Severity};
use std::sync::LazyLock;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id, as findings, `finds` and `allow` name it.
    pub id: &'static str,
    /// What it is about.
    pub family: Family,
    /// How much its findings matter.
    pub severity: Severity,
    /// What it must see to decide.
    pub needs: Needs,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that happens.
    pub cause: &'static str,
    /// How to mend it.
    pub fix: &'static str,
    /// The standard or the known case behind it.
    pub reference: &'static str,
    /// Looks for it.
    pub(super) check: fn(&Facts<'_>) -> Vec<Finding>,
}

/// What a rule is about: the gate that fails first, or what lies beyond the gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// A cookie was emitted but not stored.
    Stored,
    /// A cookie was stored but not sent.
    Sent,
    /// A cookie was sent but not accepted.
    Accepted,
    /// State, nonce, PKCE, one-time values.
    State,
    /// Redirects and hosts.
    Redirects,
    /// Tokens and the provider.
    Tokens,
    /// Edge, cache, deployment.
    Edge,
    /// What servers keep behind the scenes.
    Store,
}

impl Family {
    /// All of them, in the order of the registry.
    pub const ALL: [Self; 8] =
        [Self::Stored, Self::Sent, Self::Accepted, Self::State, Self::Redirects, Self::Tokens, Self::Edge, Self::Store];

    /// Its name in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::State => "state",
            Self::Redirects => "redirects",
            Self::Tokens => "tokens",
            Self::Edge => "edge",
            Self::Store => "store",
        }
    }

    /// What its rules are about, in one line.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Stored => "a cookie was emitted but not stored",
            Self::Sent => "a cookie was stored but not sent",
            Self::Accepted => "a cookie was sent but not accepted",
            Self::State => "state, nonce, PKCE and other values that are good once",
            Self::Redirects => "redirects and hosts",
            Self::Tokens => "tokens and the provider",
            Self::Edge => "edge, caches and deployment",
            Self::Store => "sessions in stores behind the servers: sources of truth, projections, streams",
        }
    }
}

/// What a rule must see to decide. A rule whose need a chain does not meet says nothing about that chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Needs {
    /// The hops and their cookies: any run, and any recording that kept its cookies.
    Chain,
    /// What only a real browser tells.
    Browser,
    /// A question beyond the login itself: a request made twice, without the edge, or after signing out.
    Probe,
    /// What is known of the deployment.
    Deploy,
    /// The browser state that a test saved.
    Storage,
}

impl Needs {
    /// Its name in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Browser => "browser",
            Self::Probe => "probe",
            Self::Deploy => "deploy",
            Self::Storage => "storage",
        }
    }

    /// What is missing where the rule cannot decide; nothing for a rule that the chain is enough for.
    #[must_use]
    pub const fn missing(self) -> Option<&'static str> {
        match self {
            Self::Chain => None,
            Self::Browser => Some("not decidable here without a real browser: the other engine and a HAR do not show what it needs"),
            Self::Probe => {
                Some("not decidable here by a login alone: it needs a request that asks for it (a `probe` step, or `run --probe`)")
            }
            Self::Deploy => Some("not decidable here by a chain: it needs to know what is deployed"),
            Self::Storage => Some("not decidable here by a chain: it needs the browser state that a test saved"),
        }
    }
}

impl Rule {
    /// A finding with the rule's own cause and fix.
    fn finding(&self, title: impl Into<String>, evidence: Vec<Evidence>) -> Finding {
        Finding {
            rule: self.id,
            severity: self.severity,
            title: title.into(),
            evidence,
            cause: self.cause.to_owned(),
            fix: self.fix.to_owned(),
            reference: self.reference,
        }
    }
}

/// The check of a rule for which a chain never holds what it needs.
fn undecidable(_: &Facts<'_>) -> Vec<Finding> {
    Vec::new()
}

/// Every rule by family, in the order of the gates.
static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    [stored::RULES, sent::RULES, accepted::RULES, state::RULES, redirects::RULES, tokens::RULES, edge::RULES, store::RULES]
        .into_iter()
        .flatten()
        .copied()
        .collect()
});

/// Every rule.
#[must_use]
pub fn rules() -> &'static [&'static Rule] {
    &RULES
}

/// The rule with this id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The catalogue: every rule that must be there, by family.
    const CATALOGUE: [(Family, &[&str]); 7] = [
        (
            Family::Stored,
            &[
                "cookie-none-insecure",
                "cookie-secure-over-http",
                "cookie-missing-secure-https",
                "cookie-host-prefix-broken",
                "cookie-secure-prefix-broken",
                "cookie-http-prefix-broken",
                "cookie-prefix-inert",
                "cookie-domain-foreign",
                "cookie-domain-public-suffix",
                "cookie-domain-single-label-or-ip",
                "cookie-too-large",
                "cookie-attribute-too-long",
                "cookie-overlay-secure",
                "cookie-header-folded",
                "cookie-set-then-cleared",
                "cookie-born-expired",
                "cookie-third-party-blocked",
                "cookie-lax-set-in-subrequest",
                "cookie-partitioned-insecure",
                "cookie-stripped-by-edge",
                "cookie-rewritten-by-edge",
                "cookie-illegal-bytes",
                "cookie-set-by-prefetched-page",
            ],
        ),
        (
            Family::Sent,
            &[
                "cookie-lax-on-post-callback",
                "cookie-default-lax-2min",
                "cookie-strict-on-return",
                "cookie-path-miss",
                "cookie-host-only-elsewhere",
                "cookie-scheme-downgrade",
                "cookie-loopback-split",
                "cookie-port-shared",
                "cookie-evicted-by-count",
                "fetch-without-credentials",
                "cors-wildcard-with-credentials",
                "client-jar-differs",
                "state-saved-too-early",
                "session-in-web-storage",
            ],
        ),
        (
            Family::Accepted,
            &[
                "cookie-name-prefix-split",
                "cookie-duplicate-shadow",
                "cookie-chunk-and-whole",
                "cookie-chunk-gap",
                "cookie-value-altered",
                "cookie-value-encoding",
                "secret-rotated",
                "invalid-cookie-never-cleared",
                "node-affinity",
                "session-endpoints-disagree",
                "auth-soft-200",
                "api-redirects-to-login",
                "partial-domain-cookie-mix",
                "csrf-rotated-at-login",
                "session-not-rotated",
                "logout-scope-mismatch",
                "logout-server-session-alive",
            ],
        ),
        (
            Family::State,
            &[
                "state-cookie-never-set",
                "state-cookie-overwritten",
                "state-cookie-expired",
                "state-value-mismatch",
                "state-not-verified",
                "callback-other-context",
                "pkce-verifier-missing",
                "pkce-weak",
                "nonce-mismatch",
                "nonce-cookie-pileup",
                "code-replayed",
                "auth-route-prefetched",
                "magic-link-consumed",
                "callback-error-swallowed",
                "otp-window",
            ],
        ),
        (
            Family::Redirects,
            &[
                "redirect-to-self",
                "redirect-auth-cycle",
                "redirect-ping-pong-guards",
                "redirect-downgrade",
                "redirect-uri-scheme",
                "redirect-uri-internal-host",
                "redirect-uri-www-apex",
                "redirect-uri-near-miss",
                "redirect-permanent-on-auth",
                "redirect-drops-body",
                "redirect-forwarded-host-lost",
                "redirect-too-many",
                "return-to-lost",
                "return-to-open",
                "redirect-leaks-credentials",
            ],
        ),
        (
            Family::Tokens,
            &[
                "iss-mismatch",
                "iss-param-mismatch",
                "aud-azp-mismatch",
                "clock-skew",
                "token-dead-on-arrival",
                "jwks-stale",
                "jwks-kid-missing",
                "refresh-reuse-race",
                "refresh-not-written-back",
                "silent-renew-blocked",
                "token-in-url",
                "implicit-or-password-grant",
                "userinfo-sub-mismatch",
            ],
        ),
        (
            Family::Edge,
            &[
                "set-cookie-from-cache",
                "auth-response-cacheable",
                "sw-intercepted",
                "stale-client-bundle",
                "deploy-sha-mismatch",
                "deploy-mixed-replicas",
                "deploy-unverifiable",
                "config-drift",
                "request-header-budget",
                "response-header-budget",
                "har-sanitised",
                "har-no-redirect-bodies",
            ],
        ),
    ];

    #[test]
    fn every_rule_of_the_catalogue_is_there_in_its_family() {
        let all: BTreeSet<_> = CATALOGUE.iter().flat_map(|(_, ids)| *ids).collect();
        assert_eq!(all.len(), 109);
        for (family, ids) in CATALOGUE {
            for id in ids {
                assert_eq!(explain(id).map(|rule| rule.family), Some(family), "{id}");
            }
        }
    }

    #[test]
    fn a_rule_that_cannot_decide_says_what_it_would_need() {
        for rule in rules().iter().filter(|rule| std::ptr::fn_addr_eq(rule.check, undecidable as fn(&Facts<'_>) -> Vec<Finding>)) {
            assert!(rule.needs.missing().is_some_and(|missing| missing.contains("not decidable here")), "{}", rule.id);
        }
    }

    #[test]
    fn every_rule_is_told_once_and_whole() {
        let ids: BTreeSet<_> = rules().iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), rules().len());
        assert!(rules().is_sorted_by_key(|rule| rule.family), "rules stand by family");
        for rule in rules() {
            let texts = [rule.summary, rule.cause, rule.fix, rule.reference];
            assert!(texts.iter().all(|text| !text.is_empty() && text.len() < 400 && !text.contains('|')), "{}", rule.id);
            assert!(rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()), "{}", rule.id);
            assert_eq!(explain(rule.id).map(|found| found.id), Some(rule.id));
        }
        assert!(explain("no-such-rule").is_none());
    }
}
