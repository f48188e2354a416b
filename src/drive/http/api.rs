//! HTTP steps: one request as a scenario writes it, made as `fetch` in a page would make it, or as a program.
//!
//! CORS is not enforced: a script could not read a cross-origin answer without `Access-Control-Allow-Origin`, and a
//! request that needs a preflight would not be sent at all. What a test wants to know here is what the server answers.

use super::follow::{CookieUse, End, Errand, Fields};
use super::headers::{Manner, Source};
use super::referrer::Policy;
use crate::drive::actor::Actor;
use crate::drive::error::StepError;
use crate::drive::steps::Session;
use crate::plan::{self, Credentials, FetchPlan, RequestPlan, Template};
use crate::trace::Cause;
use crate::web::cookie::{Initiator, SendContext};
use crate::web::origin::Origin;
use crate::web::redirect;
use bytes::Bytes;
use tokio::time::Instant;
use url::Url;

impl Session<'_> {
    /// Sends the request of an HTTP step.
    pub(crate) async fn request(&self, actor: &Actor, step: usize, plan: &RequestPlan, deadline: Instant) -> Result<(), StepError> {
        let mut url = self.url(actor, &plan.url)?;
        for (name, value) in &plan.query {
            url.query_pairs_mut().append_pair(name, &self.recorder.render(value)?);
        }
        let method = http::Method::from_bytes(plan.method.as_str().as_bytes()).unwrap_or_default();
        let source = match &plan.from {
            plan::From::Page => actor.tab().source(),
            // A page of which no more is known than its origin.
            plan::From::Origin(origin) => Url::parse(&origin.to_string()).ok().map(|url| Source {
                origin: origin.clone(),
                referrer: Some(url),
                policy: Policy::default(),
            }),
            plan::From::Client => None,
        };
        let manner = if source.is_some() { Manner::Fetch } else { Manner::Program };
        let (body, content_type) = self.body(&plan.body, manner)?;
        let edits = self.edits(&plan.headers)?;
        let context = match &source {
            Some(source) => SendContext::subresource(url.clone(), method.clone(), source.origin.clone()),
            None => SendContext::navigation(url.clone(), method.clone(), Initiator::UserAgent),
        };
        let errand = Errand {
            cause: Cause::Api,
            method,
            url,
            body,
            fields: Fields::Made { manner, source, content_type },
            edits,
            cookies: if plan.cookies { CookieUse::Jar(context) } else { CookieUse::Nothing },
            mode: following(plan.follow),
        };
        // A custom scheme ends the request; the hop says where it leads.
        let (End::Arrived(_) | End::DeepLink(_)) = self.send(actor, step, errand, deadline).await?;
        Ok(())
    }

    /// Sends the request of a page's script, with cookies as its credentials mode has it (Fetch §4.6).
    pub(crate) async fn fetch(&self, actor: &Actor, step: usize, plan: &FetchPlan, deadline: Instant) -> Result<(), StepError> {
        let cookies = match plan.credentials {
            Credentials::Include => true,
            Credentials::Omit => false,
            Credentials::SameOrigin => {
                let (url, page) = (self.url(actor, &plan.request.url)?, actor.tab().source());
                page.is_some_and(|page| Origin::of(&url).is_ok_and(|origin| origin == page.origin))
            }
        };
        self.request(actor, step, &RequestPlan { cookies, ..plan.request.clone() }, deadline).await
    }

    /// The headers that a scenario sets. A value without any part takes the header away.
    pub(crate) fn edits(&self, headers: &[(String, Option<Template>)]) -> Result<Vec<(String, Option<String>)>, StepError> {
        let render = |value: &Template| if value.parts.is_empty() { Ok(None) } else { self.recorder.render(value).map(Some) };
        headers.iter().map(|(name, value)| Ok((name.clone(), value.as_ref().map_or(Ok(None), render)?))).collect()
    }

    /// A body and what it is.
    /// The body of a page's own request, with the content type that the page gives it.
    pub(crate) fn fetch_body(&self, body: &plan::Body) -> Result<(Bytes, Option<String>), StepError> {
        self.body(body, Manner::Fetch)
    }

    fn body(&self, body: &plan::Body, manner: Manner) -> Result<(Bytes, Option<String>), StepError> {
        let pairs = |pairs: &[(String, Template)]| -> Result<Vec<(String, String)>, StepError> {
            pairs.iter().map(|(name, value)| Ok((name.clone(), self.recorder.render(value)?))).collect()
        };
        Ok(match body {
            plan::Body::Empty => (Bytes::new(), None),
            plan::Body::Json(json) => {
                let value = self.recorder.with_scope(|scope| json.render(scope))?;
                (value.to_string().into(), Some("application/json".to_owned()))
            }
            plan::Body::Form(form) => {
                let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs(form)?).finish();
                (text.into(), Some("application/x-www-form-urlencoded".to_owned()))
            }
            plan::Body::Multipart(parts) => {
                let parts = pairs(parts)?;
                let boundary = boundary(&parts);
                (multipart(&parts, &boundary).into(), Some(format!("multipart/form-data; boundary={boundary}")))
            }
            // What `fetch` says of a string (Fetch §5.2 "extract a body").
            plan::Body::Raw(text) => {
                let content_type = (manner == Manner::Fetch).then(|| "text/plain;charset=UTF-8".to_owned());
                (self.recorder.render(text)?.into(), content_type)
            }
        })
    }
}

/// Whether redirects are followed: as `fetch` does, or not at all.
pub(super) const fn following(follow: bool) -> redirect::Mode {
    if follow { redirect::Mode::Follow } else { redirect::Mode::Manual }
}

/// A boundary that stands in none of the parts (RFC 2046 §5.1.1). The same parts give the same one, so that a run can be
/// compared with another.
fn boundary(parts: &[(String, String)]) -> String {
    let mut number = 0u64;
    loop {
        let boundary = format!("----authchain{number:016}");
        if !parts.iter().any(|(name, value)| name.contains(&boundary) || value.contains(&boundary)) {
            return boundary;
        }
        number += 1;
    }
}

/// RFC 7578, names escaped as HTML §4.10.21.8 says. Values are sent as written.
fn multipart(parts: &[(String, String)], boundary: &str) -> String {
    let mut out = String::new();
    for (name, value) in parts {
        let name = name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
        out.push_str(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_stands_in_no_part_and_names_cannot_break_out() {
        let parts = vec![("a\"\r\nX: y".to_owned(), "----authchain0000000000000000".to_owned())];
        let boundary = boundary(&parts);
        assert_eq!(boundary, "----authchain0000000000000001");
        let body = multipart(&parts, &boundary);
        assert!(body.contains("name=\"a%22%0D%0AX: y\"\r\n\r\n----authchain0000000000000000\r\n"), "{body}");
        assert!(body.ends_with("------authchain0000000000000001--\r\n"));
    }
}
