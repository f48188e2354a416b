//! A one-time link that somebody opened before the person did.

use crate::judge::diagnose::facts::{Facts, place, redirect_error};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use crate::web::message::links;
use url::{Position, Url};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "magic-link-consumed",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a one-time link was opened by somebody else before the person opened it",
    cause: "mail scanners and link previews open every link in a mail by GET or HEAD, which used the link up",
    fix: "let the link show a page whose button confirms by POST, or mail a code beside the link",
    reference: "nextauthjs/next-auth#1840; supabase/auth#1214; better-auth/better-auth#9690",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let links = facts.chain.messages.iter().flat_map(|message| links(&message.text, message.html.as_deref()));
    let mut links: Vec<_> = links.filter_map(|link| Url::parse(&link).ok()).collect();
    links.sort();
    links.dedup();
    links.iter().filter_map(|link| finding(facts, link)).collect()
}

fn finding(facts: &Facts<'_>, link: &Url) -> Option<Finding> {
    let opens = |hop: &&Hop| {
        hop.request.url[..Position::AfterQuery] == link[..Position::AfterQuery] && matches!(hop.request.method.as_str(), "GET" | "HEAD")
    };
    let failed = |hop: &&Hop| hop.status().is_some_and(|status| status >= 400) || redirect_error(hop).is_some();
    let opened: Vec<_> = facts.chain.hops.iter().filter(opens).collect();
    let person = opened.iter().find(|hop| failed(hop))?;
    let told = |first: Evidence| {
        let answer = person.status().map(|status| status.to_string()).unwrap_or_default();
        RULE.finding(
            "the link was used up before the person opened it",
            vec![
                first,
                Evidence::at(person.id, format!("{} was opened by {} after that, and failed: {answer}", place(person), person.actor)),
            ],
        )
    };
    if let Some(before) = opened.iter().find(|hop| hop.id < person.id && hop.actor != person.actor && !failed(hop)) {
        return Some(told(Evidence::at(
            before.id,
            format!("{} was opened by {} first, by {}", place(before), before.actor, before.request.method),
        )));
    }
    let scanned = facts.chain.calls.iter().find(|call| {
        let target = &link[Position::BeforePath..Position::AfterQuery];
        !call.by_actor
            && call.at < person.started
            && call.target == target
            && call.origin.to_string() == link.origin().ascii_serialization()
    })?;
    Some(told(Evidence::of(format!("a server asked {} for it first, by {}", scanned.origin, scanned.method))))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::Message;

    const LINK: &str = "https://app.test/verify?token=t1";

    fn opened(first: Option<&str>, second: u16) -> bool {
        let mut story = Story::new();
        let at = time::macros::datetime!(2026-03-01 12:00 UTC);
        story.chain.messages.push(Message {
            channel: "mail",
            from: "a@app.test".into(),
            to: Vec::new(),
            subject: None,
            text: format!("Sign in: {LINK}"),
            html: None,
            at,
        });
        if let Some(first) = first {
            story.actor(first).step("first").open(LINK);
        }
        story.actor("user").step("then").open(LINK).status(second);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(opened(Some("scanner"), 400));
        assert!(!opened(Some("scanner"), 200), "a page that confirms by POST");
        assert!(!opened(Some("user"), 400), "the person opened it twice");
        assert!(!opened(None, 400), "it failed for another reason");
    }
}
