//! A recording behind one origin.

use super::answer::{broken, render};
use super::asked::Asked;
use super::choose::Turns;
use super::recording::{Recording, Site};
use super::unknown;
use crate::base::Clock;
use crate::topology::provider::Note;
use crate::topology::stub::Unexpected;
use crate::web::headers::Headers;
use crate::web::origin::Origin;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{Method, Request, Response, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};

/// What browsers ask for by themselves, and no recording has.
const BY_ITSELF: [&str; 2] = ["/favicon.ico", "/apple-touch-icon.png"];

/// One origin of a recording.
#[derive(Clone)]
pub(crate) struct Replay(Arc<Inner>);

struct Inner {
    recording: Arc<Recording>,
    origin: Origin,
    turns: Mutex<Turns>,
    clock: Clock,
    max_body: usize,
}

impl Replay {
    /// Serves what `recording` has of `origin`; `None` when it has nothing.
    pub(crate) fn new(recording: &Arc<Recording>, origin: &Origin, clock: Clock, max_body: usize) -> Option<Self> {
        let recording = recording.clone();
        let turns = Mutex::default();
        recording.knows(origin).then(|| Self(Arc::new(Inner { recording, origin: origin.clone(), turns, clock, max_body })))
    }

    pub(crate) fn router(&self) -> axum::Router {
        axum::Router::new().fallback(serve).with_state(self.clone())
    }

    fn site(&self) -> &Site {
        // It was there when this was made, and a recording does not change.
        &self.0.recording.sites[&self.0.origin]
    }

    fn answer(&self, request: &http::request::Parts, body: &[u8]) -> Response<Body> {
        let mut headers = Headers::new();
        request.headers.iter().for_each(|(name, value)| headers.append(name.as_str(), value.as_bytes()));
        let asked = Asked::new(request.method.as_str(), request.uri.path(), request.uri.query(), &headers, body);
        let (recording, site) = (&self.0.recording, self.site());
        // A panic elsewhere leaves the set whole.
        let chosen = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner).choose(recording, site, &asked);
        let Some(entry) = chosen.map(|at| &site.entries[at]) else { return self.unknown(request, &asked) };
        recording.live.learn(&entry.asked.chance, &asked.chance);
        let cached = request.headers.contains_key(IF_NONE_MATCH) || request.headers.contains_key(IF_MODIFIED_SINCE);
        let mut response = match &entry.answer {
            Some(answer) => render(answer, &recording.live, self.0.clock.now(), cached),
            None => broken(),
        };
        response.extensions_mut().insert(Note(format!("as recorded in entry {}", entry.number)));
        response
    }

    fn unknown(&self, request: &http::request::Parts, asked: &Asked) -> Response<Body> {
        if request.method == Method::OPTIONS
            && let Some(mut response) = unknown::preflight(self.site(), asked, &request.headers)
        {
            response.extensions_mut().insert(Note("as the recorded request behind it was let through".to_owned()));
            return response;
        }
        let (mut response, note) = unknown::answer(&self.0.origin, self.site(), asked);
        if !BY_ITSELF.contains(&request.uri.path()) {
            response.extensions_mut().insert(Unexpected);
            response.extensions_mut().insert(Note(note));
        }
        response
    }
}

async fn serve(State(replay): State<Replay>, request: Request<Body>) -> Response<Body> {
    let (request, body) = request.into_parts();
    match to_bytes(body, replay.0.max_body).await {
        Ok(body) => replay.answer(&request, &body),
        Err(_) => {
            let mut response = Response::new(Body::from("authchain: the body is larger than this run allows\n"));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::tests::recording;
    use super::*;
    use serde_json::json;
    use tower::ServiceExt as _;

    async fn ask(replay: &Replay, request: http::request::Builder) -> (u16, String, Option<String>) {
        let response = replay.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let note = response.extensions().get::<Note>().map(|note| note.0.clone());
        let status = response.status().as_u16();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, location.unwrap_or_else(|| String::from_utf8(body.to_vec()).unwrap()), note)
    }

    #[tokio::test]
    async fn a_live_state_comes_back_in_the_recorded_redirect_of_a_later_form() {
        let recording = recording(json!([
            {"request": {"method": "GET", "url": "https://idp.test/authorize?client_id=app&state=af0ifjsldkj8271"},
             "response": {"status": 200, "content": {"mimeType": "text/html", "text": "<input name=state value=af0ifjsldkj8271>"}}},
            {"request": {"method": "POST", "url": "https://idp.test/login"},
             "response": {"status": 302, "headers": [{"name": "Location", "value": "https://app.test/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj8271"}]}}
        ]));
        let origin = "https://idp.test".parse().unwrap();
        let replay = Replay::new(&recording, &origin, Clock::default(), 1000).unwrap();
        let page = ask(&replay, Request::get("/authorize?state=live-state-9&client_id=app")).await;
        assert_eq!(page, (200, "<input name=state value=live-state-9>".to_owned(), Some("as recorded in entry 1".to_owned())));
        let (status, location, _) = ask(&replay, Request::post("/login")).await;
        assert_eq!((status, location.as_str()), (302, "https://app.test/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=live-state-9"));
        let (status, text, _) = ask(&replay, Request::post("/token")).await;
        assert!(status == 404 && text.contains("the nearest that was recorded is entry 2, `POST /login`: another path"), "{text}");
        assert!(Replay::new(&recording, &"https://other.test".parse().unwrap(), Clock::default(), 1000).is_none());
    }

    #[tokio::test]
    async fn a_preflight_that_was_not_written_is_answered_as_it_must_have_been() {
        let recording = recording(json!([{"request": {"method": "PUT", "url": "https://api.test/me"}, "response": {"status": 200,
            "headers": [{"name": "Access-Control-Allow-Origin", "value": "https://app.test"}, {"name": "Access-Control-Allow-Credentials", "value": "true"}]}}]));
        let replay = Replay::new(&recording, &"https://api.test".parse().unwrap(), Clock::default(), 1000).unwrap();
        let question = |method: &str| Request::options("/me").header("Access-Control-Request-Method", method);
        assert_eq!(ask(&replay, question("PUT")).await.0, 204);
        assert_eq!(ask(&replay, question("DELETE")).await.0, 404);
    }
}
