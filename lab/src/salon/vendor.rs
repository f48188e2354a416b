//! Who sends codes and checks them: the console, or Authentica over the app's way out. Calls are made inside the request.

use std::time::Instant;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::config::{Config, Provider};
use super::contract::Refusal;
use super::faults::Fault;
use super::store::random_code;
use crate::egress;

/// How often a failed send is repeated by [`Fault::VendorRetried`].
const RETRIES: usize = 2;
/// The names under which the vendor's documents have the flag of success.
const FLAGS: [&str; 3] = ["success", "status", "verified"];

/// What the vendor said, as far as the log is concerned.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// `sent`, `verified`, `refused`, or why there is no such answer.
    pub(super) outcome: &'static str,
    pub(super) status: Option<u16>,
    pub(super) request_id: Option<String>,
    pub(super) took: u128,
}

/// A code was handed over; the code itself where this server chose it.
pub(super) struct Sent {
    pub(super) code: Option<String>,
}

/// The vendor, or what stands in for it.
pub(super) struct Vendor {
    client: reqwest::Client,
}

struct Answer {
    status: StatusCode,
    body: Option<Value>,
    heard: Heard,
}

impl Vendor {
    pub(super) fn new(client: reqwest::Client) -> Vendor {
        Vendor { client }
    }

    /// Has a code sent. What was heard goes to `told`, also when it failed.
    pub(super) async fn send(&self, number: &str, channel: &str, config: &Config, told: &mut Option<Heard>) -> Result<Sent, Refusal> {
        if config.provider == Provider::Console {
            return Ok(Sent { code: Some(random_code()) });
        }
        let code = config.has(Fault::VerifiedLocally).then(random_code);
        let mut body = json!({ "method": channel, "phone": number, "template_id": 1 });
        if let Some(code) = &code {
            body["otp"] = code.as_str().into();
        }
        let tries = if config.has(Fault::VendorRetried) { 1 + RETRIES } else { 1 };
        let mut outcome = Err(Refusal::Unavailable);
        for _ in 0..tries {
            let answer = self.call("/api/v2/send-otp", &body, config).await;
            outcome = judge(&answer, &["success"], config);
            let heard = if outcome.is_ok() { "sent" } else { answer.heard.outcome };
            *told = Some(Heard { outcome: heard, ..answer.heard });
            if outcome.is_ok() {
                break;
            }
        }
        // A send that is not confirmed is a send that failed, whatever the status says.
        outcome.map_err(|refusal| if refusal == Refusal::Code { Refusal::Unavailable } else { refusal }).map(|()| Sent { code })
    }

    /// Has a code checked.
    pub(super) async fn verify(&self, number: &str, code: &str, config: &Config, told: &mut Option<Heard>) -> Result<(), Refusal> {
        let answer = self.call("/api/v2/verify-otp", &json!({ "phone": number, "otp": code }), config).await;
        let outcome = judge(&answer, &FLAGS, config);
        let heard = match &outcome {
            Ok(()) => "verified",
            Err(Refusal::Code) => "refused",
            Err(_) => answer.heard.outcome,
        };
        *told = Some(Heard { outcome: heard, ..answer.heard });
        outcome
    }

    async fn call(&self, path: &str, body: &Value, config: &Config) -> Answer {
        let began = Instant::now();
        let mut request = self.client.post(format!("{}{path}", config.vendor_url)).json(body).timeout(config.vendor_timeout);
        if let Some(key) = &config.vendor_key {
            request = request.header("X-Authorization", key);
        }
        let failed = |outcome, status: Option<StatusCode>| Answer {
            status: status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            body: None,
            heard: Heard { outcome, status: status.map(|status| status.as_u16()), request_id: None, took: began.elapsed().as_millis() },
        };
        let response = match request.header("accept", "application/json").send().await {
            Ok(response) => response,
            Err(error) => return failed(if error.is_timeout() { "timeout" } else { "no-answer" }, None),
        };
        let status = response.status();
        let request_id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let Ok(bytes) = egress::body(response).await else { return failed("broken-answer", Some(status)) };
        let body = serde_json::from_slice(&bytes).ok();
        let outcome = if body.is_none() { "malformed-answer" } else { "vendor-error" };
        let heard = Heard { outcome, status: Some(status.as_u16()), request_id, took: began.elapsed().as_millis() };
        Answer { status, body, heard }
    }
}

/// What an answer means. A 200 is a success when the flags that are there say so, and one is.
fn judge(answer: &Answer, flags: &[&str], config: &Config) -> Result<(), Refusal> {
    let failed = |refusal: Refusal| Err(if config.has(Fault::VendorErrorsUncaught) { Refusal::Crashed } else { refusal });
    match answer.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return failed(Refusal::Misconfigured),
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => return failed(Refusal::Phone),
        _ => return failed(Refusal::Unavailable),
    }
    if config.has(Fault::AnyAnswerIsSuccess) {
        return Ok(());
    }
    let Some(body) = &answer.body else { return failed(Refusal::Unavailable) };
    let told: Vec<&Value> = flags.iter().filter_map(|flag| body.get(flag)).collect();
    if told.is_empty() {
        return failed(Refusal::Unavailable);
    }
    if told.into_iter().all(|flag| flag == true) { Ok(()) } else { Err(Refusal::Code) }
}
