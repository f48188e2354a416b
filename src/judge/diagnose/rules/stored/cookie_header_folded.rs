//! Two cookies in one Set-Cookie line.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::CookieSet;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-header-folded",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "one Set-Cookie line holds two cookies, and browsers keep the first alone",
    cause: "a proxy, a function's adapter or a fetch wrapper joined the lines with commas: Set-Cookie is the one field that may not be joined, and the second cookie's attributes now count for the first",
    fix: "hand Set-Cookie on line by line: `headers.getSetCookie()`, a list of values, `multiValueHeaders`",
    reference: "RFC 9110 §5.3; RFC 6265bis §3; better-auth/better-auth#3909, http-party/node-http-proxy#1101",
    check,
};

/// Attributes, by whose names nobody calls a cookie.
const ATTRIBUTES: [&str; 12] = [
    "expires",
    "max-age",
    "domain",
    "path",
    "secure",
    "httponly",
    "samesite",
    "partitioned",
    "priority",
    "version",
    "comment",
    "sameparty",
];

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told: Vec<&[u8]> = Vec::new();
    let mut findings = Vec::new();
    for hop in &facts.chain.hops {
        for set in &hop.set {
            let Some(second) = folded(set).filter(|_| !told.contains(&&set.name[..])) else { continue };
            told.push(&set.name);
            let (first, second) = (shown(&set.name_text(), 80), shown(&second, 80));
            let evidence = Evidence::at(
                hop.id,
                format!("{} set `{first}` in a line that also holds `{second}=…` with attributes of its own", place(hop)),
            );
            findings.push(
                RULE.finding(format!("the cookie `{second}` is lost: it stands in the Set-Cookie line of `{first}`"), vec![evidence]),
            );
        }
    }
    findings
}

/// The second cookie's name: `name=` after a comma behind the first cookie's attributes, with an attribute after it.
fn folded(set: &CookieSet) -> Option<String> {
    let line = String::from_utf8_lossy(&set.raw);
    let mut parts = line.split(';').skip(1);
    let name = parts.find_map(|part| {
        // A date has a comma too, and nothing like a name and a value right after it.
        part.match_indices(',').find_map(|(at, _)| {
            let (name, value) = part[at + 1..].trim_start().split_once('=')?;
            let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.$!#%&'*+^`|~".contains(&byte));
            (is_token && !value.is_empty() && !ATTRIBUTES.contains(&name.to_ascii_lowercase().as_str())).then(|| name.to_owned())
        })
    })?;
    let attribute = |part: &str| ATTRIBUTES.contains(&part.split('=').next().unwrap_or_default().trim().to_ascii_lowercase().as_str());
    parts.any(attribute).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(line: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").sets(line);
        let findings = diagnose(&story.plan, &story.chain);
        assert!(!format!("{findings:?}").contains("s3cret"));
        findings.iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits("a=1; Path=/; HttpOnly, sid=s3cret; Path=/; Secure"));
        assert!(hits("a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT,sid=s3cret; Path=/"));
        assert!(!hits("a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/"), "a date's comma");
        assert!(!hits("a=x, b=2; Path=/"), "a comma in the value");
        assert!(!hits("a=1; Path=/x,y=z"), "a comma in a path, and nothing after it");
        assert!(!hits("a=1; Path=/, Secure; HttpOnly"));
    }
}
