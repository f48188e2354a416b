//! Logins under way: each authorization request of a chain, where it was begun, and the callback that ended it.

use super::facts::{Facts, is_deletion, redirect_error, target, without_query};
use crate::judge::text::shown;
use crate::trace::{CookieSet, Hop, HopId};
use crate::web::jwt::Jwt;
use crate::web::oauth::{AuthorizationRequest, Callback, TokenRequest, is_authorization_request};
use serde_json::Value;

/// An authorization request, at the hop where it first shows.
pub(super) struct Attempt<'a> {
    /// The hop whose answer hands it out, by a redirect or to a script; the request itself when nothing did.
    pub(super) hop: &'a Hop,
    /// Whether `hop` is the app's: its answer hands the request out.
    pub(super) handed_out: bool,
    pub(super) request: AuthorizationRequest,
}

impl<'a> Attempt<'a> {
    /// The state it was sent with; none for one that has none, as pushed requests.
    pub(super) fn state(&self) -> Option<&str> {
        self.request.state.as_deref()
    }

    /// Cookies that the app gave the browser along with the request: they bind the answer to it.
    pub(super) fn cookies(&self) -> impl Iterator<Item = &'a CookieSet> {
        let own = self.handed_out.then_some(&self.hop.set);
        own.into_iter().flatten().filter(|set| !is_deletion(set))
    }

    /// Whether both are the same request, seen again.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let of = |attempt: &Self| {
            let request = &attempt.request;
            (request.client_id.clone(), request.state.clone(), request.nonce.clone(), request.code_challenge.clone())
        };
        self.hop.actor == other.hop.actor && of(self) == of(other) && self.request.redirect_uri == other.request.redirect_uri
    }
}

/// A request that brings a provider's answer to the app.
pub(super) struct Answer<'a> {
    pub(super) hop: &'a Hop,
    pub(super) callback: Callback,
}

/// What a request brings of a provider's answer, by URL or form.
pub(super) fn callback(hop: &Hop) -> Option<Callback> {
    let form = || (hop.request.method == "POST").then(|| Callback::from_form(&hop.request.body)).flatten();
    Callback::from_url(&hop.request.url).or_else(form)
}

impl<'a> Facts<'a> {
    /// Answers that reached the app by the browser's own doing: what an HTTP step or a replay brings is made up.
    pub(super) fn answers(&self) -> Vec<Answer<'a>> {
        let of = |hop: &'a Hop| callback(hop).map(|callback| Answer { hop, callback });
        self.chain.hops.iter().filter(|hop| !self.is_by_hand(hop) && self.is_callback(hop)).filter_map(of).collect()
    }

    /// Whether an HTTP step or a replay made the request, or its row of redirects.
    pub(super) fn is_by_hand(&self, hop: &'a Hop) -> bool {
        self.root(hop).cause.is_by_hand() || self.is_repeated(hop)
    }

    /// The last attempt with this state up to a hop, whoever made it.
    pub(super) fn attempt_with(&self, state: &str, before: HopId) -> Option<&Attempt<'a>> {
        self.attempts.iter().rev().find(|attempt| attempt.hop.id <= before && attempt.state() == Some(state))
    }

    /// The attempt that a code was the answer to: the callback that brought it had its state.
    pub(super) fn attempt_of_code(&self, code: &str, before: HopId) -> Option<&Attempt<'a>> {
        let brought = |hop: &&Hop| hop.id <= before && callback(hop).is_some_and(|callback| callback.code.as_deref() == Some(code));
        let state = callback(self.chain.hops.iter().find(brought)?)?.state?;
        self.attempt_with(&state, before)
    }

    /// Token requests that the chain shows: those of scripts and HTTP steps.
    pub(super) fn token_requests(&self) -> impl Iterator<Item = (&'a Hop, TokenRequest)> {
        let posts = self.chain.hops.iter().filter(|hop| hop.request.method == "POST");
        posts.filter_map(|hop| Some((hop, TokenRequest::of(&hop.request.url, &hop.request.body)?)))
    }

    /// ID tokens that the chain shows, with the attempt they answer: in token responses and in callbacks of the implicit and
    /// hybrid flows.
    pub(super) fn id_tokens(&self) -> Vec<(&'a Hop, Option<&Attempt<'a>>, Jwt)> {
        let from_tokens = self.token_requests().filter_map(|(hop, request)| {
            let body = hop.response()?.body.json()?;
            let token = Jwt::decode(body.get("id_token").and_then(Value::as_str)?)?;
            let attempt = request.code.as_deref().and_then(|code| self.attempt_of_code(code, hop.id));
            Some((hop, attempt, token))
        });
        let from_callbacks = self.answers().into_iter().filter_map(|answer| {
            let token = Jwt::decode(answer.callback.id_token.as_deref()?)?;
            let attempt = answer.callback.state.as_deref().and_then(|state| self.attempt_with(state, answer.hop.id));
            Some((answer.hop, attempt, token))
        });
        from_tokens.chain(from_callbacks).collect()
    }
}

/// How the app turned a callback down, though the provider brought no error: an error, or the way back to the login.
pub(super) fn turned_down(hop: &Hop, callback: &Callback) -> Option<String> {
    if callback.error.is_some() {
        return None;
    }
    let status = hop.status()?;
    if status >= 400 {
        return Some(format!("answered {status}"));
    }
    let to = target(hop)?;
    if let Some(error) = redirect_error(hop) {
        return Some(format!("redirected to {} with error `{}`", without_query(&to), shown(&error.error, 80)));
    }
    let last = to.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let to_login = is_authorization_request(&to) || matches!(last.as_str(), "login" | "log-in" | "signin" | "sign-in");
    to_login.then(|| format!("sent the person back to {}", without_query(&to)))
}
