//! How the endpoints that clients call directly say no (RFC 6749 §5.2).

use super::client_auth::NotAuthenticated;
use super::{Inner, Unreadable, reply};
use crate::topology::provider::note::{Decision, Outcome};
use axum::response::Response;
use http::StatusCode;
use std::borrow::Cow;

/// An error answer.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) error: Cow<'static, str>,
    /// For the client: quotes nothing.
    pub(super) description: Cow<'static, str>,
    pub(super) client: Option<usize>,
    /// For the log.
    pub(super) why: Cow<'static, str>,
}

impl Refused {
    /// A request that is answered with 400.
    pub(super) fn request(client: Option<usize>, error: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: error.into(), description: description.into(), client, why: description.into() }
    }

    /// A code or token that will not do.
    pub(super) fn grant(client: usize, description: &'static str) -> Self {
        Self::request(Some(client), "invalid_grant", description)
    }

    /// With more to say to the log than to the client.
    pub(super) fn because(self, why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: why.into(), ..self }
    }
}

impl From<NotAuthenticated> for Refused {
    fn from(refused: NotAuthenticated) -> Self {
        let status = if refused.error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let why = refused.why.map_or(refused.description.into(), Cow::Owned);
        Self { status, error: refused.error.into(), description: refused.description.into(), client: refused.client, why }
    }
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Self {
        let mut refused = Self::request(None, "invalid_request", unreadable.reason());
        if unreadable == Unreadable::TooLarge {
            refused.status = unreadable.status();
        }
        refused
    }
}

impl Inner {
    /// The answer, with the challenge that every 401 needs.
    pub(super) fn refused(&self, endpoint: &'static str, refused: Refused) -> Outcome {
        let response = challenged(reply::error(refused.status, &refused.error, &refused.description));
        let decision = Decision::new(endpoint, "refused").because(refused.why);
        Outcome::new(response, Decision { client: refused.client.map(|client| self.client_id(client).to_owned()), ..decision })
    }
}

/// RFC 6749 §5.2: a client that failed to authenticate is told how.
pub(super) fn challenged(response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        reply::challenge(response, "Basic realm=\"token\", charset=\"UTF-8\"")
    } else {
        response
    }
}
