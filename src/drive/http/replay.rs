//! Earlier requests sent again, with changes: a callback replayed, a state altered.

use super::api::following;
use super::failure::shown;
use super::follow::{CookieUse, Errand, Fields};
use crate::drive::actor::Actor;
use crate::drive::error::StepError;
use crate::drive::steps::Session;
use crate::plan::{Replay, ReplayOf};
use crate::trace::{Cause, Hop, HopId, Request};
use crate::web::cookie::{Initiator, SendContext};
use tokio::time::Instant;
use url::Url;

impl Session<'_> {
    /// Sends an earlier request again.
    pub(crate) async fn replay(&self, actor: &Actor, step: usize, plan: &Replay, deadline: Instant) -> Result<(), StepError> {
        let (id, request) = self.original(actor, step, &plan.of)?;
        let Request { method, mut url, mut headers, body } = request;
        let mut changes = Vec::new();
        for (name, value) in &plan.query {
            changes.push((name.as_str(), value.as_ref().map(|value| self.recorder.render(value)).transpose()?));
        }
        change_query(&mut url, &changes);
        let method = http::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let cookie = headers.get("cookie").map(<[u8]>::to_vec);
        headers.remove("cookie");
        // The circumstances of the first time, when a jar was asked then; else those of a program.
        let first = self.recorder.context(id);
        let context = match first {
            Some(context) => SendContext { url: url.clone(), ..context },
            None => SendContext::navigation(url.clone(), method.clone(), Initiator::UserAgent),
        };
        let errand = Errand {
            cause: Cause::Replay,
            method,
            url,
            body,
            fields: Fields::Recorded(headers),
            edits: self.edits(&plan.headers)?,
            cookies: if plan.same_cookies { CookieUse::Fixed(cookie, context) } else { CookieUse::Jar(context) },
            mode: following(plan.follow),
        };
        self.send(actor, step, errand, deadline).await.map(drop)
    }

    /// The hop that is meant. A flow's hops are those of all its steps.
    fn original(&self, actor: &Actor, step: usize, of: &ReplayOf) -> Result<(HopId, Request), StepError> {
        let hops = self.recorder.with_chain(|chain, _| -> Result<Vec<_>, StepError> {
            let range = match &of.step {
                Some(id) => {
                    let begin = chain.steps[..step.min(chain.steps.len())].iter().rposition(|record| record.id.as_deref() == Some(id));
                    let begin = begin.ok_or_else(|| StepError::Replay(format!("no step with the id `{id}` has run yet")))?;
                    chain.within(begin)
                }
                None => {
                    let last = chain.hops.iter().rev().find(|hop| hop.step < step && hop.actor == actor.name);
                    let last = last.ok_or_else(|| StepError::Replay("no earlier step of this actor made a request".to_owned()))?;
                    last.step..last.step + 1
                }
            };
            Ok(chain.hops.iter().filter(|hop| range.contains(&hop.step)).map(|hop| (hop.id, hop.request.url.clone())).collect())
        })?;
        let found = match &of.url {
            None => hops.first(),
            Some(matcher) => hops.iter().find(|(_, url)| self.recorder.matches(matcher, Some(&url.as_str().into()))),
        };
        let id = found.map(|(id, _)| *id).ok_or_else(|| {
            let urls: Vec<_> = hops.iter().take(20).map(|(_, url)| format!("`{}`", shown(url))).collect();
            let there =
                if urls.is_empty() { "that step made no request".to_owned() } else { format!("its requests were {}", urls.join(", ")) };
            StepError::Replay(format!("no request to replay is as asked; {there}"))
        })?;
        let request = self.recorder.with_chain(|chain, _| chain.hop(id).map(|hop: &Hop| hop.request.clone()));
        request.map(|request| (id, request)).ok_or_else(|| StepError::Replay("the request to replay is gone".to_owned()))
    }
}

/// Sets or removes query parameters. All others keep their place and every byte of their encoding, which a server may
/// have signed.
fn change_query(url: &mut Url, changes: &[(&str, Option<String>)]) {
    if changes.is_empty() {
        return;
    }
    let raw = url.query().unwrap_or_default().to_owned();
    let mut written = vec![false; changes.len()];
    let mut pairs: Vec<String> = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let name = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default();
        match changes.iter().position(|(changed, _)| *changed == name) {
            None => pairs.push(pair.to_owned()),
            // The first takes the new value, further ones of that name would contradict it.
            Some(at) if !written[at] => {
                written[at] = true;
                pairs.extend(changes[at].1.as_deref().map(|value| encoded(&name, value)));
            }
            Some(_) => {}
        }
    }
    for ((name, value), _) in changes.iter().zip(&written).filter(|(_, written)| !**written) {
        pairs.extend(value.as_deref().map(|value| encoded(name, value)));
    }
    url.set_query((!pairs.is_empty()).then(|| pairs.join("&")).as_deref());
}

fn encoded(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(query: &str, changes: &[(&str, Option<&str>)]) -> String {
        let mut url = Url::parse(&format!("https://api.test/callback?{query}")).unwrap();
        let changes: Vec<_> = changes.iter().map(|(name, value)| (*name, value.map(str::to_owned))).collect();
        change_query(&mut url, &changes);
        url.query().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_is_not_changed_keeps_its_place_and_its_bytes() {
        let query = "a=%7e+x%20y&state=old&sig=AbC%2f&empty&state=again";
        assert_eq!(changed(query, &[("state", Some("n&w"))]), "a=%7e+x%20y&state=n%26w&sig=AbC%2f&empty");
        assert_eq!(changed(query, &[("state", None), ("new", Some("1"))]), "a=%7e+x%20y&sig=AbC%2f&empty&new=1");
        assert_eq!(changed("code=1", &[("code", None)]), "");
        assert_eq!(changed(query, &[]), query);
    }
}
