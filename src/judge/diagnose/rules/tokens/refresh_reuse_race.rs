//! One refresh token in two requests at once.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use serde_json::Value;
use std::time::Duration;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "refresh-reuse-race",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "two requests used the same refresh token within seconds, and the second was refused",
    cause: "two tabs, or several calls that found the access token expired, refresh at the same time; with rotation only the first may",
    fix: "refresh once and let the others wait for it (single flight, Web Locks across tabs); let the provider allow a short reuse interval",
    reference: "supabase/supabase#18981; authts/react-oidc-context#1638; RFC 9700 §4.14.2",
    check,
};

/// Two uses further apart are no race.
const TOGETHER: Duration = Duration::from_secs(30);

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let uses: Vec<_> = facts
        .token_requests()
        .filter(|(hop, _)| !facts.is_by_hand(hop))
        .filter_map(|(hop, request)| Some((hop, request.refresh_token?)))
        .collect();
    uses.iter()
        .find_map(|(second, token)| {
            let refused = second.status().filter(|status| matches!(status, 400 | 401))?;
            let body = second.response()?.body.json()?;
            let word = ["error", "error_code", "code"].iter().find_map(|key| body.get(*key).and_then(Value::as_str))?;
            if !matches!(word, "invalid_grant" | "refresh_token_already_used" | "refresh_token_not_found") {
                return None;
            }
            let together =
                |first: &crate::trace::Hop| (second.started - first.started).unsigned_abs() <= TOGETHER && first.status() == Some(200);
            // Of two requests at once either may win, whichever was sent first.
            let (first, _) = uses
                .iter()
                .find(|(first, other)| other == token && first.request.url.origin() == second.request.url.origin() && together(first))?;
            Some(RULE.finding(
                "two requests used one refresh token",
                vec![
                    Evidence::at(first.id, format!("{} used the refresh token and got new ones", place(first))),
                    Evidence::at(
                        second.id,
                        format!(
                            "{} used the same one {} ms {} and was answered {refused} `{word}`",
                            place(second),
                            (second.started - first.started).unsigned_abs().as_millis(),
                            if first.id < second.id { "later" } else { "earlier" }
                        ),
                    ),
                ],
            ))
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::Cause;
    use serde_json::json;

    fn refreshes(tokens: [&str; 2], between: u64, error: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/");
        refresh(&mut story, tokens[0]);
        refresh(&mut story, tokens[1]);
        story.status(400).json(json!({"error": error}));
        story.last().started += std::time::Duration::from_secs(between);
        hits(RULE.id, &story)
    }

    fn refresh(story: &mut Story, token: &str) {
        story.hop("POST", "https://idp.test/token", Cause::Subresource).last().request.body =
            format!("grant_type=refresh_token&refresh_token={token}").into();
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(refreshes(["r1", "r1"], 0, "invalid_grant"));
        assert!(!refreshes(["r1", "r2"], 0, "invalid_grant"), "each its own");
        assert!(!refreshes(["r1", "r1"], 600, "invalid_grant"), "an old one, long after");
        assert!(!refreshes(["r1", "r1"], 0, "invalid_client"), "refused for another reason");
    }
    #[test]
    fn the_one_that_was_sent_first_may_come_second() {
        let mut story = Story::new();
        story.open("https://app.test/");
        refresh(&mut story, "r1");
        story.status(400).json(json!({"error": "invalid_grant"}));
        refresh(&mut story, "r1");
        assert!(hits(RULE.id, &story));
    }
}
