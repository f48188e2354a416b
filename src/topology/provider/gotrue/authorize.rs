//! `GET /authorize`: off to the provider.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::failure::Failure;
use super::flow::{Flow, Pkce};
use super::redirect::with_query;
use super::settings::PROVIDERS;
use super::uuid;
use crate::plan::{FaultKind, GotrueExternal};
use crate::topology::provider::fresh::{self, s256};
use crate::topology::provider::note::quoted;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

/// What the server says to the provider itself, whatever the client sends.
const RESERVED: [&str; 9] = [
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "scope",
];

impl Inner {
    pub(super) async fn authorize(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let query = &turn.call.query;
        let external = self.external(query.get("provider"))?;
        turn.provider = Some(external.name.clone());
        let referrer = self.referrer(turn);
        let pkce = Pkce::read(query.get("code_challenge"), query.get("code_challenge_method"))?;
        let discovery = self.egress.discover(&external.issuer, turn.now).await.map_err(|why| {
            let failure = Failure::invalid("Unsupported provider: error creating OIDC provider");
            failure.because(format!("its discovery document could not be had: {}", quoted(&why)))
        })?;

        let kind = if pkce.is_some() { "PKCE" } else { "implicit" };
        let mut flow = Flow::new("oauth", pkce, turn.now);
        flow.provider.clone_from(&external.name);
        flow.referrer = referrer;
        flow.verifier = URL_SAFE_NO_PAD.encode(fresh::bytes::<32>());
        let altered = self.strikes(FaultKind::StateAltered, turn);
        let state = if altered { uuid::random() } else { flow.id.clone() };
        let scopes = scopes(&external.scopes, query.get("scopes"));
        let (callback, challenge) = (self.callback_url(), s256(&flow.verifier));
        let is_own = |name: &str| matches!(name, "provider" | "scopes") || RESERVED.contains(&name.to_ascii_lowercase().as_str());
        // What the client asks for beyond that goes on: `prompt`, `login_hint` and the like.
        let mut parameters: Vec<(&str, &str)> =
            query.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| !is_own(name)).collect();
        parameters.extend([
            ("client_id", external.client_id.as_str()),
            ("redirect_uri", &callback),
            ("response_type", "code"),
            ("scope", &scopes),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let location = with_query(&discovery.authorization_endpoint, &parameters);
        self.stores().flows.insert(flow.id.clone(), flow);
        let answer = Answer::redirect(StatusCode::FOUND, &location, format!("sent to the provider ({kind} flow)"));
        Ok(if altered { answer.because("fault: with another state") } else { answer })
    }

    /// The provider of this name.
    pub(super) fn external(&self, name: &str) -> Result<&GotrueExternal, Failure> {
        let lower = name.to_lowercase();
        self.plan.external.iter().find(|external| external.name == lower).ok_or_else(|| {
            let why = if PROVIDERS.contains(&lower.as_str()) {
                "provider is not enabled".to_owned()
            } else {
                format!("Provider {lower} could not be found")
            };
            Failure::invalid(format!("Unsupported provider: {why}")).because(format!("provider {} is not declared", quoted(name)))
        })
    }
}

/// The provider's scopes and what the client wants beside, each once.
fn scopes(planned: &str, asked: &str) -> String {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in planned.split(' ').chain(asked.split([',', ' '])).filter(|scope| !scope.is_empty()) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}
