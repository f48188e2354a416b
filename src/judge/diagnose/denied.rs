//! Who was turned away, whatever the status: a login that fails with 200 is a failure too.

use super::credential::{Standing, standing};
use super::facts::{Facts, ends_session, redirect_error, target, without_query};
use super::ledger::{Witness, witness};
use crate::judge::text::shown;
use crate::trace::{Cause, Hop, HopId, Resource};
use crate::web::oauth::is_authorization_request;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use url::Url;

/// Bytes of a page that are looked through.
const LOOKED_THROUGH: usize = 256 * 1024;

/// A page that turned away somebody who had logged in, and the cookie that should have opened it.
#[derive(Clone, Copy)]
pub(super) struct Denied<'a> {
    pub(super) witness: Witness<'a>,
    pub(super) page: &'a Hop,
}

impl Denied<'_> {
    /// Whether the page's request carried the login's cookie.
    pub(super) fn carried(&self) -> bool {
        self.page.sent.iter().any(|sent| sent.name == self.witness.set.name)
    }

    /// Whether the page's request went without any cookie of the login.
    pub(super) fn carried_nothing_of_the_login(&self) -> bool {
        let of_the_login =
            |name: &bytes::Bytes| self.witness.hop.set.iter().any(|set| set.name == *name && !super::facts::is_deletion(set));
        !self.page.sent.iter().any(|sent| of_the_login(&sent.name))
    }
}

/// The pages that turned away somebody who had logged in, each once. A page that the same person was later let into does not
/// count, nor does one that was asked for after signing out, nor one of another app that starts a login of its own.
pub(super) fn denied<'a>(facts: &Facts<'a>) -> Vec<Denied<'a>> {
    let pages = facts.denied.get_or_init(|| look_for_denied(facts)).iter();
    pages.filter_map(|page| facts.chain.hop(*page)).filter_map(|page| Some(Denied { witness: before(facts, page)?, page })).collect()
}

/// The login before a page.
fn before<'a>(facts: &Facts<'a>, page: &Hop) -> Option<Witness<'a>> {
    witness(facts, &page.actor, page.id).filter(|witness| witness.hop.id < page.id)
}

/// A page of an actor's: who asked, and for what.
type Visit<'a> = (&'a str, &'a str, Option<&'a str>, Option<u16>, &'a str);

fn visit(hop: &Hop) -> Visit<'_> {
    let url = &hop.request.url;
    (&hop.actor, url.scheme(), url.host_str(), url.port_or_known_default(), url.path())
}

/// What an actor has done up to a hop.
#[derive(Default)]
struct Past {
    signed_out: Option<HopId>,
    /// The last page that did not come by itself.
    went: Option<HopId>,
}

fn look_for_denied(facts: &Facts<'_>) -> Vec<HopId> {
    // What a probe was refused, or let into, is told by its table.
    let own = || facts.chain.hops.iter().filter(|hop| hop.cause != Cause::Probe);
    let let_in = own().filter(|hop| is_success(hop) && turned_away(facts, hop).is_none());
    // Of several the last one stays.
    let let_in: HashMap<Visit<'_>, HopId> = let_in.map(|hop| (visit(hop), hop.id)).collect();
    let mut found = Vec::new();
    let (mut told, mut first_refusals, mut pasts) = (HashSet::new(), HashMap::new(), HashMap::<&str, Past>::new());
    for page in own() {
        let past = pasts.entry(&*page.actor).or_default();
        if page.resource == Resource::Document && !comes_by_itself(page) {
            past.went = Some(page.id);
        }
        let signed_out = past.signed_out;
        if ends_session(page) {
            past.signed_out = Some(page.id);
        }
        let Some(how) = turned_away(facts, page) else { continue };
        let visit = visit(page);
        let first_refusal = *first_refusals.entry(visit).or_insert(page.id);
        let Some(login) = before(facts, page).map(|witness| witness.hop.id) else { continue };
        // Being sent to a provider is how every app begins a login of its own: what was asked for before, or what the login
        // itself led to without anybody doing anything, is another matter.
        let meant = how == TurnedAway::Refused || first_refusal < login || past.went.is_none_or(|went| went <= login);
        let later_let_in = || let_in.get(&visit).is_some_and(|last| *last > page.id);
        if meant && signed_out.is_none_or(|last| last < login) && !later_let_in() && told.insert(visit) {
            found.push(page.id);
        }
    }
    found
}

/// Whether a page was loaded without anybody doing anything: by redirects, refreshes, forms and scripts of the page before.
fn comes_by_itself(hop: &Hop) -> bool {
    matches!(hop.cause, Cause::Redirect(_) | Cause::AutoForm | Cause::Refresh | Cause::Script)
}

fn is_success(hop: &Hop) -> bool {
    hop.status().is_some_and(|status| (200..300).contains(&status))
}

/// How a request for a page or a session was turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// By a status, or by an answer that knows nobody.
    Refused,
    /// By being sent to log in, by whatever means.
    Sent(Url),
    /// By a form to log in, in the page's place.
    Form,
}

impl TurnedAway {
    /// For people: what the hop answered.
    pub(super) fn told(&self, hop: &Hop) -> String {
        let status = hop.status().unwrap_or_default();
        match self {
            Self::Refused if is_success(hop) => format!("{status}, with nobody in it"),
            Self::Refused => status.to_string(),
            Self::Sent(url) => format!("{status}, and from there to {}", without_query(url)),
            Self::Form => format!("{status} with a form to log in"),
        }
    }
}

/// Whether the hop turned away whoever asked, and how. Pages to log in, callbacks and authorization requests do not: sending
/// on is what they are for.
pub(super) fn turned_away(facts: &Facts<'_>, hop: &Hop) -> Option<TurnedAway> {
    let at = hop.id.0 as usize;
    match facts.refusals.get(at) {
        // A probe's request stands twice, in the chain as logins made it and as it was made: only the former is known here.
        Some(known) if facts.chain.hops.get(at).is_some_and(|own| std::ptr::eq(own, hop)) => {
            known.get_or_init(|| how_turned_away(facts, hop)).clone()
        }
        _ => how_turned_away(facts, hop),
    }
}

fn how_turned_away(facts: &Facts<'_>, hop: &Hop) -> Option<TurnedAway> {
    let url = &hop.request.url;
    if hop.request.method != "GET" || is_login(url) || ends_session(hop) || facts.is_callback(hop) {
        return None;
    }
    match standing(hop) {
        Standing::Refused => return Some(TurnedAway::Refused),
        Standing::Anonymous if asks_for_user(hop) => return Some(TurnedAway::Refused),
        Standing::Known | Standing::Anonymous | Standing::Broken | Standing::Silent => {}
    }
    if let Some(url) = target(hop).or_else(|| went_by_itself(facts, hop)).filter(is_login) {
        return Some(TurnedAway::Sent(url));
    }
    shows_login_form(hop).then_some(TurnedAway::Form)
}

/// Whether a URL is where logins begin: a page to log in, or a provider's authorization endpoint.
pub(super) fn is_login(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    let named = ["login", "log-in", "log_in", "logon", "signin", "sign-in", "sign_in"].iter().any(|word| path.contains(word));
    named || is_authorization_request(url)
}

/// Whether a path by its words answers with who is signed in.
pub(super) fn asks_for_user(hop: &Hop) -> bool {
    let path = hop.request.url.path().to_ascii_lowercase();
    ["session", "user", "whoami", "/me", "profile", "account"].iter().any(|word| path.contains(word))
}

/// Where a page went by itself: by a refresh, a form that it submitted, or a script, within the same step.
fn went_by_itself(facts: &Facts<'_>, hop: &Hop) -> Option<Url> {
    if hop.resource != Resource::Document {
        return None;
    }
    let later = facts.chain.hops.get(hop.id.0 as usize + 1..).unwrap_or_default();
    let next = later.iter().find(|next| next.actor == hop.actor && next.resource == Resource::Document)?;
    // What a page's script asked for and was refused is what turned away, not the page.
    let asked = later.iter().take_while(|other| other.id != next.id).filter(|other| other.actor == hop.actor);
    let was_told = || asked.into_iter().any(|other| other.resource == Resource::Fetch && is_refusal(facts.standing(other)));
    let by_itself = next.step == hop.step
        && match next.cause {
            Cause::AutoForm | Cause::Refresh => true,
            Cause::Script => !was_told(),
            _ => false,
        };
    by_itself.then(|| next.request.url.clone())
}

fn is_refusal(standing: Standing) -> bool {
    matches!(standing, Standing::Refused | Standing::Anonymous | Standing::Broken)
}

fn html(hop: &Hop) -> Option<String> {
    let response = hop.response()?;
    response.headers.content_type().filter(|kind| kind.is_html())?;
    let bytes = &response.body.bytes[..response.body.bytes.len().min(LOOKED_THROUGH)];
    Some(String::from_utf8_lossy(bytes).to_ascii_lowercase())
}

fn shows_login_form(hop: &Hop) -> bool {
    let asks = |page: String| {
        let fields =
            ["type=\"password\"", "type='password'", "type=password"].iter().map(|field| page.matches(field).count()).sum::<usize>();
        // Two such fields change a password; one asks for it.
        fields == 1 && !page.contains("new-password")
    };
    is_success(hop) && (hop.resource == Resource::Document || hop.cause == Cause::Probe) && html(hop).is_some_and(asks)
}

/// Whether a callback failed, and what says so: its status, the redirect that it answers with, or the page or object that it
/// answers 200 with.
pub(super) fn callback_failure(hop: &Hop) -> Option<String> {
    let status = hop.status()?;
    if status >= 400 {
        return Some(status.to_string());
    }
    if let Some(error) = redirect_error(hop) {
        return Some(format!("{status} and error={}", shown(&error.error, 80)));
    }
    if let Some(url) = target(hop).filter(|url| is_login(url) && !is_authorization_request(url)) {
        return Some(format!("{status}, back to {}", without_query(&url)));
    }
    if !is_success(hop) {
        return None;
    }
    let json = hop.response().and_then(|response| response.body.json());
    if let Some(error) = json.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str) {
        return Some(format!("{status} with the error {}", shown(error, 80)));
    }
    let page = html(hop)?;
    let title = page.split_once("<title>")?.1.split_once("</title>")?.0.trim().to_owned();
    ["error", "failed", "invalid", "denied"]
        .iter()
        .any(|word| title.contains(word))
        .then(|| format!("{status} with a page \"{}\"", shown(&title, 80)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Story;
    use serde_json::json;

    fn of_last(story: &Story) -> Option<TurnedAway> {
        let facts = Facts::new((&story.plan).into(), &story.chain);
        turned_away(&facts, story.chain.hops.last().unwrap())
    }

    fn pages(story: &Story) -> Vec<String> {
        let facts = Facts::new((&story.plan).into(), &story.chain);
        denied(&facts).iter().map(|denied| denied.page.request.url.path().to_owned()).collect()
    }

    #[test]
    fn the_status_alone_tells_nothing() {
        let asked = |shape: fn(&mut Story)| {
            let mut story = Story::new();
            story.open("https://app.test/api/session");
            shape(&mut story);
            of_last(&story)
        };
        assert_eq!(
            asked(|story| {
                story.status(401);
            }),
            Some(TurnedAway::Refused)
        );
        assert_eq!(
            asked(|story| {
                story.json(json!({"user": null}));
            }),
            Some(TurnedAway::Refused)
        );
        assert_eq!(
            asked(|story| {
                story.json(json!({"user": {"id": 1}}));
            }),
            None
        );
        assert!(matches!(
            asked(|story| {
                story.status(302).location("/login");
            }),
            Some(TurnedAway::Sent(_))
        ));
        let form = |story: &mut Story, body: &'static str| story.html("x").last().outcome.as_mut().unwrap().body.bytes = body.into();
        let mut story = Story::new();
        form(story.open("https://app.test/"), "<form><input name=p type=password></form>");
        assert_eq!(of_last(&story), Some(TurnedAway::Form));
        let mut story = Story::new();
        form(story.open("https://app.test/me"), "<input type=password><input type=password>");
        assert_eq!(of_last(&story), None, "a page to change the password");
    }

    #[test]
    fn a_page_that_sends_on_by_itself_turns_away_with_200() {
        for cause in [Cause::Refresh, Cause::AutoForm, Cause::Script] {
            let mut story = Story::new();
            story.step("x").open("https://app.test/").hop("GET", "https://app.test/login", cause);
            let facts = Facts::new((&story.plan).into(), &story.chain);
            assert!(matches!(turned_away(&facts, &story.chain.hops[0]), Some(TurnedAway::Sent(_))));
        }
        let mut story = Story::new();
        story.step("x").open("https://app.test/").step("y").hop("GET", "https://app.test/login", Cause::Script);
        let facts = Facts::new((&story.plan).into(), &story.chain);
        assert_eq!(turned_away(&facts, &story.chain.hops[0]), None, "somebody pressed a button");
    }

    fn login(story: &mut Story) -> &mut Story {
        story.step("log in").open("https://app.test/cb?code=1&state=2").sets("session=v").follow("https://app.test/home")
    }

    #[test]
    fn denied_is_who_logged_in_and_was_never_let_in() {
        let mut story = Story::new();
        login(&mut story).status(302).location("https://app.test/login");
        assert_eq!(pages(&story), ["/home"]);
        story.follow("https://app.test/login").step("again").open("https://app.test/home").html("Home");
        assert!(pages(&story).is_empty(), "let in later");
        let mut story = Story::new();
        login(&mut story).html("Home").step("out").open("https://app.test/logout").step("x").open("https://app.test/home").status(401);
        assert!(pages(&story).is_empty(), "signed out before");
        let mut story = Story::new();
        let authorize = "https://app.test/authorize?client_id=m&response_type=code";
        login(&mut story).html("Home").step("x").open("https://other.test/").status(302).location(authorize);
        assert!(pages(&story).is_empty(), "another app begins a login of its own");
    }

    #[test]
    fn a_callback_may_fail_with_any_status() {
        let failure = |shape: fn(&mut Story)| {
            let mut story = Story::new();
            story.open("https://app.test/cb?code=1&state=2");
            shape(&mut story);
            callback_failure(story.last())
        };
        assert_eq!(
            failure(|story| {
                story.status(400);
            })
            .as_deref(),
            Some("400")
        );
        assert_eq!(
            failure(|story| {
                story.html("Sign-in failed");
            })
            .as_deref(),
            Some("200 with a page \"sign-in failed\"")
        );
        assert!(
            failure(|story| {
                story.status(302).location("/login");
            })
            .is_some()
        );
        assert_eq!(
            failure(|story| {
                story.html("Welcome");
            }),
            None
        );
        assert_eq!(
            failure(|story| {
                story.status(302).location("/home");
            }),
            None
        );
    }
}
