//! One machine under two names.

use super::Evidence;
use crate::judge::diagnose::attempt::turned_down;
use crate::judge::diagnose::denied::{denied, turned_away};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::web::origin::is_loopback;
use url::{Host, Url};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-loopback-split",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "one login goes by several names of the same machine: localhost, 127.0.0.1, [::1], 0.0.0.0",
    cause: "to a browser these are different hosts: what one of them set, the others do not get",
    fix: "use one name everywhere: in the address bar, in the app's base URL, in redirect URIs and in the origins that it allows",
    reference: "RFC 6265bis §5.1.3; nextauthjs/next-auth#2094",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let after_login = denied(facts).into_iter().find_map(|denied| {
        let (set_by, page) = split(&denied.witness.hop.request.url, &denied.page.request.url)?;
        if !denied.carried_nothing_of_the_login() {
            return None;
        }
        let name = shown(&denied.witness.set.name_text(), 80);
        let how = turned_away(facts, denied.page)?.told(denied.page);
        let evidence = vec![
            Evidence::at(denied.witness.hop.id, format!("{} set `{name}` for {set_by}", place(denied.witness.hop))),
            Evidence::at(denied.page.id, format!("{} did not get it and answered {how}", place(denied.page))),
        ];
        Some(RULE.finding(format!("the cookie `{name}` of {set_by} does not reach {page}"), evidence))
    });
    after_login.or_else(|| within_login(facts)).into_iter().collect()
}

/// The cookie that binds the answer to the browser, set under one name and missing under the other.
fn within_login(facts: &Facts<'_>) -> Option<Finding> {
    facts.answers().into_iter().find_map(|answer| {
        let how = turned_down(answer.hop, &answer.callback)?;
        let attempt = facts.attempt_with(answer.callback.state.as_deref()?, answer.hop.id)?;
        let (began, answered) = split(&attempt.hop.request.url, &answer.hop.request.url)?;
        let bound = attempt.cookies().find(|set| !answer.hop.sent.iter().any(|sent| sent.name == set.name))?;
        let name = shown(&bound.name_text(), 80);
        let evidence = vec![
            Evidence::at(attempt.hop.id, format!("{} began the login and set `{name}` for {began}", place(attempt.hop))),
            Evidence::at(answer.hop.id, format!("{} did not get it and {how}", place(answer.hop))),
        ];
        Some(RULE.finding(format!("the login began at {began} and is answered at {answered}"), evidence))
    })
}

/// Both hosts, when they are different names of this machine.
fn split(one: &Url, other: &Url) -> Option<(String, String)> {
    let here = |url: &Url| url.host().is_some_and(|host| is_loopback(&host) || matches!(host, Host::Ipv4(ip) if ip.is_unspecified()));
    let (first, second) = (one.host_str()?, other.host_str()?);
    (first != second && here(one) && here(other)).then(|| (shown(first, 80), shown(second, 80)))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn after_login(page: &str, status: u16) -> bool {
        let mut story = Story::new();
        story.step("x").open("http://localhost:3000/cb?code=1&state=2").sets("session=v; Path=/").follow(page).status(status);
        hits(RULE.id, &story)
    }

    fn callback(host: &str, status: u16) -> bool {
        let back = format!("http%3A%2F%2F{host}%3A3000%2Fcb");
        let mut story = Story::new();
        story.open("http://localhost:3000/login").sets("state=v");
        story.follow(&format!("https://idp.test/authorize?client_id=m&response_type=code&state=s&redirect_uri={back}"));
        story.follow(&format!("http://{host}:3000/cb?code=c&state=s")).status(status);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(after_login("http://127.0.0.1:3000/home", 401));
        assert!(after_login("http://0.0.0.0:3000/home", 401));
        assert!(!after_login("http://localhost:4000/home", 401), "the same name");
        assert!(!after_login("http://app.test/home", 401), "another machine");
        assert!(!after_login("http://127.0.0.1:3000/home", 200), "nothing is wrong there");
        assert!(callback("127.0.0.1", 400));
        assert!(!callback("127.0.0.1", 200), "the server found the login by itself");
        assert!(!callback("localhost", 400));
    }
}
