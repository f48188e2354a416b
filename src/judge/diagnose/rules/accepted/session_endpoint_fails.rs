//! A valid session meets a server error. Not in the public catalogue of rules: 401 and 500 after the same cookie have
//! different causes, and a guard that turns one into the other hides its own failure.

use super::{pairs, same_bytes};
use crate::judge::diagnose::credential::{Standing, standing};
use crate::judge::diagnose::facts::{Facts, cookie_header, is_safe, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use serde_json::Value;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "session-endpoint-fails",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "one endpoint knows the session, another fails with 5xx on the same Cookie bytes",
    cause: "the session is valid, but what the endpoint does with it fails: the database, a certificate, a tenant or row-level context; an exception that is no authentication error becomes 500",
    fix: "look the error up in the server's log by its id; answer authentication errors with 401 and failures of the infrastructure with 5xx, and keep the two apart",
    reference: "RFC 9110 §15.6; the case of a session endpoint that moved from 401 to 500",
    check,
};

/// Fields by which a server's log can be searched.
const IDS: [&str; 5] = ["errorId", "error_id", "requestId", "request_id", "traceId"];

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let fails = |hop: &Hop| is_safe(hop) && cookie_header(hop).is_some() && standing(hop) == Standing::Broken;
    let findings = pairs(facts, fails).into_iter().map(|pair| {
        let status = pair.turned_away.status().unwrap_or_default();
        let mut evidence = same_bytes(facts, &pair, &status.to_string());
        let body = pair.turned_away.response().and_then(|response| response.body.json());
        let ids = IDS.iter().filter_map(|key| Some(format!("{key} {}", shown(body.as_ref()?.get(key).and_then(Value::as_str)?, 80))));
        let ids: Vec<_> = ids.collect();
        if !ids.is_empty() {
            evidence
                .push(Evidence::at(pair.turned_away.id, format!("the answer names {}: search the server's log for it", ids.join(", "))));
        }
        RULE.finding(format!("{} answers {status} to a session that {} knows", place(pair.turned_away), place(pair.known)), evidence)
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use serde_json::json;

    fn story(cookies: &str, status: u16) -> Vec<Finding> {
        let mut story = Story::new();
        story.step("a").get("https://api.test/auth/get-session").cookies("sid=v").json(json!({"user": {"id": 1}}));
        story
            .step("b")
            .get("https://api.test/auth/session")
            .cookies(cookies)
            .status(status)
            .json(json!({"success": false, "errorId": "e-77", "statusCode": status}));
        diagnose(&story.plan, &story.chain)
    }

    #[test]
    fn a_server_error_after_a_valid_cookie_names_the_error_id() {
        let findings = story("sid=v", 500);
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [RULE.id]);
        assert!(findings[0].evidence.iter().any(|evidence| evidence.text.contains("errorId e-77")), "{findings:?}");
    }

    #[test]
    fn other_cookies_or_another_status_are_no_such_failure() {
        assert!(story("sid=other", 500).is_empty());
        assert!(story("sid=v", 404).is_empty());
        assert!(story("sid=v", 401).iter().all(|finding| finding.rule != RULE.id));
    }
}
