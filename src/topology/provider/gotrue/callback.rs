//! `GET|POST /callback`: back from the provider, and on to the client; and `grant_type=id_token`, where the client was at the
//! provider itself.

use super::Inner;
use super::answer::{Answer, redirect};
use super::call::Turn;
use super::failure::Failure;
use super::flow::Flow;
use super::oidc::{Arrival, Unreached, is_hash_of};
use super::redirect::{with_error, with_fragment, with_query};
use super::session::signed_in;
use super::uuid;
use crate::plan::FaultKind;
use crate::topology::provider::note::quoted;
use crate::topology::switchboard::Who;
use http::header::LOCATION;
use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

/// Longest part of a provider's error that goes on.
const LONGEST_ERROR: usize = 500;

impl Inner {
    pub(super) async fn callback(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let form = if turn.call.method == Method::POST { turn.call.form() } else { turn.call.query.clone() };
        let flow = match self.flow_of(turn, form.get("state")) {
            Ok(flow) => flow,
            // Where the user wanted to go is not known, so that is the site; the body says it once more.
            Err(failure) => {
                let mut response = failure.response(turn.call);
                *response.status_mut() = StatusCode::SEE_OTHER;
                let target = redirect(StatusCode::SEE_OTHER, &with_query(self.plan.site_url.as_str(), &failure.parameters()));
                response.headers_mut().extend(target.headers().get(LOCATION).map(|target| (LOCATION, target.clone())));
                return Ok(Answer { response, told: failure.told() });
            }
        };
        turn.provider = Some(flow.provider.clone());
        match self.arrived(turn, &flow, form.get("code"), form.get("error"), form.get("error_description")).await {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                let answer = Answer::redirect(StatusCode::FOUND, &with_error(&flow.referrer, &failure, true), "");
                Ok(Answer { told: failure.told(), ..answer })
            }
        }
    }

    /// The flow that `state` belongs to, if it may still go on.
    fn flow_of(&self, turn: &mut Turn<'_>, state: &str) -> Result<Flow, Failure> {
        if state.is_empty() {
            return Err(Failure::bad_request("bad_oauth_callback", "OAuth state parameter missing"));
        }
        if uuid::parse(state).is_none() {
            return Err(Failure::bad_request("bad_oauth_state", "OAuth state parameter is invalid"));
        }
        let lost = || Failure::bad_request("bad_oauth_state", "OAuth state not found or expired");
        if self.strikes(FaultKind::FlowStateLost, turn) {
            return Err(lost().because("fault: the flow is forgotten"));
        }
        let stores = self.stores();
        let flow = stores.flows.get(state).ok_or_else(lost)?;
        if flow.is_over(turn.now) {
            return Err(Failure::bad_request("bad_oauth_state", "OAuth state has expired"));
        }
        if flow.pkce.is_some() && flow.user.is_some() {
            return Err(Failure::bad_request("flow_state_already_used", "State has already been used"));
        }
        Ok(flow.clone())
    }

    async fn arrived(&self, turn: &mut Turn<'_>, flow: &Flow, code: &str, error: &str, description: &str) -> Result<Answer, Failure> {
        if !error.is_empty() {
            let cut = |text: &str| text.chars().take(LONGEST_ERROR).collect::<String>();
            return Err(Failure::oauth(cut(error), cut(description)).because(format!("the provider says {}", quoted(error))));
        }
        if code.is_empty() {
            return Err(Failure::bad_request("bad_oauth_callback", "OAuth callback with missing authorization code missing"));
        }
        let external = self.external(&flow.provider)?;
        let arrival = self.redeem(external, code, &flow.verifier, turn.now).await.map_err(|unreached| match unreached {
            Unreached::Exchange(why) => {
                let start: String = code.chars().take(4).collect();
                let failure = Failure::unexpected(format!("Unable to exchange external code: {start}"));
                failure.because(format!("the provider's code brought no tokens: {}", quoted(&why)))
            }
            Unreached::Profile(why) => Failure::unexpected("Error getting user profile from external provider").because(quoted(&why)),
        })?;
        self.settle(turn, flow, &arrival)
    }

    /// Sends the user on to the client, signed in. The lock is taken once, so that of two answers to one `state` one is too late.
    fn settle(&self, turn: &mut Turn<'_>, flow: &Flow, arrival: &Arrival) -> Result<Answer, Failure> {
        let mut stores = self.stores();
        let now_used = stores.flows.get(&flow.id).is_none_or(|kept| kept.user.is_some());
        if now_used {
            return Err(Failure::bad_request("flow_state_already_used", "State has already been used"));
        }
        let user = self.arrive(&mut stores, turn, &flow.provider, arrival)?;
        let who = Who { endpoint: turn.endpoint.name(), client: turn.provider.as_deref(), user: turn.user.as_deref() };
        if let Some(fault) = self.faults.strikes(FaultKind::AuthorizeError, &who) {
            let arguments = fault.arguments;
            let failure = Failure::oauth(arguments.error.unwrap_or_default(), arguments.description.unwrap_or_default());
            return Err(failure.because("fault: an error instead of a code"));
        }
        let Some(code) = flow.code() else {
            stores.flows.remove(&flow.id);
            let mut session = self.sign_in(&mut stores, turn, &user, "oauth");
            arrival.tokens.add_to(&mut session);
            let location = session_fragment(&flow.referrer, &session, None);
            return Ok(Answer::redirect(StatusCode::FOUND, &location, "sent back with tokens in the fragment"));
        };
        let expired = self.strikes(FaultKind::CodeExpired, turn);
        let missing = self.strikes(FaultKind::CodeMissing, turn);
        if let Some(kept) = stores.flows.get_mut(&flow.id) {
            kept.user = Some(user);
            kept.provider_tokens = arrival.tokens.clone();
            kept.code_issued_at = Some(turn.now);
            if expired {
                kept.age();
            }
        }
        if missing {
            return Ok(Answer::redirect(StatusCode::FOUND, &flow.referrer, "fault: sent back without a code"));
        }
        let answer = Answer::redirect(StatusCode::FOUND, &with_query(&flow.referrer, &[("code", code)]), "sent back with a code");
        Ok(if expired { answer.because("fault: the code is expired") } else { answer })
    }

    /// `grant_type=id_token`.
    pub(super) async fn id_token_grant(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let refuse = |description: &str| Failure::oauth("invalid request", description);
        let fields = turn.call.json()?;
        let (id_token, provider) = (fields.text("id_token")?, fields.text("provider")?);
        let (issuer, client_id) = (fields.text("issuer")?, fields.text("client_id")?);
        let (access_token, nonce) = (fields.text("access_token")?, fields.text("nonce")?);
        if id_token.is_empty() {
            return Err(refuse("id_token required"));
        }
        if provider.is_empty() && (issuer.is_empty() || client_id.is_empty()) {
            return Err(refuse("provider or client_id and issuer required"));
        }
        let named = self.plan.external.iter().find(|external| {
            if provider.is_empty() {
                external.issuer == issuer && external.client_id == client_id
            } else {
                external.name == provider.to_lowercase()
            }
        });
        let Some(external) = named else {
            return Err(Failure::invalid(format!("Custom OIDC provider \"{provider}\" not allowed")));
        };
        turn.provider = Some(external.name.clone());
        let bad = |why: String| refuse("Bad ID token").because(quoted(&why));
        let discovery = self.egress.discover(&external.issuer, turn.now).await.map_err(bad)?;
        let claims = self.read_id_token(&discovery, &external.client_id, &id_token, turn.now).await.map_err(bad)?;
        if !access_token.is_empty() && !is_hash_of(&claims, &access_token) {
            return Err(bad("at_hash belongs to another access token".to_owned()));
        }
        let arrival = Arrival::of(claims).map_err(|_| refuse("Missing sub claim in id_token"))?;
        match &arrival.nonce {
            None if nonce.is_empty() => {}
            Some(hashed) if !nonce.is_empty() => {
                let given: String = Sha256::digest(&nonce).iter().map(|byte| format!("{byte:02x}")).collect();
                if given != *hashed {
                    return Err(Failure::oauth("invalid nonce", "Nonces mismatch"));
                }
            }
            _ => return Err(refuse("Passed nonce and nonce in id_token should either both exist or not.")),
        }
        let mut stores = self.stores();
        let user = self.arrive(&mut stores, turn, &external.name, &arrival)?;
        let session = self.sign_in(&mut stores, turn, &user, "oauth");
        Ok(signed_in(&session, "ID token"))
    }
}

/// `address` with a session in its fragment: the implicit flow (RFC 6749 §4.2.2 in spirit).
pub(super) fn session_fragment(address: &str, session: &serde_json::Value, kind: Option<&str>) -> String {
    let names = ["access_token", "token_type", "expires_in", "expires_at", "refresh_token", "provider_token", "provider_refresh_token"];
    let text = |name: &'static str| match &session[name] {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some((name, text.clone())),
        other => Some((name, other.to_string())),
    };
    let values: Vec<_> = names.into_iter().filter_map(text).collect();
    let mut parameters: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    parameters.extend(kind.map(|kind| ("type", kind)));
    with_fragment(address, &parameters)
}
