//! Sign-in by a code that is sent by mail or by text message: the least app that needs somebody's inbox.
//!
//! | route | answer |
//! |---|---|
//! | `POST /send` `{"to"}` | a code is on its way: by mail to an address, by text message to a number; 503 when it cannot be sent |
//! | `POST /verify` `{"to", "code"}` | 200, or 401 with `wrong` or `expired` |
//! | `GET /health` | readiness |
//!
//! | variable | meaning | when absent |
//! |---|---|---|
//! | `MAIL_URL` | `smtp://host:port` | mail cannot be sent |
//! | `SMS_URL` | where text messages are posted to, as JSON | they cannot be sent |
//! | `MAIL_FORMAT` | `both`, `html` or `text` | `both` |
//! | `CODE_SECONDS` | lifetime of a code, by this process's own clock | 300 |
//! | `FAULT` | `none`, `unsent` (says that it was sent), `endless` (codes never expire) | `none` |

use super::env::Env;
use super::serve::LogNote;
use super::{LabError, egress, mail};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Codes that are kept; with more, all are forgotten.
const MOST: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Unsent,
    Endless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Both,
    Html,
    Text,
}

struct App {
    /// Host and port of the mail server.
    mail: Option<String>,
    sms: Option<String>,
    format: Format,
    lifetime: Duration,
    fault: Fault,
    client: reqwest::Client,
    codes: Mutex<HashMap<String, (String, SystemTime)>>,
}

#[derive(Deserialize)]
struct Send {
    to: String,
}

#[derive(Deserialize)]
struct Verify {
    to: String,
    code: String,
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    let app = App {
        mail: mail::server(env)?,
        sms: env.url("SMS_URL")?.map(String::from),
        format: env.choice("MAIL_FORMAT", &[("both", Format::Both), ("html", Format::Html), ("text", Format::Text)])?,
        lifetime: env.seconds("CODE_SECONDS", Duration::from_secs(300))?,
        fault: env.choice("FAULT", &[("none", Fault::None), ("unsent", Fault::Unsent), ("endless", Fault::Endless)])?,
        client: egress::client(env)?,
        codes: Mutex::default(),
    };
    Ok(Router::new()
        .route("/health", get(async || "ok"))
        .route("/send", post(send))
        .route("/verify", post(verify))
        .with_state(Arc::new(app)))
}

async fn send(State(app): State<Arc<App>>, Json(Send { to }): Json<Send>) -> Response {
    let code = code();
    {
        let mut codes = app.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() >= MOST {
            codes.clear();
        }
        codes.insert(to.clone(), (code.clone(), now()));
    }
    if app.fault == Fault::Unsent {
        return (StatusCode::OK, Json(json!({ "sent": true }))).into_response();
    }
    let sent = if to.contains('@') { app.mail(&to, &code).await } else { app.text(&to, &code).await };
    match sent {
        Ok(()) => (StatusCode::OK, Json(json!({ "sent": true }))).into_response(),
        Err(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, Extension(LogNote(why)), Json(json!({ "error": "service_unavailable" }))).into_response()
        }
    }
}

async fn verify(State(app): State<Arc<App>>, Json(Verify { to, code }): Json<Verify>) -> Response {
    let codes = app.codes.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |why: &str| (StatusCode::UNAUTHORIZED, Json(json!({ "error": why }))).into_response();
    match codes.get(&to) {
        Some((known, at)) if *known == code => {
            let age = now().duration_since(*at).unwrap_or_default();
            if age >= app.lifetime && app.fault != Fault::Endless {
                refused("expired")
            } else {
                Json(json!({ "signed_in": to })).into_response()
            }
        }
        _ => refused("wrong"),
    }
}

impl App {
    async fn text(&self, to: &str, code: &str) -> Result<(), String> {
        let url = self.sms.as_deref().ok_or("no SMS_URL")?;
        let body = json!({ "to": to, "from": "lab", "text": format!("{code} is your sign-in code.") });
        let answer = self.client.post(url).json(&body).send().await.map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("the sender answered {}", answer.status())) }
    }

    async fn mail(&self, to: &str, code: &str) -> Result<(), String> {
        let server = self.mail.as_deref().ok_or("no MAIL_URL")?;
        mail::send(server, to, &self.letter(to, code)).await
    }

    fn letter(&self, to: &str, code: &str) -> String {
        let head = format!("From: Lab <no-reply@lab.test>\r\nTo: <{to}>\r\nSubject: Your sign-in code\r\nMIME-Version: 1.0\r\n");
        let link = format!("https://app.lab.test/verify?code={code}");
        let text = format!("Content-Type: text/plain; charset=utf-8\r\n\r\nYour sign-in code is {code}.\r\nOr follow {link}\r\n");
        let html = format!(
            "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Your sign-in code is</p>\r\n<p><b>{code}</b></p>\r\n<p><a href=\"{link}\">Sign in</a></p>\r\n"
        );
        match self.format {
            Format::Text => format!("{head}{text}"),
            Format::Html => format!("{head}{html}"),
            Format::Both => {
                format!("{head}Content-Type: multipart/alternative; boundary=lab\r\n\r\n--lab\r\n{text}\r\n--lab\r\n{html}\r\n--lab--\r\n")
            }
        }
    }
}

fn code() -> String {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the system has random bytes once it has started");
    format!("{:06}", u32::from_le_bytes(bytes) % 1_000_000)
}

/// This server's own clock, which is nobody else's affair.
#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    fn app(pairs: &'static [(&'static str, &'static str)]) -> Result<Router, LabError> {
        let lookup = move |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        router(&Env::new(&lookup))
    }

    async fn post(app: &Router, path: &str, body: serde_json::Value) -> (u16, String) {
        let request = Request::post(path).header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        (status, String::from_utf8(to_bytes(answer.into_body(), 4096).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_unavailable_unless_it_lies() {
        let to = json!({ "to": "ada@x.test" });
        assert_eq!(post(&app(&[]).unwrap(), "/send", to.clone()).await.0, 503);
        assert_eq!(post(&app(&[("FAULT", "unsent")]).unwrap(), "/send", to).await, (200, r#"{"sent":true}"#.to_owned()));
        assert_eq!(post(&app(&[]).unwrap(), "/verify", json!({ "to": "ada@x.test", "code": "1" })).await.0, 401);
        assert!(app(&[("MAIL_URL", "http://a.test")]).is_err());
    }

    #[tokio::test]
    async fn a_recipient_cannot_write_into_the_letter() {
        let app = app(&[("MAIL_URL", "smtp://127.0.0.1:1")]).unwrap();
        for to in ["a@x.test>\r\nRCPT TO:<b@x.test", "a@x.test\r\nBcc: b@x.test"] {
            assert_eq!(post(&app, "/send", json!({ "to": to })).await.0, 503);
        }
    }
}
