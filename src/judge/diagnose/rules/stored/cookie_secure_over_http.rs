//! `Secure` over plain http.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-secure-over-http",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "`Secure` over plain http",
    cause: "the response came over http, and a `Secure` cookie is only taken from https (or a loopback host)",
    fix: "terminate TLS in front of this host, or let the public scheme decide about `Secure`",
    reference: "RFC 6265bis §5.7 step 13; dotnet/aspnetcore#45247",
    check: |facts| refused(&RULE, facts, &["SecureOnly"], |refused| refused.hop.request.url.scheme() == "http"),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("sid=v", ""), ("__Secure-sid=v; Secure", "InvalidPrefix"), ("sid=; Secure; Max-Age=0", "SecureOnly")];
        assert_hits(&RULE, "http://app.test/", ("sid=s3cret-value; Secure", "SecureOnly"), &misses);
    }
}
