//! A cookie past 4096 bytes.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-too-large",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "name and value are longer than 4096 bytes",
    cause: "browsers drop cookies whose name and value together pass 4096 bytes",
    fix: "keep the session on the server; put fewer claims or groups into the token; or split the value over several cookies",
    reference: "RFC 6265bis §5.6; oauth2-proxy/oauth2-proxy#1071",
    check: |facts| refused(&RULE, facts, &["NameValuePairExceedsMaxSize"], |_| true),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("sid=v", ""), ("sid=v", "DisallowedCharacter")];
        assert_hits(&RULE, "https://app.test/", ("sid=s3cret-value", "NameValuePairExceedsMaxSize"), &misses);
    }
}
