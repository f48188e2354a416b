//! A `Domain` that belongs to everybody.

use super::{is_within_domain, refused};
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-domain-public-suffix",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "`Domain` is a public suffix",
    cause: "the domain is on the Public Suffix List: anybody can register below it, so nobody may set cookies for it",
    fix: "leave `Domain` out, or serve the app from a domain of its own",
    reference: "RFC 6265bis §5.7 step 9; better-auth/better-auth#4270",
    check: |facts| refused(&RULE, facts, &["InvalidDomain"], is_within_domain),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [
            ("sid=v; Domain=app.vercel.app", ""),
            ("sid=v; Domain=api.vercel.app", "InvalidDomain"),
            ("sid=; Domain=vercel.app; Max-Age=0", "InvalidDomain"),
        ];
        assert_hits(&RULE, "https://app.vercel.app/", ("sid=s3cret-value; Domain=.vercel.app", "InvalidDomain"), &misses);
    }
}
