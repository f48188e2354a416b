//! The front end: a page with a form, whose server asks the API for a code, and asks again when it is unavailable.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::json;

use crate::env::Env;
use crate::serve::LogNote;
use crate::{LabError, egress};

/// Waits before the second and the third try. Chosen.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(500)];
/// How far a wait may be from what is written, in per cent of it. Chosen.
const JITTER: u64 = 20;
/// Tries at once of the client that does not wait.
const AGGRESSIVE: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    BackOff,
    Aggressive,
    Never,
}

struct Web {
    api: String,
    retry: Retry,
    client: reqwest::Client,
}

#[derive(Deserialize)]
struct Typed {
    phone_number: String,
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    let web = Web {
        api: env.required_url("API_URL", "the URL of the API")?.as_str().trim_end_matches('/').to_owned(),
        retry: env.choice("CLIENT_RETRY", &[("back-off", Retry::BackOff), ("aggressive", Retry::Aggressive), ("never", Retry::Never)])?,
        client: egress::client(env)?,
    };
    Ok(Router::new().route("/health", get(async || "ok")).route("/", get(page).post(submit)).with_state(Arc::new(web)))
}

async fn page() -> Html<&'static str> {
    Html(include_str!("site/sign-in.html"))
}

async fn submit(State(web): State<Arc<Web>>, Form(typed): Form<Typed>) -> Response {
    let waits: Vec<Duration> = match web.retry {
        Retry::BackOff => BACK_OFF.iter().map(|wait| jittered(*wait)).collect(),
        Retry::Aggressive => vec![Duration::ZERO; AGGRESSIVE - 1],
        Retry::Never => Vec::new(),
    };
    let mut status = web.ask(&typed.phone_number).await;
    for wait in waits {
        // Only what may pass by itself is asked again: a refusal stays one.
        if status.is_some_and(|status| !matches!(status.as_u16(), 500 | 502..=504)) {
            break;
        }
        tokio::time::sleep(wait).await;
        status = web.ask(&typed.phone_number).await;
    }
    let (status, page) = match status {
        Some(status) if status.is_success() => (StatusCode::OK, include_str!("site/sent.html")),
        Some(StatusCode::TOO_MANY_REQUESTS) => (StatusCode::TOO_MANY_REQUESTS, include_str!("site/failed.html")),
        _ => (StatusCode::BAD_GATEWAY, include_str!("site/failed.html")),
    };
    let note = LogNote(format!("api={}", status.as_u16()));
    (status, [(header::CACHE_CONTROL, "no-store")], Extension(note), Html(page)).into_response()
}

impl Web {
    async fn ask(&self, number: &str) -> Option<StatusCode> {
        let body = json!({ "phone_number": number, "channel": "sms" });
        let answer = self.client.post(format!("{}/api/auth/phone/request/", self.api)).json(&body).send().await.ok()?;
        Some(answer.status())
    }
}

/// A wait, up to [`JITTER`] per cent longer or shorter.
fn jittered(wait: Duration) -> Duration {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).expect("the system has random bytes once it has started");
    let span = u64::try_from(wait.as_millis()).unwrap_or(0) * JITTER / 100;
    let least = wait - Duration::from_millis(span);
    least + Duration::from_millis(u64::from(u16::from_le_bytes(bytes)) % (2 * span + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jittered_wait_stays_within_its_bounds() {
        for _ in 0..500 {
            let wait = jittered(Duration::from_millis(250));
            assert!((200..=300).contains(&wait.as_millis()), "{wait:?}");
        }
    }
}
