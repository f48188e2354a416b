//! Claims about somebody else.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use crate::web::jwt::Jwt;
use serde_json::Value;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "userinfo-sub-mismatch",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "userinfo is about another person than the ID token of the same login",
    cause: "the access token is another person's (a shared cache, a mix-up of sessions), or the provider has two kinds of `sub`",
    fix: "refuse userinfo whose sub is not the ID token's; see where the access token comes from",
    reference: "OIDC Core §5.3.2, §5.3.4",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let issued: Vec<_> = facts.token_requests().filter_map(|(hop, _)| issued(hop)).collect();
    let found = facts.chain.hops.iter().filter(|hop| hop.request.url.path().to_ascii_lowercase().contains("userinfo")).find_map(|hop| {
        let token = hop.request.headers.get_str("authorization")?.split_once(' ')?.1.trim();
        let response = hop.response().filter(|response| response.status == 200)?;
        let body = response.body.json()?;
        let sub = body.get("sub").and_then(Value::as_str)?;
        let login =
            issued.iter().rev().find(|login| login.access_token == token && login.hop.id < hop.id && login.hop.actor == hop.actor)?;
        (login.sub != sub).then(|| {
            RULE.finding(
                "userinfo and ID token are about two people",
                vec![
                    Evidence::at(login.hop.id, format!("{} issued an ID token and an access token", place(login.hop))),
                    Evidence::at(hop.id, format!("{} with that access token is about another sub", place(hop))),
                ],
            )
        })
    });
    found.into_iter().collect()
}

struct Issued<'a> {
    hop: &'a Hop,
    access_token: String,
    sub: String,
}

/// What a token response says: its access token, and whom its ID token is about.
fn issued(hop: &Hop) -> Option<Issued<'_>> {
    let body = hop.response()?.body.json()?;
    let sub = Jwt::decode(body.get("id_token")?.as_str()?)?.text("sub")?.to_owned();
    Some(Issued { hop, access_token: body.get("access_token")?.as_str()?.to_owned(), sub })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits, jwt};
    use crate::trace::Cause;
    use serde_json::json;

    fn asks(token: &str, sub: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").hop("POST", "https://idp.test/token", Cause::Subresource);
        story.json(json!({"access_token": "at-1", "id_token": jwt(&json!({"sub": "ada"}))})).last().request.body =
            "grant_type=authorization_code&code=c".into();
        story.hop("GET", "https://idp.test/userinfo", Cause::Subresource).sends("Authorization", &format!("Bearer {token}"));
        story.json(json!({ "sub": sub }));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(asks("at-1", "bob"));
        assert!(!asks("at-1", "ada"));
        assert!(!asks("at-2", "bob"), "the access token of another login");
    }
}
