//! A cookie that a shared cache hands to everybody.

use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::AnsweredBy;
use crate::web::caching::{CacheControl, from_shared_cache};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "set-cookie-from-cache",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a session cookie comes from a shared cache, or its answer may be kept by one",
    cause: "the answer that sets the cookie is cacheable, so the CDN gives one person's session to the next",
    fix: "answer with Cache-Control: private, no-store wherever a session cookie is set, middleware and rolling sessions included",
    reference: "auth0/nextjs-auth0#2100; sidekiq/sidekiq#5936; RFC 9111 §7.3",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .find_map(|hop| {
            let response = hop.response().filter(|response| response.by == AnsweredBy::Server)?;
            let session = hop.set.iter().find(|set| !is_deletion(set) && sounds_like_session(&set.name_text().to_ascii_lowercase()))?;
            let name = shown(&session.name_text(), 80);
            let text = match from_shared_cache(&response.headers) {
                Some(field) => format!("{} set `{name}` and came from a cache ({})", place(hop), shown(&field, 80)),
                None if CacheControl::of(&response.headers).invites_shared() && hop.request.method == "GET" => {
                    let control = response.headers.get_str("cache-control").unwrap_or_default();
                    format!("{} set `{name}` with Cache-Control: {}", place(hop), shown(control, 80))
                }
                None => return None,
            };
            Some(RULE.finding(format!("`{name}` may come from a shared cache"), vec![Evidence::at(hop.id, text)]))
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::SetVerdict;

    fn answers(name: &str, value: &str, cookie: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").answers(name, value).sets(cookie);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(answers("X-Cache", "HIT", "sid=v"));
        assert!(answers("Cache-Control", "public, max-age=60", "session=v"));
        assert!(!answers("Cache-Control", "private, max-age=60", "session=v"), "the browser's own cache");
        assert!(!answers("X-Cache", "MISS", "sid=v"));
        assert!(!answers("X-Cache", "HIT", "theme=dark"), "no session");
        let mut cleared = Story::new();
        cleared.open("https://app.test/").answers("X-Cache", "HIT").set_cookie("sid=; Max-Age=0", SetVerdict::Deleted);
        assert!(!hits(RULE.id, &cleared));
    }
}
