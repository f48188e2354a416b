//! A cookie without SameSite that grew older than two minutes.

use super::Evidence;
use crate::judge::diagnose::denied::callback_failure;
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{CookieWithheld, Hop};
use time::Duration;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-default-lax-2min",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the callback is a POST from another site, more than two minutes after the cookie it needs was set without SameSite",
    cause: "Chrome takes a cookie without SameSite as `Lax`, but lets it go with such a POST for its first two minutes: who is quick gets in, who is slow does not",
    fix: "set the state and nonce cookies with `SameSite=None; Secure`",
    reference: "RFC 6265bis §5.6.7.2; JanssenProject/jans#15104",
    check,
};

/// How long Chromium lets such a cookie go.
const WINDOW: Duration = Duration::seconds(120);

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let callbacks = facts.chain.hops.iter().filter(|hop| hop.request.method == "POST" && facts.is_callback(hop));
    let findings = callbacks.filter_map(|hop| {
        let failed = callback_failure(hop)?;
        let (cookie, set_by) = hop.withheld.iter().find_map(|cookie| Some((cookie, outgrown(facts, hop, cookie)?)))?;
        let name = shown(&String::from_utf8_lossy(&cookie.name), 80);
        let age = (hop.started - set_by.started).whole_seconds();
        let evidence = vec![
            Evidence::at(set_by.id, format!("{} set `{name}` without SameSite", place(set_by))),
            Evidence::at(
                hop.id,
                format!("{} came {age} s later, went without it (SameSiteUnspecifiedTreatedAsLax) and answered {failed}", place(hop)),
            ),
        ];
        Some(RULE.finding(format!("the POST to the callback came too late for the cookie `{name}`"), evidence))
    });
    findings.collect()
}

/// The hop that set the cookie, when its two minutes were over.
pub(super) fn outgrown<'a>(facts: &Facts<'a>, hop: &Hop, cookie: &CookieWithheld) -> Option<&'a Hop> {
    cookie.reasons.iter().find(|reason| reason.code == "SameSiteUnspecifiedTreatedAsLax")?;
    let rows = facts.ledger.rows_before(&hop.actor, &cookie.name, hop.id).iter().rev();
    let set_by = rows.into_iter().find(|row| row.set.is_some_and(|set| set.verdict.is_stored() && !is_deletion(set)))?.hop;
    (hop.started - set_by.started > WINDOW).then_some(set_by)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use crate::trace::Cause;

    fn rules(seconds: u64, status: u16) -> Vec<&'static str> {
        let mut story = Story::new();
        story.open("https://app.test/start").sets("state=v").wait(seconds);
        story.hop("POST", "https://app.test/cb?code=1&state=2", Cause::AutoForm);
        story.withheld("state", "SameSiteUnspecifiedTreatedAsLax").status(status);
        diagnose(&story.plan, &story.chain).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn hits_and_near_misses() {
        assert_eq!(rules(150, 400), [RULE.id]);
        assert_eq!(rules(5, 400), ["cookie-lax-on-post-callback"], "young: it is another fault");
        assert!(rules(150, 200).is_empty(), "the state is kept on the server");
    }
}
