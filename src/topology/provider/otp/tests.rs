use super::*;
use crate::base::Secret;
use crate::plan::{Fault, OtpFlag, Service};
use crate::topology::inbox::Channel;
use crate::topology::provider::Note;
use axum::body::Body;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;
use tower::ServiceExt as _;

const ADA: &str = "+966500000001";

fn plan() -> OtpPlan {
    OtpPlan {
        key: Secret::new("key", "k-1"),
        flag: OtpFlag::Status,
        code_ttl: Duration::from_secs(300),
        attempts: 3,
        digits: 6,
        balance: 10,
        sender: "Salon".to_owned(),
        templates: vec![(1, "Your code is {otp}".to_owned()), (5, "{otp} ist Ihr Code".to_owned())],
        faults: Vec::new(),
    }
}

fn vendor(plan: OtpPlan) -> OtpVendor {
    OtpVendor::new(&plan, Surroundings::default())
}

fn with(faults: &[&str]) -> OtpVendor {
    vendor(OtpPlan { faults: faults.iter().map(|fault| Fault::parse(fault, Service::Otp).unwrap()).collect(), ..plan() })
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
    text: String,
    note: String,
}

async fn call(vendor: &OtpVendor, method: &str, path: &str, key: Option<&str>, body: &str) -> Answer {
    let mut request = http::Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("X-Authorization", key);
    }
    let response = vendor.router().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let note = parts.extensions.get::<Note>().expect("every answer has a note").0.clone();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status.as_u16(), headers: parts.headers, body, text, note }
}

async fn post(vendor: &OtpVendor, path: &str, body: Value) -> Answer {
    call(vendor, "POST", path, Some("k-1"), &body.to_string()).await
}

async fn send(vendor: &OtpVendor) -> Answer {
    post(vendor, "/api/v2/send-otp", json!({ "method": "sms", "phone": ADA })).await
}

async fn verify(vendor: &OtpVendor, code: &str) -> Answer {
    post(vendor, "/api/v2/verify-otp", json!({ "phone": ADA, "otp": code })).await
}

fn texts(vendor: &OtpVendor) -> Vec<String> {
    vendor.inner.surroundings.inbox.messages().into_iter().map(|message| message.draft.text).collect()
}

fn code(vendor: &OtpVendor) -> String {
    texts(vendor).last().unwrap().strip_prefix("Your code is ").unwrap().to_owned()
}

#[tokio::test]
async fn a_code_is_sent_and_taken_once() {
    let vendor = vendor(plan());
    let sent = send(&vendor).await;
    assert_eq!((sent.status, &sent.body["success"], &sent.body["data"]), (200, &json!(true), &Value::Null));
    assert!(sent.body["message"].is_string());
    let code = code(&vendor);
    assert!(code.len() == 6 && !sent.text.contains(&code) && !sent.note.contains(&code), "{}", sent.note);
    let right = verify(&vendor, &code).await;
    assert_eq!((right.status, &right.body["status"]), (200, &json!(true)));
    let again = verify(&vendor, &code).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!(false)));
    assert!(again.note.contains("used before"), "{}", again.note);
}

#[tokio::test]
async fn older_paths_do_the_same() {
    let vendor = vendor(plan());
    assert_eq!(post(&vendor, "/api/v1/send-otp", json!({ "method": "sms", "phone": ADA })).await.body["success"], true);
    let answer = post(&vendor, "/api/sdk/v1/verifyOTP", json!({ "phone": ADA, "otp": code(&vendor) })).await;
    assert_eq!(answer.body["status"], true);
}

#[tokio::test]
async fn each_documented_flag_can_be_chosen_and_stands_alone() {
    for flag in OtpFlag::ALL {
        let vendor = vendor(OtpPlan { flag, ..plan() });
        send(&vendor).await;
        let wrong = verify(&vendor, "wrong").await;
        let right = verify(&vendor, &code(&vendor)).await;
        for other in OtpFlag::ALL {
            let expected = if other == flag { (json!(false), json!(true)) } else { (Value::Null, Value::Null) };
            assert_eq!((wrong.body[other.name()].clone(), right.body[other.name()].clone()), expected, "{flag:?} {other:?}");
        }
    }
}

#[tokio::test]
async fn a_code_expires_by_the_clock_of_the_run() {
    let vendor = vendor(plan());
    let clock = &vendor.inner.surroundings.clock;
    send(&vendor).await;
    clock.advance(Duration::from_secs(299));
    assert_eq!(verify(&vendor, &code(&vendor)).await.body["status"], true);
    send(&vendor).await;
    clock.advance(Duration::from_secs(301));
    let late = verify(&vendor, &code(&vendor)).await;
    assert!(late.body["status"] == false && late.note.contains("expired"), "{}", late.note);
}

#[tokio::test]
async fn after_too_many_wrong_codes_the_right_one_is_wrong_too() {
    let vendor = vendor(plan());
    send(&vendor).await;
    let code = code(&vendor);
    for _ in 0..3 {
        assert_eq!(verify(&vendor, "0").await.body["status"], false);
    }
    let answer = verify(&vendor, &code).await;
    assert!(answer.body["status"] == false && answer.note.contains("too many"), "{}", answer.note);
}

#[tokio::test]
async fn methods_templates_and_chosen_codes_are_honoured() {
    let vendor = vendor(plan());
    let body = json!({ "method": "whatsapp", "phone": ADA, "template_id": 5, "otp": "A1B2" });
    assert_eq!(post(&vendor, "/api/v2/send-otp", body).await.status, 200);
    let body = json!({ "method": "email", "email": "ada@x.test", "otp": 4821 });
    assert_eq!(post(&vendor, "/api/v2/send-otp", body).await.status, 200);
    let messages = vendor.inner.surroundings.inbox.messages();
    let [whatsapp, mail] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((whatsapp.draft.channel, whatsapp.draft.text.as_str()), (Channel::Sms, "A1B2 ist Ihr Code"));
    assert_eq!(
        (mail.draft.channel, mail.draft.text.as_str(), mail.draft.to.join(",")),
        (Channel::Mail, "Your code is 4821", "ada@x.test".into())
    );
    assert!(mail.draft.subject.is_some() && mail.draft.from == "Salon");
    let answer = post(&vendor, "/api/v2/verify-otp", json!({ "email": "ada@x.test", "otp": "4821" })).await;
    assert_eq!(answer.body["status"], true);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told_by_status() {
    let vendor = vendor(plan());
    let good = json!({ "method": "sms", "phone": ADA }).to_string();
    for (method, path, key, body, status) in [
        ("POST", "/api/v2/send-otp", None, good.as_str(), 401),
        ("POST", "/api/v2/send-otp", Some("k-2"), &good, 401),
        ("GET", "/api/v2/balance", None, "", 401),
        ("POST", "/api/v2/send-otp", Some("k-1"), "{", 400),
        ("POST", "/api/v2/send-otp", Some("k-1"), "[]", 400),
        ("POST", "/api/v2/send-otp", Some("k-1"), "{}", 400),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "pigeon", "phone": "+1555"}"#, 400),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "sms", "phone": 966500000001}"#, 400),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "sms", "phone": "0500000001"}"#, 422),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "sms", "phone": "+1"}"#, 422),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "sms", "phone": "+1234567890123456"}"#, 422),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "email", "email": "ada"}"#, 422),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "sms", "phone": "+1555", "template_id": 9}"#, 422),
        ("POST", "/api/v2/send-otp", Some("k-1"), r#"{"method": "sms", "phone": "+1555", "fallback_phone": "x"}"#, 422),
        ("POST", "/api/v2/verify-otp", Some("k-1"), r#"{"phone": "+1555"}"#, 400),
        ("POST", "/api/v2/verify-otp", Some("k-1"), r#"{"otp": "1"}"#, 400),
        ("GET", "/api/v2/send-otp", Some("k-1"), "", 405),
        ("POST", "/api/v3/send-otp", Some("k-1"), &good, 404),
    ] {
        let answer = call(&vendor, method, path, key, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
        assert_eq!(answer.body["success"], false);
        assert_eq!(answer.headers.contains_key(ALLOW), status == 405);
    }
    assert_eq!(texts(&vendor), Vec::<String>::new());
}

#[tokio::test]
async fn messages_cost_and_nobody_sends_without_balance() {
    let vendor = vendor(OtpPlan { balance: 1, ..plan() });
    let balance = async || call(&vendor, "GET", "/api/v2/balance", Some("k-1"), "").await.body["data"]["balance"].clone();
    assert_eq!(balance().await, 1);
    assert_eq!(send(&vendor).await.status, 200);
    assert_eq!(balance().await, 0);
    assert_eq!((send(&vendor).await.status, texts(&vendor).len()), (400, 1));
}

#[tokio::test]
async fn success_may_be_false_with_200_and_nothing_is_sent() {
    let vendor = with(&["otp_unsent"]);
    let answer = send(&vendor).await;
    assert_eq!((answer.status, &answer.body["success"], texts(&vendor).len()), (200, &json!(false), 0));
}

#[tokio::test]
async fn what_is_said_to_be_sent_may_never_arrive() {
    let vendor = with(&["undelivered"]);
    let answer = send(&vendor).await;
    assert_eq!((answer.status, &answer.body["success"], texts(&vendor).len()), (200, &json!(true), 0));
    let body = json!({ "method": "sms", "phone": ADA, "fallback_phone": "+966500000002" });
    let vendor = with(&[r#"{"undelivered": {"user": "+966500000001"}}"#]);
    post(&vendor, "/api/v2/send-otp", body).await;
    assert_eq!(vendor.inner.surroundings.inbox.messages()[0].draft.to, ["+966500000002"]);
}

#[tokio::test]
async fn the_right_code_may_be_called_wrong_and_flags_may_be_missing() {
    let vendor = with(&["otp_unverified"]);
    send(&vendor).await;
    let answer = verify(&vendor, &code(&vendor)).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!(false)));
    let vendor = with(&["otp_flag_missing"]);
    let sent = send(&vendor).await;
    let verified = verify(&vendor, &code(&vendor)).await;
    for answer in [sent, verified] {
        assert!(answer.status == 200 && OtpFlag::ALL.iter().all(|flag| answer.body.get(flag.name()).is_none()), "{}", answer.text);
    }
}

#[tokio::test]
async fn faults_of_whole_endpoints_strike_here_too() {
    let vendor = with(&[r#"{"throttled": {"endpoint": "send", "retry_after": "30s", "times": 1}}"#, "malformed_json=verify"]);
    let throttled = send(&vendor).await;
    assert_eq!((throttled.status, throttled.headers["retry-after"].as_bytes()), (429, b"30".as_slice()));
    assert_eq!(send(&vendor).await.status, 200);
    let cut = verify(&vendor, &code(&vendor)).await;
    assert!(cut.status == 200 && cut.body.is_null() && !cut.text.is_empty(), "{}", cut.text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes, the answer is JSON with a status that the vendor has, and a code is only ever sent to a good recipient.
    #[test]
    fn any_call_gets_an_answer_of_the_vendor(
        path in prop::sample::select(vec!["/api/v2/send-otp", "/api/v1/send-otp", "/api/v2/verify-otp", "/api/sdk/v1/verifyOTP", "/x"]),
        method in prop::sample::select(vec![json!("sms"), json!("email"), json!("whatsapp"), json!(1), Value::Null]),
        phone in prop_oneof![any::<String>().prop_map(Value::from), "\\+[0-9]{0,17}".prop_map(Value::from), any::<i64>().prop_map(Value::from)],
        otp in prop_oneof![any::<String>().prop_map(Value::from), any::<u64>().prop_map(Value::from), Just(Value::Null), Just(json!({}))],
        template in prop_oneof![any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from), Just(Value::Null)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let vendor = vendor(plan());
        let body = json!({ "method": method, "phone": phone, "email": phone, "otp": otp, "template_id": template, "fallback_email": otp });
        let answer = runtime.block_on(post(&vendor, path, body));
        prop_assert!([200, 400, 404, 422].contains(&answer.status), "{}", answer.text);
        prop_assert!(answer.body.is_object(), "{}", answer.text);
        for message in vendor.inner.surroundings.inbox.messages() {
            prop_assert!(message.draft.to[0].starts_with('+') || message.draft.to[0].contains('@'));
        }
    }
}
