//! The API against a vendor that is a list of answers.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::deployment::router;
use crate::Log;
use crate::env::Env;

struct World {
    app: Router,
    vendor: MockServer,
    log: Arc<Mutex<Vec<String>>>,
}

async fn world(pairs: &[(&str, &str)]) -> World {
    let vendor = MockServer::start().await;
    Mock::given(path("/api/v2/send-otp")).respond_with(answer(200, &json!({ "success": true }))).with_priority(9).mount(&vendor).await;
    let url = vendor.uri();
    let lookup = |name: &str| match name {
        "AUTHENTICA_BASE_URL" => Some(url.clone()),
        "OTP_PROVIDER" => Some("authentica".to_owned()).filter(|_| !pairs.iter().any(|(known, _)| *known == name)),
        "DJANGO_SECRET_KEY" | "STAFF_TOKEN" => Some("lab-only".to_owned()),
        _ => None,
    };
    let lookup = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()).or_else(|| lookup(name));
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = log.clone();
    let printed: Log = Arc::new(move |line| sink.lock().expect("no panic holds it").push(line.to_owned()));
    let app = router(&Env::new(&lookup), &printed).expect("an app");
    World { app, vendor, log }
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

impl World {
    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json").body(Body::from(body.to_string())).expect("a request");
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let answer = self.app.clone().oneshot(request).await.expect("answered");
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), 65_536).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn verified(&self, body: Value) {
        Mock::given(method("POST")).and(path("/api/v2/verify-otp")).respond_with(answer(200, &body)).mount(&self.vendor).await;
    }

    async fn calls(&self, to: &str) -> usize {
        let received = self.vendor.received_requests().await.unwrap_or_default();
        received.iter().filter(|request| request.url.path() == to).count()
    }
}

const NUMBER: &str = "0512345678";

fn asked() -> Value {
    json!({ "phone_number": NUMBER, "channel": "sms" })
}

fn typed(code: &str) -> Value {
    json!({ "phone_number": "+966512345678", "code": code })
}

#[tokio::test]
async fn a_verified_code_signs_in_and_opens_the_gate() {
    let world = world(&[]).await;
    world.verified(json!({ "status": true })).await;
    assert_eq!(world.post("/api/auth/phone/request/", asked()).await.0, 200);
    let (status, body) = world.post("/api/auth/phone/verify/", typed("123456")).await;
    assert_eq!((status, &body["user"]["is_phone_verified"]), (200, &json!(true)));
    let token = body["access"].as_str().expect("a token").to_owned();
    for (path, wanted) in [("/api/auth/me/", 200), ("/api/bookings/", 200)] {
        let builder = if path.ends_with("me/") { Request::get(path) } else { Request::post(path) };
        let request = builder.header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).expect("a request");
        assert_eq!(world.send(request).await.0, wanted, "{path}");
    }
    assert_eq!(world.send(Request::get("/api/auth/me/").body(Body::empty()).expect("a request")).await.0, 401);
    let log = world.log.lock().expect("no panic holds it").join("\n");
    assert!(log.contains("otp send sent number=") && !log.contains("512345678") && !log.contains("123456"), "{log}");
}

#[tokio::test]
async fn what_the_vendor_does_wrong_is_told_as_what_it_means() {
    for (status, body, wanted) in [
        (401, json!({}), 503),
        (422, json!({}), 400),
        (429, json!({}), 503),
        (500, json!({}), 503),
        (200, json!({ "success": false }), 503),
        (200, json!("no object"), 503),
    ] {
        for (faults, wanted) in [("", wanted), ("vendor-errors-uncaught", if body == json!({ "success": false }) { 503 } else { 500 })] {
            let world = world(&[("FAULTS", faults)]).await;
            Mock::given(path("/api/v2/send-otp")).respond_with(answer(status, &body)).with_priority(1).mount(&world.vendor).await;
            assert_eq!(world.post("/api/auth/otp/request/", asked()).await.0, wanted, "{status} {body} {faults}");
            // A send that failed starts no cooldown.
            assert_eq!(world.post("/api/auth/otp/request/", asked()).await.0, wanted);
        }
    }
}

#[tokio::test]
async fn each_flag_of_success_counts_and_none_is_no_success() {
    for flag in ["status", "verified", "success"] {
        for (value, wanted, sloppy) in [(json!({ flag: true }), 200, 200), (json!({ flag: false }), 400, 200), (json!({}), 503, 200)] {
            for (faults, wanted) in [("", wanted), ("any-200-is-success", sloppy)] {
                let world = world(&[("FAULTS", faults)]).await;
                world.verified(value.clone()).await;
                world.post("/api/auth/otp/request/", asked()).await;
                assert_eq!(world.post("/api/auth/otp/verify/", typed("1")).await.0, wanted, "{value} {faults}");
            }
        }
    }
}

#[tokio::test]
async fn guesses_are_counted_before_the_vendor_is_asked() {
    let world = world(&[]).await;
    world.verified(json!({ "status": false })).await;
    world.post("/api/auth/phone/request/", asked()).await;
    let guesses = (0..9).map(|guess| world.post("/api/auth/phone/verify/", typed(&guess.to_string())));
    let answers = futures_util::future::join_all(guesses).await;
    assert_eq!(answers.iter().filter(|(_, body)| body["code"] == "otp_locked").count(), 4);
    assert_eq!(world.calls("/api/v2/verify-otp").await, 5);
}

#[tokio::test]
async fn a_cooldown_refuses_and_calls_nobody_and_families_do_not_share_codes() {
    let world = world(&[]).await;
    world.verified(json!({ "status": true })).await;
    world.post("/api/auth/phone/request/", asked()).await;
    let (status, body) = world.post("/api/auth/otp/request/", asked()).await;
    assert_eq!((status, &body["code"]), (429, &json!("otp_cooldown")));
    assert_eq!(world.calls("/api/v2/send-otp").await, 1);
    assert_eq!(world.post("/api/auth/otp/verify/", typed("1")).await.1["code"], "otp_invalid");
    assert_eq!(world.post("/api/auth/phone/verify/", typed("1")).await.0, 200);
    assert_eq!(world.post("/api/auth/phone/verify/", typed("1")).await.1["code"], "otp_invalid", "a code is good once");
}

#[tokio::test]
async fn the_console_prints_the_code_and_checks_it_without_the_vendor() {
    let world = world(&[("OTP_PROVIDER", "console")]).await;
    world.post("/api/auth/otp/request/", asked()).await;
    let log = world.log.lock().expect("no panic holds it").join("\n");
    let code = log.rsplit(' ').next().expect("a code").to_owned();
    assert_eq!(world.post("/api/auth/otp/verify/", typed("x")).await.0, 400);
    assert_eq!(world.post("/api/auth/otp/verify/", typed(&code)).await.0, 200);
    assert_eq!(world.calls("/api/v2/send-otp").await, 0);
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_a_path_without_slash_is_redirected() {
    let world = world(&[]).await;
    for body in
        [json!([]), json!({ "phone_number": 1 }), json!({ "phone_number": "x".repeat(9000) }), json!({ "phone_number": "05", "code": "1" })]
    {
        assert_eq!(world.post("/api/auth/otp/request/", body).await.0, 400);
    }
    assert_eq!(world.post("/api/auth/otp/request", asked()).await.0, 301);
    assert_eq!(world.post("/api/auth/otp/nothing", asked()).await.0, 404);
    let faults = self::world(&[("FAULTS", "unsent,no-slash-redirect")]).await;
    assert_eq!(faults.post("/api/auth/otp/request", asked()).await.0, 404);
    assert_eq!(faults.post("/api/auth/otp/request/", asked()).await.0, 200);
    assert_eq!(faults.calls("/api/v2/send-otp").await, 0);
}

#[tokio::test]
async fn a_new_environment_counts_after_a_restart_and_not_before() {
    let world = world(&[]).await;
    let staff = |request: axum::http::request::Builder, body: Value| {
        request.header("x-staff-token", "lab-only").body(Body::from(body.to_string())).expect("a request")
    };
    let edit = json!({ "OTP_RESEND_COOLDOWN_SECONDS": "0", "BUILD_ID": "next" });
    assert_eq!(world.send(Request::put("/api/staff/env/").body(Body::from(edit.to_string())).expect("a request")).await.0, 401);
    assert_eq!(world.send(staff(Request::put("/api/staff/env/"), json!({ "PATH": "/" }))).await.0, 400);
    world.post("/api/auth/otp/request/", asked()).await;
    assert_eq!(world.send(staff(Request::put("/api/staff/env/"), edit)).await.0, 204);
    assert_eq!(world.post("/api/auth/otp/request/", asked()).await.0, 429);
    assert_eq!(world.send(staff(Request::post("/api/staff/restart/"), json!({}))).await.0, 204);
    assert_eq!(world.post("/api/auth/otp/request/", asked()).await.0, 200);
    assert_eq!(world.send(staff(Request::put("/api/staff/env/"), json!({ "OTP_PROVIDER": "pigeon" }))).await.0, 204);
    assert_eq!(world.send(staff(Request::post("/api/staff/restart/"), json!({}))).await.1["code"], "bad_environment");
    assert_eq!(world.post("/api/auth/otp/nothing", asked()).await.0, 404, "the one before goes on");
}
