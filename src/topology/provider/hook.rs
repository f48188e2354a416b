//! A hook that takes text messages over HTTP: what an app believes to be the service that sends them.

use super::note::{Decision, Outcome, quoted};
use crate::plan::InboxHookPlan;
use crate::topology::inbox::{Draft, Inbox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Largest body, in bytes.
const LARGEST: usize = 256 * 1024;

/// A hook for one origin. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    plan: Arc<InboxHookPlan>,
    reply: Arc<Value>,
    inbox: Inbox,
}

impl Hook {
    /// A hook that answers with `reply`.
    pub(crate) fn new(plan: &InboxHookPlan, reply: Value, inbox: Inbox) -> Self {
        Self { plan: Arc::new(plan.clone()), reply: Arc::new(reply), inbox }
    }

    /// The service, on any path.
    pub(crate) fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    fn take(&self, fields: &Map<String, Value>) -> Outcome {
        let plan = &*self.plan;
        let to: Vec<String> = find(fields, &plan.to).map(texts).unwrap_or_default();
        let text = find(fields, &plan.text).and_then(|text| texts(text).into_iter().next());
        let (Some(text), false) = (text, to.is_empty()) else {
            let lacks = if to.is_empty() { ("recipient", &plan.to) } else { ("text", &plan.text) };
            let there: Vec<_> = fields.keys().take(20).map(|name| quoted(name)).collect();
            let why = format!("there is no {} (looked for {}; there are {})", lacks.0, lacks.1.join(", "), there.join(", "));
            return refused(StatusCode::BAD_REQUEST, why);
        };
        let from = find(fields, &plan.from).and_then(|from| texts(from).into_iter().next()).unwrap_or_default();
        let recipients = to.len();
        self.inbox.deliver(Draft { channel: plan.channel, from, to, subject: None, text, html: None });
        let status = StatusCode::from_u16(plan.status).unwrap_or(StatusCode::OK);
        let decision = Decision::new("inbox", "message taken");
        let decision = if recipients > 1 { decision.because(format!("for {recipients} recipients")) } else { decision };
        Outcome::new(json_response(status, &self.reply), decision)
    }
}

async fn answer(State(hook): State<Hook>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST && parts.method != Method::PUT {
        let mut outcome =
            refused(StatusCode::METHOD_NOT_ALLOWED, format!("a message is posted, and this is {}", quoted(parts.method.as_str())));
        outcome.response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, PUT"));
        return outcome.into_response();
    }
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body ends early or is larger than 256 KiB").into_response();
    };
    // By what it is, not by what it says it is: senders forget the content type.
    let fields = match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return refused(StatusCode::BAD_REQUEST, "the JSON is no object").into_response(),
        Err(_) => url::form_urlencoded::parse(&bytes).take(200).map(|(name, value)| (name.into_owned(), Value::from(value))).collect(),
    };
    hook.take(&fields).into_response()
}

/// The first of `names` that is there; a name with full stops leads into objects.
fn find<'v>(fields: &'v Map<String, Value>, names: &[String]) -> Option<&'v Value> {
    names.iter().find_map(|name| {
        fields.get(name).or_else(|| {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(fields.get(first)?, |value, part| value.get(part))
        })
    })
}

/// One text, or a list of them. Numbers are taken as written.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().take(100).filter(|item| !item.is_array()).flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn refused(status: StatusCode, why: impl Into<String>) -> Outcome {
    let why = why.into();
    Outcome::new(json_response(status, &json!({ "error": why })), Decision::new("inbox", "message refused").because(why))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Channel, JsonTemplate};
    use tower::ServiceExt as _;

    fn hook(to: &[&str], text: &[&str]) -> Hook {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let plan = InboxHookPlan {
            to: names(to),
            text: names(text),
            from: names(&["from"]),
            channel: Channel::Sms,
            status: 201,
            reply: JsonTemplate::Plain(Value::Null),
        };
        Hook::new(&plan, json!({ "sid": "SM1" }), Inbox::default())
    }

    async fn post(hook: &Hook, body: &str) -> (u16, String) {
        let request = http::Request::post("/2010/Messages.json").body(Body::from(body.to_owned())).unwrap();
        let response = hook.clone().router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        assert!(response.extensions().get::<crate::topology::provider::Note>().is_some());
        (status, String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn json_and_forms_are_taken_and_answered_as_told() {
        let hook = hook(&["To", "message.recipients"], &["Body", "message.text"]);
        assert_eq!(post(&hook, "To=%2B1555&Body=code+482913&from=salon").await, (201, r#"{"sid":"SM1"}"#.to_owned()));
        assert_eq!(post(&hook, r#"{"message": {"recipients": ["+1555", 1556], "text": "hi"}}"#).await.0, 201);
        let messages: Vec<_> = hook.inbox.messages().into_iter().map(|message| message.draft).collect();
        assert_eq!((messages[0].to[0].as_str(), messages[0].text.as_str(), messages[0].from.as_str()), ("+1555", "code 482913", "salon"));
        assert_eq!((messages[1].to.join(" "), messages[1].text.as_str()), ("+1555 1556".to_owned(), "hi"));
    }

    #[tokio::test]
    async fn what_is_no_message_is_refused_with_what_is_missing() {
        let hook = hook(&["to"], &["text"]);
        for (body, told) in [
            ("", "no recipient (looked for to"),
            (r#"{"to": "+1", "msg": "x"}"#, "no text (looked for text; there are `to`, `msg`)"),
            ("[1]", "no object"),
            (r#"{"to": {"a": 1}, "text": "x"}"#, "no recipient"),
        ] {
            let (status, answer) = post(&hook, body).await;
            assert!(status == 400 && answer.contains(told), "{body}: {answer}");
        }
        assert!(hook.inbox.messages().is_empty());
    }
}
