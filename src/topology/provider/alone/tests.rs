//! The log and the admin API, without sockets.

use super::*;
use crate::plan::{Fault, IdpClient, IdpUser, Service};
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Mutex;
use tower::ServiceExt as _;

fn alone() -> Alone {
    let user = IdpUser {
        name: "ada".to_owned(),
        password: crate::base::Secret::new("ada", "lovelace"),
        subject: "sub-ada".to_owned(),
        claims: crate::plan::Claims::new(),
        mfa: None,
        locked: false,
    };
    let client = IdpClient { id: "app".to_owned(), redirect_uris: vec!["http://localhost:3000/cb".to_owned()], ..IdpClient::default() };
    let faults = vec![Fault::parse("alg_none", Service::Idp).unwrap()];
    let plan = IdpPlan { users: vec![user], clients: vec![client], faults, ..IdpPlan::default() };
    Alone::new(&plan, Url::parse("http://127.0.0.1:9000").unwrap())
}

async fn ask(alone: &Alone, request: Request<Body>) -> (StatusCode, Value) {
    let response = alone.admin().oneshot(request).await.unwrap();
    let status = response.status();
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn send(alone: &Alone, method: &str, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:9001");
    ask(alone, request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn faults_are_listed_added_replaced_and_cleared() {
    let alone = alone();
    let names = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|item| item["fault"].as_object().unwrap().keys().next().unwrap().clone()).collect()
    };
    let (_, listed) = send(&alone, "GET", "/faults", "").await;
    assert_eq!(listed, json!([{ "fault": { "alg_none": {} }, "struck": 0 }]));
    let (status, added) = send(&alone, "POST", "/faults/", json!({ "slow": "20ms" }).to_string()).await;
    assert_eq!((status.as_u16(), names(&added)), (201, vec!["alg_none".to_owned(), "slow".to_owned()]));
    let (_, again) = send(&alone, "PUT", "/faults", added.to_string()).await;
    assert_eq!(names(&again), names(&added), "what was told may be sent back");
    let (_, left) = send(&alone, "DELETE", "/faults?name=alg_none", "").await;
    assert_eq!(names(&left), ["slow"]);
    assert_eq!(send(&alone, "DELETE", "/faults", "").await.1, json!([]));
}

#[tokio::test]
async fn what_cannot_be_done_is_told_and_changes_nothing() {
    let alone = alone();
    for (method, path, body, status, told) in [
        ("POST", "/faults", "\"alg_nne\"", 400, "did you mean `alg_none`?"),
        ("PUT", "/faults", "[\"alg_none\", \"otp_unsent\"]", 400, "`otp_unsent` is a fault of `otp`"),
        ("PUT", "/faults", "{}", 400, "a list of faults is wanted"),
        ("POST", "/faults", "{", 400, "the body is not JSON"),
        ("DELETE", "/faults?name=x", "", 400, "unknown fault `x`"),
        ("POST", "/clock", "{\"advance\": \"never\"}", 400, "`advance` is a length of time"),
        ("POST", "/clock", "{\"advance\": \"99999999d\"}", 400, "at most ten years"),
        ("GET", "/calls?limit=all", "", 400, "`limit` is a number"),
        ("POST", "/calls", "", 405, "does not take this method"),
        ("GET", "/elsewhere", "", 404, "`GET /` lists"),
    ] {
        let (answered, value) = send(&alone, method, path, body).await;
        assert_eq!(answered.as_u16(), status, "{method} {path}: {value}");
        assert!(value["error"].as_str().unwrap().contains(told), "{method} {path}: {value}");
    }
    assert_eq!(send(&alone, "GET", "/faults", "").await.1.as_array().unwrap().len(), 1);
    let large = "x".repeat(300 * 1024);
    assert_eq!(send(&alone, "POST", "/faults", large).await.0, 413);
}

#[tokio::test]
async fn names_and_pages_of_others_are_refused() {
    let alone = alone();
    let with = |host: &str, origin: Option<&str>| {
        let mut request = Request::get("/faults").header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.body(Body::empty()).unwrap()
    };
    for host in ["127.0.0.1:9001", "[::1]:9001", "localhost:9001", "LOCALHOST", "192.0.2.7:9001"] {
        assert_eq!(ask(&alone, with(host, None)).await.0, 200, "{host}");
    }
    for host in ["evil.test", "127.0.0.1.evil.test:9001", "localhost.evil.test", "", "a b"] {
        assert_eq!(ask(&alone, with(host, None)).await.0, 403, "{host}");
    }
    assert_eq!(ask(&alone, with("localhost:9001", Some("http://localhost:9001"))).await.0, 200);
    for origin in ["http://localhost:9000", "https://localhost:9001", "null", "http://evil.test"] {
        assert_eq!(ask(&alone, with("localhost:9001", Some(origin))).await.0, 403, "{origin}");
    }
    assert_eq!(ask(&alone, Request::get("/faults").body(Body::empty()).unwrap()).await.0, 403, "no host at all");
}

#[tokio::test]
async fn calls_are_logged_and_kept_without_their_query() {
    let alone = alone();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = lines.clone();
    let router = alone.router(Arc::new(move |line| sink.lock().unwrap().push(line.to_owned())));
    for path in ["/application/o/authorize/?state=s3cret", "/if/user/"] {
        router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    }
    let lines = lines.lock().unwrap().clone();
    assert!(
        lines[0].starts_with("GET /application/o/authorize/ 400 ") && lines[0].contains("ms  authorize: refused with a page"),
        "{lines:?}"
    );
    assert!(!lines.concat().contains("s3cret"));
    let (_, calls) = send(&alone, "GET", "/calls?limit=1", "").await;
    assert_eq!((calls.as_array().unwrap().len(), &calls[0]["path"], &calls[0]["status"]), (1, &json!("/if/user/"), &json!(302)));
    assert_eq!(calls[0]["note"], "home: sent to the login page");
}

#[tokio::test]
async fn an_answer_that_was_never_sent_has_no_status() {
    let alone = alone();
    send(&alone, "PUT", "/faults", "[\"reset\"]").await;
    let router = alone.router(Arc::new(|_| {}));
    router.oneshot(Request::get("/if/user/").body(Body::empty()).unwrap()).await.unwrap();
    let (_, calls) = send(&alone, "GET", "/calls", "").await;
    assert_eq!((&calls[0]["status"], &calls[0]["note"]), (&Value::Null, &json!("home: fault: connection reset before anything was done")));
}

#[tokio::test]
async fn the_clock_moves_and_keys_rotate() {
    let alone = alone();
    let keys = async || {
        let request = Request::get("/application/o/app/jwks/").body(Body::empty()).unwrap();
        let response = alone.idp().router().oneshot(request).await.unwrap();
        let set: Value = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
        set["keys"].as_array().unwrap().len()
    };
    let before = alone.surroundings.clock.now();
    let (_, told) = send(&alone, "POST", "/clock", "{\"advance\": \"1h\"}").await;
    assert!(alone.surroundings.clock.now() - before >= time::Duration::HOUR);
    assert!(told["now"].as_str().unwrap().ends_with('Z'));
    let published = keys().await;
    assert_eq!(send(&alone, "POST", "/keys/rotate", "").await.1, json!({ "rotated": true }));
    assert!(keys().await > published, "the old keys stay published");
}

#[tokio::test]
async fn the_clock_stops_before_the_calendar_does() {
    let alone = alone();
    let mut status = StatusCode::OK;
    for _ in 0..1000 {
        status = send(&alone, "POST", "/clock", "{\"advance\": \"3650d\"}").await.0;
    }
    assert_eq!(status, 400);
    let response = alone.idp().router().oneshot(Request::get("/if/user/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 302);
}

#[tokio::test]
async fn mail_and_catalogue_can_be_read() {
    let alone = alone();
    alone.surroundings.inbox.deliver(crate::topology::inbox::Draft {
        channel: crate::topology::inbox::Channel::Mail,
        from: "no-reply@auth.test".to_owned(),
        to: vec!["ada@example.test".to_owned()],
        subject: Some("Your code".to_owned()),
        text: "123456".to_owned(),
        html: None,
    });
    let (_, inbox) = send(&alone, "GET", "/inbox", "").await;
    assert_eq!(
        (&inbox[0]["channel"], &inbox[0]["to"][0], &inbox[0]["text"]),
        (&json!("mail"), &json!("ada@example.test"), &json!("123456"))
    );
    let (_, catalogue) = send(&alone, "GET", "/faults/catalogue", "").await;
    let slow = catalogue.as_array().unwrap().iter().find(|fault| fault["name"] == "slow").unwrap().clone();
    assert_eq!((&slow["needs"][0]["name"], &slow["may"][0]["name"]), (&json!("by"), &json!("endpoint")));
    assert!(catalogue.as_array().unwrap().iter().all(|fault| fault["name"] != "otp_unsent"));
}
