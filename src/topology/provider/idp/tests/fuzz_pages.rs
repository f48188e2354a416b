//! Whatever is sent to the pages and to the JSON interface behind them: no panic, no 5xx, and nobody gets in.

use super::fuzz::{NAMES, is_harmless, parameters, runtime, value};
use super::*;
use proptest::prelude::*;

/// JSON that is mostly an answer to some stage.
fn json_body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        value().prop_map(Value::from),
        Just(json!("jarvis-pässword")),
        Just(json!({ "device_class": "email", "device_uid": "1" })),
    ];
    let names = vec!["component", "uid_field", "password", "code", "token", "decision", "selected_challenge", "", "__proto__"];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        let key = prop::sample::select(names.clone()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// A flow that is anywhere, and answers that are anything: every reply is a challenge, and nobody gets in without password
    /// and code.
    #[test]
    fn any_answer_to_any_stage_gets_a_challenge(
        stage in 0..4_usize,
        mail in any::<bool>(),
        query in parameters(),
        bodies in prop::collection::vec(json_body(), 1..8),
    ) {
        runtime().block_on(async {
            let mut browser = if mail { super::mfa::with_mail() } else { super::mfa::with_totp() };
            let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
            let flow = if stage == 3 { "default-provider-authorization-explicit-consent" } else { "default-authentication-flow" };
            let uri = format!("/api/v3/flows/executor/{flow}/?query={query}");
            let first = [json!({ "uid_field": "jarvis" }), json!({ "password": "jarvis-pässword" })];
            for body in first.into_iter().take(stage).chain(bodies) {
                let request = Request::post(&uri).header(CONTENT_TYPE, "application/json").body(body.to_string().into()).unwrap();
                let reply = browser.send(request).await;
                match reply.status.as_u16() {
                    302 => prop_assert_eq!(reply.location(), uri.as_str()),
                    status => {
                        prop_assert_eq!(status, 200, "{}", reply.note);
                        prop_assert!(reply.json()["component"].as_str().is_some_and(|name| name.starts_with("ak-stage-")));
                    }
                }
            }
            prop_assert!(browser.get("/if/user/").await.status == 302, "somebody got in");
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every page, with the form it was shown with and anything in its other fields.
    #[test]
    fn any_form_to_any_page_gets_a_page_or_a_way_on(
        stage in prop::sample::select(vec!["login", "code", "mailed code", "accounts", "consent"]),
        forms in prop::collection::vec(prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..5), 1..8),
    ) {
        runtime().block_on(async {
            let mut browser = match stage {
                "code" => super::mfa::with_totp(),
                "mailed code" => super::mfa::with_mail(),
                _ => Browser::new(|plan| plan.consent = Consent::Explicit),
            };
            let request = authorize_uri(&but("prompt", if stage == "accounts" { "select_account" } else { "" }));
            let login = browser.get(&request).await.location().to_owned();
            let address = match stage {
                "login" => login,
                "code" | "mailed code" => browser.log_in(&login, "jarvis", "jarvis-pässword").await.location().to_owned(),
                _ => {
                    let back = browser.log_in(&login, "jarvis", "jarvis-pässword").await.location().to_owned();
                    let on = browser.get(&back).await.location().to_owned();
                    if stage == "consent" { on } else { browser.get(&request).await.location().to_owned() }
                }
            };
            let transaction = browser.get(&address).await.transaction();
            for form in &forms {
                let mut fields = vec![("transaction", transaction.as_str())];
                fields.extend(form.iter().filter(|(name, _)| *name != "transaction").map(|(name, value)| (*name, value.as_str())));
                let reply = browser.post(&address, &fields).await;
                prop_assert!(!reply.status.is_server_error(), "{} {}", reply.status, reply.note);
                if let Some(location) = reply.headers.get(LOCATION) {
                    prop_assert!(is_harmless(location.to_str().unwrap()), "{location:?}");
                }
            }
            Ok(())
        })?;
    }
}
