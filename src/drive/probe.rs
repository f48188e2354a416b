//! What is asked beyond the login itself: how endpoints take the session, whether it outlives signing out, whether replicas
//! agree, what the edge changes.
//!
//! A probe asks as a program with connections of its own. The actor's cookies are read and never written: what answers set
//! is recorded and not kept.

use super::actor::Actor;
use super::cookies;
use super::error::StepError;
use super::http::{Question, shown};
use super::steps::Session;
use crate::plan::{Build, Endpoints, ProbeAbout, ProbePlan, SessionProbe};
use crate::trace::{Asked, Chain, CookieSent, Hop, HopId, Probe, ProbeKind, Role};
use crate::web::cookie::{Initiator, SendContext};
use crate::web::origin::Origin;
use crate::web::presented::Presented;
use bytes::Bytes;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Most endpoints that are asked of those that the run met.
const MOST_MET: usize = 6;
/// Cookies by which load balancers send everybody to the replica that they know: with them, one would never meet another.
const STICKY: [&str; 12] = [
    "awsalb",
    "awsalbcors",
    "awsalbtg",
    "awsalbtgcors",
    "awselb",
    "arraffinity",
    "arraffinitysamesite",
    "gclb",
    "serverid",
    "routeid",
    "route",
    "ingresscookie",
];

/// One probe under way.
struct Inquiry<'s, 'p> {
    session: &'s Session<'s>,
    actor: &'s Actor,
    /// Who asks: the actor's name with a jar and connections of its own.
    asker: Actor,
    plan: &'p ProbePlan,
    step: usize,
    timeout: Duration,
    asked: Vec<Asked>,
}

impl Session<'_> {
    /// Asks what a probe is about, and leaves what was learned as the step's value.
    pub(super) async fn probe(&self, actor: &Actor, step: usize, plan: &ProbePlan, timeout: Duration) -> Result<(), StepError> {
        if let Some(screen) = actor.screen.get() {
            screen.pull(actor.jar_lock(), self.recorder.clock()).await?;
        }
        let asker = self.shadow(actor, self.world.endpoint(&actor.name));
        let mut inquiry = Inquiry { session: self, actor, asker, plan, step, timeout, asked: Vec::new() };
        let (kind, done) = match &plan.about {
            ProbeAbout::Session(probe) => (ProbeKind::Session, inquiry.forms(probe).await),
            ProbeAbout::Logout { step, endpoints } => (ProbeKind::Logout, inquiry.signed_out(step, endpoints).await),
            ProbeAbout::Replicas { endpoints, times, build } => {
                (ProbeKind::Replicas, inquiry.replicas(endpoints, *times, build.as_ref()).await)
            }
            ProbeAbout::Edge(url) => match self.url(actor, url) {
                Ok(url) => (ProbeKind::Edge, inquiry.edge(&url).await),
                Err(error) => (ProbeKind::Edge, Err(error)),
            },
        };
        // What was asked was asked, whatever became of the rest.
        self.recorder.probed(Probe { step, kind, asked: inquiry.asked });
        match done {
            Err(StepError::Probe(why)) if plan.added => {
                self.recorder.learn(step, format!("nothing was asked: {why}"));
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => {
                if let Some((words, value)) = self.recorder.learned(step) {
                    self.recorder.learn(step, words);
                    self.recorder.set_value(step, value);
                }
                Ok(())
            }
        }
    }

    /// Somebody of the actor's name whose jar is empty, and whose requests go to `edge`.
    fn shadow(&self, actor: &Actor, edge: SocketAddr) -> Actor {
        Actor::new(actor.name.clone(), edge, self.tls.clone(), &self.plan.policy, &self.declared)
    }
}

impl Inquiry<'_, '_> {
    /// The truth table: every form of each cookie at each endpoint.
    async fn forms(&mut self, probe: &SessionProbe) -> Result<(), StepError> {
        let (met, likely) = self.session.recorder.session(&self.actor.name);
        let wanted: Vec<Bytes> = match probe.cookies.as_slice() {
            [] => likely,
            names => names.iter().map(|name| Bytes::copy_from_slice(name.as_bytes())).collect(),
        };
        let named = matches!(probe.endpoints, Endpoints::Named(_));
        let mut without = None;
        for url in self.endpoints(&probe.endpoints, met)? {
            let jar = self.cookies(&url);
            let chosen = chosen(&jar, &wanted);
            if chosen.is_empty() {
                if named {
                    return Err(no_cookie(&self.actor.name, &url, &probe.cookies));
                }
                without.get_or_insert(url);
                continue;
            }
            for nth in chosen {
                self.table(&url, &jar, nth).await?;
            }
        }
        match without {
            Some(url) if self.asked.is_empty() => Err(no_cookie(&self.actor.name, &url, &probe.cookies)),
            _ => Ok(()),
        }
    }

    /// The forms of one cookie at one endpoint, and the cookie as it is once more: it should have lived through that.
    async fn table(&mut self, url: &Url, jar: &[CookieSent], nth: usize) -> Result<(), StepError> {
        let pairs: Vec<(&[u8], &[u8])> = jar.iter().map(|cookie| (&*cookie.name, &*cookie.value)).collect();
        let name = jar.get(nth).map(|cookie| cookie.name.clone()).unwrap_or_default();
        let again = [(Role::StoredAgain(name.clone()), Presented::Stored)];
        let each = Presented::ALL.map(|form| (Role::Cookie(name.clone(), form), form));
        for (role, form) in each.into_iter().chain(again) {
            if let Some(carried) = form.of(&pairs, nth) {
                self.ask(role, url, carried.cookie, carried.authorization).await?;
            }
        }
        Ok(())
    }

    /// The cookies from before signing out, and nobody beside them.
    async fn signed_out(&mut self, id: &str, endpoints: &Endpoints) -> Result<(), StepError> {
        let (met, _) = self.session.recorder.session(&self.actor.name);
        let mut without = None;
        for url in self.endpoints(endpoints, met)? {
            let (name, step) = (&self.actor.name, self.step);
            let Some(cookie) = self.session.recorder.with_chain(|chain, _| before(chain, step, id, name, &url)) else {
                without.get_or_insert(url);
                continue;
            };
            self.ask(Role::SignedOut, &url, Some(cookie), None).await?;
            self.ask(Role::Nobody, &url, None, None).await?;
        }
        match without {
            Some(url) if self.asked.is_empty() => {
                Err(StepError::Probe(format!("no request up to step `{id}` carried cookies of `{}` to `{}`", self.actor.name, shown(&url))))
            }
            _ => Ok(()),
        }
    }

    /// The same request, again and again.
    async fn replicas(&mut self, endpoints: &Endpoints, times: u32, build: Option<&Build>) -> Result<(), StepError> {
        let (met, _) = self.session.recorder.session(&self.actor.name);
        for url in self.endpoints(endpoints, met)? {
            let jar = self.cookies(&url);
            let jar: Vec<_> = jar.into_iter().filter(|cookie| !is_sticky(&cookie.name)).collect();
            for _ in 0..times {
                let hop = self.ask(Role::Same(None), &url, header(&jar), None).await?;
                let told = build.and_then(|build| self.session.recorder.with_chain(|chain, _| told(build, chain.hop(hop)?)));
                if let Some(asked) = self.asked.last_mut() {
                    asked.role = Role::Same(told);
                }
            }
        }
        Ok(())
    }

    /// The same request through the edge, behind it, and through it once more: what differs between the first and the last is
    /// not the edge's doing.
    async fn edge(&mut self, url: &Url) -> Result<(), StepError> {
        let origin = Origin::of(url).map_err(|error| StepError::Probe(format!("`{}` cannot be asked: {error}", shown(url))))?;
        let behind = self.session.world.direct(&self.actor.name, &origin).map_err(StepError::Probe)?;
        let behind = self.session.shadow(self.actor, behind);
        let cookie = header(&self.cookies(url));
        self.ask(Role::ThroughEdge, url, cookie.clone(), None).await?;
        let through = std::mem::replace(&mut self.asker, behind);
        let answered = self.ask(Role::BehindEdge, url, cookie.clone(), None).await;
        self.asker = through;
        let failed =
            self.session.recorder.with_chain(|chain, _| chain.hop(answered.as_ref().ok().copied()?)?.outcome.as_ref().err().cloned());
        answered?;
        if let Some(failure) = failed {
            return Err(StepError::Probe(format!("what stands behind the edge of {origin} did not answer: {}", failure.message)));
        }
        self.ask(Role::ThroughEdge, url, cookie, None).await.map(drop)
    }

    async fn ask(&mut self, role: Role, url: &Url, cookie: Option<Vec<u8>>, authorization: Option<String>) -> Result<HopId, StepError> {
        let mut headers = self.session.edits(&self.plan.headers)?;
        headers.extend(authorization.map(|value| ("Authorization".to_owned(), Some(value))));
        let method = http::Method::from_bytes(self.plan.method.as_str().as_bytes()).unwrap_or_default();
        let question = Question { method, url: url.clone(), cookie, headers };
        if Instant::now() >= self.session.ends {
            return Err(StepError::RunTimeout(self.session.plan.policy.run_timeout));
        }
        let deadline = self.session.ends.min(Instant::now() + self.timeout);
        let hop = self.session.ask_as_program(&self.asker, self.step, question, deadline).await?;
        self.asked.push(Asked { hop, role });
        Ok(hop)
    }

    /// Who is asked, in order. Of those that the run met, none that is no origin of the scenario or is to be left alone.
    fn endpoints(&self, endpoints: &Endpoints, met: Vec<Url>) -> Result<Vec<Url>, StepError> {
        let urls = match endpoints {
            Endpoints::Named(urls) => return urls.iter().map(|url| self.session.url(self.actor, url)).collect(),
            Endpoints::Met => met,
        };
        let may =
            |url: &Url| Origin::of(url).is_ok_and(|origin| self.session.declared.contains(&origin) && !self.plan.spares.contains(&origin));
        let urls: Vec<Url> = urls.into_iter().filter(may).take(MOST_MET).collect();
        if urls.is_empty() {
            return Err(StepError::Probe(format!(
                "the run of `{}` met no endpoint that tells whether somebody is signed in; name some",
                self.actor.name
            )));
        }
        Ok(urls)
    }

    /// What a program with the actor's cookies would send to `url`. The jar is asked in a copy: it stays as it is.
    fn cookies(&self, url: &Url) -> Vec<CookieSent> {
        let context = SendContext::navigation(url.clone(), http::Method::GET, Initiator::UserAgent);
        let decision = self.actor.jar().clone().cookies_for(&context, self.session.recorder.clock().now());
        decision.header.map(|header| cookies::sent(&Bytes::from(header), &decision.sent)).unwrap_or_default()
    }
}

/// Places of the cookies that are wanted, in the order in which they are; those of the jar when nobody knows what is wanted.
fn chosen(jar: &[CookieSent], wanted: &[Bytes]) -> Vec<usize> {
    let mut places: Vec<usize> = match wanted {
        [] => (0..jar.len()).collect(),
        wanted => wanted.iter().filter_map(|name| jar.iter().position(|cookie| cookie.name == *name)).collect(),
    };
    places.truncate(ProbePlan::MOST_COOKIES);
    places
}

fn no_cookie(actor: &str, url: &Url, names: &[String]) -> StepError {
    let which = if names.is_empty() {
        "cookie of a session".to_owned()
    } else {
        format!("cookie {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "))
    };
    StepError::Probe(format!("the jar of `{actor}` has no {which} that goes to `{}`", shown(url)))
}

fn is_sticky(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    STICKY.contains(&name.as_str()) || name.starts_with("bigipserver")
}

fn header(cookies: &[CookieSent]) -> Option<Vec<u8>> {
    let pairs: Vec<(&[u8], &[u8])> = cookies.iter().map(|cookie| (&*cookie.name, &*cookie.value)).collect();
    Presented::Stored.of(&pairs, 0)?.cookie
}

/// The build that gave an answer, where the scenario says that it is told.
fn told(build: &Build, hop: &Hop) -> Option<String> {
    let response = hop.response()?;
    match build {
        Build::Header(name) => response.headers.get_str(name).map(str::to_owned),
        Build::Json(path) => match path.query(&response.body.json()?).first()? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        },
    }
}

/// The Cookie field that `actor` sent to `url` before the step with this id began; else the one that signing out itself
/// carried to the same host.
fn before(chain: &Chain, step: usize, id: &str, actor: &str, url: &Url) -> Option<Vec<u8>> {
    let begin = chain.steps.get(..step)?.iter().rposition(|record| record.id.as_deref() == Some(id))?;
    let out = chain.within(begin);
    let of_actor = |hop: &&Hop| *hop.actor == *actor && hop.cause != crate::trace::Cause::Probe;
    let same = |hop: &&Hop| hop.request.url.origin() == url.origin() && hop.request.url.path() == url.path();
    let earlier = chain.hops.iter().rev().filter(of_actor).filter(|hop| hop.step < out.start && same(hop));
    let itself = chain.hops.iter().filter(of_actor).filter(|hop| out.contains(&hop.step) && hop.request.url.host() == url.host());
    earlier.chain(itself).find_map(|hop| {
        let values: Vec<&[u8]> = hop.request.headers.get_all("cookie").collect();
        (!values.is_empty()).then(|| values.join(b"; ".as_slice()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(names: &[&'static str]) -> Vec<CookieSent> {
        names.iter().map(|name| CookieSent { name: (*name).into(), value: "v".into() }).collect()
    }

    #[test]
    fn cookies_are_chosen_by_name_and_not_too_many() {
        assert_eq!(chosen(&jar(&["a", "b", "c"]), &["c".into(), "x".into(), "a".into()]), [2, 0]);
        assert_eq!(chosen(&jar(&["a", "b", "c", "d", "e"]), &[]), [0, 1, 2, 3]);
    }

    #[test]
    fn a_balancer_that_remembers_would_hide_its_replicas() {
        for name in ["AWSALB", "SERVERID", "BIGipServerpool_web"] {
            assert!(is_sticky(name.as_bytes()), "{name}");
        }
        assert!(!is_sticky(b"session") && !is_sticky(b"router_state"));
    }

    #[test]
    fn the_field_is_put_together_byte_for_byte() {
        assert_eq!(header(&jar(&["a", "b"])).as_deref(), Some(&b"a=v; b=v"[..]));
        assert_eq!(header(&[]), None);
    }
}
