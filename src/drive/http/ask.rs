//! The requests of probes: made as a program makes them, with the very bytes that they are about, and nothing that comes is
//! kept.

use super::follow::{CookieUse, Errand, Fields};
use super::headers::Manner;
use crate::drive::actor::Actor;
use crate::drive::error::StepError;
use crate::drive::steps::Session;
use crate::trace::{Cause, FailureKind, HopId};
use crate::web::redirect;
use bytes::Bytes;
use tokio::time::Instant;
use url::Url;

/// Bytes of an answer's body that are kept: what it says of a session stands at its beginning, and a probe asks a lot.
const KEPT: usize = 256 * 1024;

/// What a probe asks.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) method: http::Method,
    pub(crate) url: Url,
    /// The Cookie field, byte for byte.
    pub(crate) cookie: Option<Vec<u8>>,
    /// Headers to set, or to take away.
    pub(crate) headers: Vec<(String, Option<String>)>,
}

impl Session<'_> {
    /// Asks, and says which hop it was. No redirect is followed, and an answer that did not come is a fact like any other.
    ///
    /// # Errors
    /// When the origin is none that may be asked.
    pub(crate) async fn ask_as_program(
        &self,
        asker: &Actor,
        step: usize,
        question: Question,
        deadline: Instant,
    ) -> Result<HopId, StepError> {
        let Question { method, url, cookie, headers } = question;
        let errand = Errand {
            cause: Cause::Probe,
            method,
            url,
            body: Bytes::new(),
            fields: Fields::Made { manner: Manner::Program, source: None, content_type: None },
            edits: headers,
            cookies: CookieUse::Alone(cookie),
            mode: redirect::Mode::Manual,
        };
        if let Err(StepError::Request(failure)) = self.send(asker, step, errand, deadline).await
            && failure.kind == FailureKind::Undeclared
        {
            return Err(StepError::Request(failure));
        }
        let hop = self.recorder.with_chain(|chain, _| chain.hops_of(step).next_back().map(|hop| hop.id));
        if let Some(hop) = hop {
            self.recorder.cut_body(hop, KEPT);
        }
        hop.ok_or_else(|| StepError::Probe("the request of the probe left no trace".to_owned()))
    }
}
