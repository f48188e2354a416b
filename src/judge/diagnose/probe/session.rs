//! The truth table: what an endpoint makes of a session's cookie in each form.

use super::super::credential::{Standing, standing};
use super::super::denied::turned_away;
use super::super::facts::{Facts, place};
use super::super::scene::Scene;
use crate::judge::text::{shown, shown_bytes};
use crate::trace::{Chain, Hop, HopId, Probe, ProbeKind, Role};
use crate::web::presented::Presented;
use bytes::Bytes;
use serde_json::{Value, json};

/// What became of a session at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::judge::diagnose) enum Taken {
    /// The endpoint knows who asks.
    Accepted,
    /// It knows nobody.
    Refused,
    /// It did not answer, or failed.
    Failed,
    /// The answer does not tell.
    Untold,
}

impl Taken {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Untold => "not told",
        }
    }
}

/// One cookie at one endpoint.
#[derive(Debug, Clone)]
pub(in crate::judge::diagnose) struct Column<'a> {
    pub(in crate::judge::diagnose) cookie: Bytes,
    /// The forms in which it was presented, in order.
    pub(in crate::judge::diagnose) cells: Vec<(Presented, &'a Hop, Taken)>,
    /// The cookie as it was stored, when all else had been asked.
    pub(super) again: Option<(&'a Hop, Taken)>,
}

impl<'a> Column<'a> {
    /// The request with this form, and what became of it.
    pub(in crate::judge::diagnose) fn get(&self, form: Presented) -> Option<(&'a Hop, Taken)> {
        self.cells.iter().find(|(own, _, _)| *own == form).map(|(_, hop, taken)| (*hop, *taken))
    }

    /// The request with this form, when the endpoint accepted it.
    pub(in crate::judge::diagnose) fn accepted(&self, form: Presented) -> Option<&'a Hop> {
        self.get(form).filter(|(_, taken)| *taken == Taken::Accepted).map(|(hop, _)| hop)
    }

    /// The request with the cookie in this form, when the endpoint accepted it for the cookie's sake: without it, the other
    /// cookies open nothing.
    pub(in crate::judge::diagnose) fn opened_by(&self, form: Presented) -> Option<&'a Hop> {
        self.accepted(form).filter(|_| self.accepted(Presented::LeftOut).is_none())
    }

    /// The request with this form, when the endpoint refused it.
    pub(in crate::judge::diagnose) fn refused(&self, form: Presented) -> Option<&'a Hop> {
        self.get(form).filter(|(_, taken)| *taken == Taken::Refused).map(|(hop, _)| hop)
    }

    /// Whether the session was the same before and after it was presented in other forms.
    pub(super) fn lived(&self) -> bool {
        match (self.get(Presented::Stored), self.again) {
            (Some((_, first)), Some((_, again))) => first == again,
            _ => true,
        }
    }

    /// `GET https://app.test/api/session`.
    pub(in crate::judge::diagnose) fn endpoint(&self) -> String {
        self.cells.first().map(|(_, hop, _)| place(hop)).unwrap_or_default()
    }

    /// The cookie's name, for people.
    pub(in crate::judge::diagnose) fn name(&self) -> String {
        shown_bytes(&self.cookie, 80)
    }

    fn forms(&self, wanted: Taken) -> Vec<&'static str> {
        self.cells.iter().filter(|(_, _, taken)| *taken == wanted).map(|(form, ..)| form.word()).collect()
    }
}

/// What was asked of one cookie at one endpoint, before it is known what the answers mean.
struct Raw<'a> {
    cookie: &'a Bytes,
    hops: Vec<(Presented, &'a Hop)>,
    again: Option<&'a Hop>,
}

/// The columns of a probe's table, in the order in which they were asked.
pub(in crate::judge::diagnose) fn columns<'a>(facts: &Facts<'a>, probe: &'a Probe) -> Vec<Column<'a>> {
    let mut raw: Vec<Raw<'a>> = Vec::new();
    for asked in &probe.asked {
        let Some(hop) = facts.whole.hop(asked.hop) else { continue };
        match &asked.role {
            Role::Cookie(cookie, form) => {
                let url = &hop.request.url;
                let last = raw.last_mut().filter(|column| {
                    column.cookie == cookie
                        && column.again.is_none()
                        && column.hops.iter().all(|(own, hop)| own != form && hop.request.url == *url)
                });
                match last {
                    Some(column) => column.hops.push((*form, hop)),
                    None => raw.push(Raw { cookie, hops: vec![(*form, hop)], again: None }),
                }
            }
            Role::StoredAgain(_) => {
                if let Some(column) = raw.last_mut() {
                    column.again = Some(hop);
                }
            }
            _ => {}
        }
    }
    raw.into_iter().map(|raw| judged(facts, raw)).collect()
}

/// What one endpoint made of one form of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormAsked {
    /// The form.
    pub form: Presented,
    /// `accepted`, `refused`, `failed` or `not told`.
    pub verdict: &'static str,
    /// The endpoint, for people.
    pub endpoint: String,
    /// The status of its answer, or why there is none.
    pub status: String,
    /// The request.
    pub hop: HopId,
    /// Whether it was not asked, because it would have been what was stored.
    pub same_as_stored: bool,
}

/// What became of every form of the session that the probe at `index` asked about; of a form that is what was stored, that.
#[must_use]
pub fn asked_forms(chain: &Chain, index: usize) -> Vec<FormAsked> {
    let facts = Facts::new(Scene::default(), chain);
    let probes = chain.probes.iter().filter(|probe| probe.step == index && probe.kind == ProbeKind::Session);
    let columns: Vec<Column<'_>> = probes.flat_map(|probe| columns(&facts, probe)).collect();
    let of_column = |column: &Column<'_>| -> Vec<FormAsked> {
        let one = |form: &Presented| {
            let (own, stored) = (column.get(*form), column.get(Presented::Stored));
            let is_cookie = !matches!(form, Presented::LeftOut | Presented::Bearer | Presented::Both | Presented::Nothing);
            let (hop, taken) = own.or(stored.filter(|_| is_cookie))?;
            let (endpoint, status) = (column.endpoint(), status(hop));
            Some(FormAsked { form: *form, verdict: taken.word(), endpoint, status, hop: hop.id, same_as_stored: own.is_none() })
        };
        Presented::ALL.iter().filter_map(one).collect()
    };
    columns.iter().flat_map(of_column).collect()
}

fn judged<'a>(facts: &Facts<'a>, raw: Raw<'a>) -> Column<'a> {
    let nobody = raw.hops.iter().find(|(form, _)| *form == Presented::Nothing).map(|(_, hop)| *hop);
    let mut cells: Vec<_> = raw.hops.iter().map(|(form, hop)| (*form, *hop, taken(facts, hop, nobody))).collect();
    // Where some form opens the door, a 4xx says that this one does not, whatever its number.
    let opens = cells.iter().any(|(_, _, taken)| *taken == Taken::Accepted);
    let denies = |hop: &Hop| hop.status().is_some_and(|status| (400..500).contains(&status));
    for (_, hop, taken) in cells.iter_mut().filter(|(_, _, taken)| *taken == Taken::Untold) {
        if opens && denies(hop) {
            *taken = Taken::Refused;
        }
    }
    let again = raw.again.map(|hop| match taken(facts, hop, nobody) {
        Taken::Untold if opens && denies(hop) => (hop, Taken::Refused),
        taken => (hop, taken),
    });
    Column { cookie: raw.cookie.clone(), cells, again }
}

/// What an answer says of the session that its request carried, beside what the endpoint says to nobody.
pub(super) fn taken(facts: &Facts<'_>, hop: &Hop, nobody: Option<&Hop>) -> Taken {
    let Some(status) = hop.status() else { return Taken::Failed };
    match standing(hop) {
        Standing::Known => return Taken::Accepted,
        Standing::Refused | Standing::Anonymous => return Taken::Refused,
        Standing::Broken => return Taken::Failed,
        Standing::Silent => {}
    }
    if turned_away(facts, hop).is_some() {
        return Taken::Refused;
    }
    let shut = |nobody: &Hop| turned_away(facts, nobody).is_some() || nobody.status().is_some_and(|status| (400..500).contains(&status));
    if (200..300).contains(&status) && nobody.is_some_and(shut) { Taken::Accepted } else { Taken::Untold }
}

/// What the table shows, in words and as a value.
pub(super) fn learned(facts: &Facts<'_>, probe: &Probe) -> (String, Value) {
    let columns = columns(facts, probe);
    let everywhere = |wanted: Taken| -> Vec<&str> {
        let all = |form: &Presented| {
            let mut asked = columns.iter().filter_map(|column| column.get(*form)).peekable();
            asked.peek().is_some() && asked.all(|(_, taken)| taken == wanted)
        };
        Presented::ALL.iter().filter(|form| all(form)).map(|form| form.word()).collect()
    };
    let rows = columns.iter().flat_map(|column| {
        column.cells.iter().map(|(form, hop, taken)| {
            json!({ "cookie": column.name(), "endpoint": column.endpoint(), "form": form.word(), "verdict": taken.word(), "status": hop.status() })
        })
    });
    let value = json!({
        "accepted": everywhere(Taken::Accepted),
        "refused": everywhere(Taken::Refused),
        "lived": columns.iter().all(Column::lived),
        "rows": rows.collect::<Vec<_>>(),
    });
    (columns.iter().map(told).collect::<Vec<_>>().join("; "), value)
}

/// One column as a sentence.
fn told(column: &Column<'_>) -> String {
    let parts = [Taken::Accepted, Taken::Refused, Taken::Failed, Taken::Untold].map(|taken| {
        let forms = column.forms(taken);
        (!forms.is_empty()).then(|| format!("{} {}", taken.word(), forms.join(", ")))
    });
    let ended = if column.lived() { "" } else { ", and the session did not live through the probe" };
    format!("`{}` at {}: {}{ended}", column.name(), column.endpoint(), parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// Endpoints that took the cookies from before signing out: the request, and what became of it.
pub(in crate::judge::diagnose) fn outlives<'a>(facts: &Facts<'a>, probe: &'a Probe) -> Vec<(&'a Hop, Taken)> {
    let with_role =
        |wanted: Role| probe.asked.iter().filter(move |asked| asked.role == wanted).filter_map(|asked| facts.whole.hop(asked.hop));
    let nobody = |hop: &Hop| with_role(Role::Nobody).find(|other| other.id > hop.id && other.request.url == hop.request.url);
    with_role(Role::SignedOut).map(|hop| (hop, taken(facts, hop, nobody(hop)))).collect()
}

/// Whether the session outlives signing out, in words and as a value.
pub(super) fn outlived(facts: &Facts<'_>, probe: &Probe) -> (String, Value) {
    let all = outlives(facts, probe);
    let words = all.iter().map(|(hop, taken)| {
        let what = match taken {
            Taken::Accepted => "the cookies from before signing out are still accepted",
            Taken::Refused => "the cookies from before signing out are refused",
            Taken::Failed => "the cookies from before signing out brought a failure",
            Taken::Untold => "the answer does not tell whether the cookies from before signing out are accepted",
        };
        format!("{}: {what} ({})", place(hop), status(hop))
    });
    let rows = all.iter().map(|(hop, taken)| json!({ "endpoint": place(hop), "verdict": taken.word(), "status": hop.status() }));
    let alive = match all.iter().all(|(_, taken)| *taken == Taken::Refused) {
        true => json!(false),
        false if all.iter().any(|(_, taken)| *taken == Taken::Accepted) => json!(true),
        false => Value::Null,
    };
    let words = words.collect::<Vec<_>>().join("; ");
    (words, json!({ "alive": alive, "rows": rows.collect::<Vec<_>>() }))
}

/// The status of an answer, or why there is none.
pub(super) fn status(hop: &Hop) -> String {
    match &hop.outcome {
        Ok(response) => response.status.to_string(),
        Err(failure) => format!("no answer: {}", shown(&failure.message, 80)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SESSION, table_of};
    use super::*;
    use crate::judge::testing::Story;
    use Presented::{Bearer, Both, Decoded, Nothing, Stored};

    fn verdicts(story: &Story) -> Vec<&'static str> {
        let facts = Facts::new(Scene::default(), &story.chain);
        let columns = columns(&facts, &story.chain.probes[0]);
        columns.iter().flat_map(|column| column.cells.iter().map(|(_, _, taken)| taken.word())).collect()
    }

    #[test]
    fn a_table_says_what_each_form_came_to() {
        let story = table_of(&[(Stored, 200), (Decoded, 401), (Bearer, 503), (Nothing, 401)]);
        assert_eq!(verdicts(&story), ["accepted", "refused", "failed", "refused"]);
        let (words, value) = super::super::learned(&story.chain, 1).unwrap();
        assert_eq!(words, "`sid` at GET https://app.test/api/session: accepted stored; refused decoded, none; failed bearer");
        assert_eq!((&value["accepted"], &value["refused"]), (&json!(["stored"]), &json!(["decoded", "none"])));
        assert_eq!(value["rows"][1]["status"], 401);
    }

    #[test]
    fn what_holds_at_one_endpoint_alone_holds_not_everywhere() {
        let mut story = table_of(&[(Stored, 200), (Both, 200), (Nothing, 401)]);
        for (form, status) in [(Stored, 401), (Both, 200), (Nothing, 401)] {
            story.row("https://app.test/api/account", form, status);
        }
        let (_, value) = super::super::learned(&story.chain, 1).unwrap();
        assert_eq!((&value["accepted"], &value["refused"]), (&json!(["both"]), &json!(["none"])));
    }

    #[test]
    fn a_page_is_open_to_whom_it_lets_in_and_shut_to_whom_it_sends_to_log_in() {
        let mut story = Story::new();
        story.step("probe");
        let mut ask = |form: Presented, shape: fn(&mut Story)| {
            story.get("https://app.test/home");
            shape(&mut story);
            story.probed(ProbeKind::Session, Role::Cookie("sid".into(), form));
        };
        ask(Stored, |story| {
            story.html("Home");
        });
        ask(Decoded, |story| {
            story.html("x").last().outcome.as_mut().unwrap().body.bytes = "<input type=password>".into();
        });
        ask(Both, |story| {
            story.status(404);
        });
        ask(Nothing, |story| {
            story.status(302).location("/login");
        });
        assert_eq!(verdicts(&story), ["accepted", "refused", "refused", "refused"]);
    }

    #[test]
    fn a_page_that_says_the_same_to_nobody_tells_nothing() {
        let mut story = Story::new();
        story.step("probe");
        for form in [Stored, Nothing] {
            story.get("https://app.test/").html("Welcome").probed(ProbeKind::Session, Role::Cookie("sid".into(), form));
        }
        assert_eq!(verdicts(&story), ["not told", "not told"]);
    }

    #[test]
    fn a_session_that_a_wrong_form_ended_is_told() {
        let mut story = table_of(&[(Stored, 200), (Nothing, 401)]);
        story.get(SESSION).cookies("sid=t%2Bs").status(401).probed(ProbeKind::Session, Role::StoredAgain("sid".into()));
        let (words, value) = super::super::learned(&story.chain, 1).unwrap();
        assert!(words.ends_with("did not live through the probe") && value["lived"] == false, "{words}");
    }
}
