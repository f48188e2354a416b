//! A session endpoint whose status says nothing.

use super::Evidence;
use crate::judge::diagnose::credential::Standing;
use crate::judge::diagnose::denied::asks_for_user;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "auth-soft-200",
    family: Family::Accepted,
    severity: Severity::Info,
    needs: Needs::Chain,
    summary: "a session endpoint answers 200 to somebody it does not know",
    cause: "the endpoint tells by its body who is there (`null`, or an object without a user), so a check of the status passes for everybody",
    fix: "assert on the user in the body, and say so where the endpoint is described",
    reference: "better-auth/better-auth#801",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let soft = |hop: &&crate::trace::Hop| hop.request.method == "GET" && facts.standing(hop) == Standing::Anonymous && asks_for_user(hop);
    let found = facts.chain.hops.iter().find(soft).map(|hop| {
        let text = format!("{} answered {} with nobody in it", place(hop), hop.status().unwrap_or_default());
        RULE.finding(format!("the status of {} tells nothing about the session", place(hop)), vec![Evidence::at(hop.id, text)])
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use serde_json::{Value, json};

    fn answers(path: &str, status: u16, body: Value) -> bool {
        let mut story = Story::new();
        story.get(&format!("https://api.test{path}")).status(status).json(body);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(answers("/auth/get-session", 200, Value::Null));
        assert!(answers("/me", 200, json!({"user": null})));
        assert!(!answers("/auth/get-session", 200, json!({"user": {"id": 1}})), "somebody is there");
        assert!(!answers("/auth/get-session", 401, Value::Null), "the status says it");
        assert!(!answers("/settings", 200, json!({})), "it tells of no user");
    }
}
