//! Bytes that no cookie may hold.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-illegal-bytes",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "its line holds a control character",
    cause: "a line with a control character is dropped whole, Chromium counts a tab among them: usually a raw value that was never encoded",
    fix: "encode the value, best as base64url",
    reference: "RFC 6265bis §5.6 step 1; encode/starlette#1259",
    check: |facts| refused(&RULE, facts, &["DisallowedCharacter", "SyntaxError"], |_| true),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("sid=v", ""), ("sid=v", "NoCookieContent"), ("sid=; Max-Age=0", "DisallowedCharacter")];
        assert_hits(&RULE, "https://app.test/", ("sid=s3cret-value", "DisallowedCharacter"), &misses);
    }
}
